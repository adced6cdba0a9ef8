/* SPDX-License-Identifier: MIT
 * text.c: advice for a terminal.
 */
#include "show.h"

#include "text/paragraph.h"
#include "text/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show_range(const char *what, struct advice_range range, double scale, pki_unit unit)
{
    char low[PKI_TEXT], high[PKI_TEXT];
    pki_text_value(low, range.low * scale, unit);
    pki_text_value(high, range.high * scale, unit);
    printf("   %s %s to %s\n", what, low, high);
}

static void show_code(const struct advice_set *set, size_t i)
{
    char *code = advise_code(set, i), *rest = code;
    puts("");
    for (char *line; code && (line = strsep(&rest, "\n")) != NULL;) {
        printf(*line ? "       %s\n" : "%s\n", line);
    }
    free(code);
}

static void show_one(const struct advice_set *set, size_t i)
{
    const struct advice *advice = &set->advice[i];
    char text[160];
    advise_pool_text(&advice->pool, text, sizeof text);
    printf("%zu. %s\n   %s\n\n", i + 1, set->analysis->sites[advice->site].name, text);
    show_range("saves at the peak", advice->memory, 1, PKI_BYTES);
    if (advice->time_ns.low > 0) {
        show_range("saves time", advice->time_ns, 1e-9, PKI_SECONDS);
    }
    printf("   confidence: %s (volume %.2f x stability %.2f x runs %.2f x model %.2f)\n",
           advice->level, advice->volume, advice->stability, advice->runs, advice->model);
    for (size_t k = 0; k < advice->n_evidence; k++) {
        pki_paragraph("   + ", advice->evidence[k]);
    }
    for (size_t k = 0; k < advice->n_counter; k++) {
        pki_paragraph("   - ", advice->counter[k]);
    }
    if (advice->rounding >= 1) {
        pki_text_value(text, advice->rounding, PKI_BYTES);
        printf("   - rounding up to the pool's size costs %s at the site's peak\n", text);
    }
    show_code(set, i);
}

static void show_replay(const char *name, const struct replay_result *r)
{
    char peak[PKI_TEXT];
    pki_text_value(peak, r->peak.median, PKI_BYTES);
    printf("%-18s %10s %8.1f (%.1f to %.1f)\n", name, peak, r->ns_per_event.median,
           r->ns_per_event.low, r->ns_per_event.high);
}

void advise_show(const struct advice_set *set)
{
    printf("%s\n\n", trace_info(set->trace)->command);
    for (size_t i = 0; i < set->n; i++) {
        show_one(set, i);
    }
    printf("Replayed                 peak  ns per event\n");
    show_replay("as recorded", &set->baseline);
    if (set->n > 0) {
        show_replay("with all advice", &set->combined);
    }
    if (set->has_own) {
        show_replay("all on poolkit", &set->own);
    }
    puts("");
    pki_paragraph("", set->nothing);
    if (set->calibration.trusted) {
        char text[ADVICE_TEXT];
        snprintf(text, sizeof text, "The replay met the recorded peak within %.1f %%. %.200s",
                 100 * fabs(set->calibration.error), set->calibration.reason);
        pki_paragraph("", text);
    }
}
