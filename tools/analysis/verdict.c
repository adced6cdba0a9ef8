/* SPDX-License-Identifier: MIT
 * verdict.c: whether fragmentation is this program's problem, in words.
 *
 * The yardstick is what is held beyond what was asked for at the largest footprint. Below 1 MiB, or
 * a tenth of the live bytes, nobody would notice; above half of them it is the first thing to look
 * at. Between is "some". (Of 30 programs measured with glibc the median stood at 1.1.)
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text/units.h"

#define NOTICED (UINT64_C(1) << 20)
#define SOME 0.10
#define HIGH 0.50

static void say(struct verdict *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct verdict *v, const char *format, ...)
{
    va_list args;
    if (v->n_reasons < VERDICT_REASONS) {
        va_start(args, format);
        vsnprintf(v->reasons[v->n_reasons++], VERDICT_TEXT, format, args);
        va_end(args);
    }
}

static const struct site *worst_pinner(const struct analysis *a)
{
    const struct site *worst = NULL;
    for (size_t i = 0; i < a->n_sites; i++) {
        if (!worst || a->sites[i].did.pinned > worst->did.pinned) {
            worst = &a->sites[i];
        }
    }
    return worst;
}

static void say_parts(const struct analysis *a, struct verdict *v, double waste)
{
    char text[PKI_TEXT], other[PKI_TEXT];
    const struct moment *m = &a->at_peak;
    double rounding = (double)m->usable - (double)m->live;
    double pinned = m->pinned > m->usable ? (double)(m->pinned - m->usable) : 0;
    double pages = m->resident > m->pinned ? (double)(m->resident - m->pinned) : 0;
    if (rounding > waste / 4) {
        pki_text_value(text, rounding, PKI_BYTES);
        say(v, "%s are the allocator's headers and rounding: pools of the right size have none.",
            text);
    }
    if (pinned > waste / 4) {
        const struct site *site = worst_pinner(a);
        double all = 0;
        for (size_t i = 0; i < a->n_sites; i++) {
            all += a->sites[i].did.pinned;
        }
        pki_text_value(text, pinned, PKI_BYTES);
        say(v,
            "%s are free but pinned by live blocks on the same pages; %.0f %% of that by %.120s.",
            text, all > 0 ? 100 * site->did.pinned / all : 0, site->name);
    }
    if (pages > waste / 4) {
        pki_text_value(text, pages, PKI_BYTES);
        say(v,
            "%s are whole pages without a live block: kept by the allocator, or mapped by the "
            "program itself.",
            text);
    }
    if (a->peak_live_time != m->time) {
        pki_text_value(text, (double)a->peak_live_time / 1e9, PKI_SECONDS);
        pki_text_value(other, (double)m->time / 1e9, PKI_SECONDS);
        say(v, "Live bytes were most at %s, the footprint at %s.", text, other);
    }
}

void analysis_judge(const struct analysis *a, struct verdict *out)
{
    char held[PKI_TEXT], live[PKI_TEXT], wasted[PKI_TEXT];
    const struct moment *m = &a->at_peak;
    double waste = m->footprint > m->live ? (double)(m->footprint - m->live) : 0;
    double share = m->live > 0 ? waste / (double)m->live : 0;
    *out = (struct verdict){.level = "none"};
    pki_text_value(held, (double)m->footprint, PKI_BYTES);
    pki_text_value(live, (double)m->live, PKI_BYTES);
    pki_text_value(wasted, waste, PKI_BYTES);
    if (a->all.allocations == 0) {
        snprintf(out->headline, VERDICT_TEXT, "Nothing was allocated.");
        return;
    }
    if (waste < (double)NOTICED || share < SOME) {
        snprintf(out->headline, VERDICT_TEXT,
                 "Fragmentation is not the problem: %s held for %s live.", held, live);
        say(out, "Beyond the live bytes %s were held at the peak.", wasted);
        return;
    }
    out->level = share < HIGH ? "some" : "high";
    snprintf(out->headline, VERDICT_TEXT, "%s: %s held for %s live, %s more than was asked for.",
             share < HIGH ? "Some fragmentation" : "High fragmentation", held, live, wasted);
    say_parts(a, out, waste);
}

size_t analysis_caveats(const struct analysis *a, char out[CAVEATS_MOST][VERDICT_TEXT])
{
    const struct trace *t = a->trace;
    size_t n = 0;
    if (!trace_whole(t)) {
        snprintf(out[n++], VERDICT_TEXT,
                 "The recording was cut short: it ends before the program did.");
    }
    if (trace_dropped(t) > 0) {
        snprintf(out[n++], VERDICT_TEXT, "%llu events were dropped while recording.",
                 (unsigned long long)trace_dropped(t));
    }
    if (a->unknown_frees > 0) {
        snprintf(out[n++], VERDICT_TEXT, "%llu frees of blocks from before the recording%s.",
                 (unsigned long long)a->unknown_frees,
                 trace_info(t)->forked ? " (inherited from the parent process)" : "");
    }
    if (trace_samples(t) == 0) {
        snprintf(out[n++], VERDICT_TEXT,
                 "Resident memory was not sampled: pinned pages stand in for it.");
    }
    if (strncmp(trace_info(t)->allocator, "glibc", 5) != 0) {
        snprintf(out[n++], VERDICT_TEXT, "Rounding is glibc's, though the program ran on %.64s.",
                 trace_info(t)->allocator);
    }
    if (trace_stacks(t) == 0 && a->all.allocations > 0) {
        snprintf(out[n++], VERDICT_TEXT,
                 "Recorded without call stacks: sites cannot be told apart.");
    }
    snprintf(out[n++], VERDICT_TEXT,
             "Allocators of the program's own, below or above malloc, are not seen.");
    return n;
}
