/* SPDX-License-Identifier: MIT
 * text.c: the report for a terminal: 80 columns, no colours.
 */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text/paragraph.h"
#include "text/units.h"

enum { COLUMNS = 78, SHOWN_SITES = 15, SPARK = 56, NAME = 38 };

/* Eight heights, in UTF-8. */
static const char *const heights[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

static const char *bytes(char out[PKI_TEXT], double value)
{
    pki_text_value(out, value, PKI_BYTES);
    return out;
}

static const char *count(char out[PKI_TEXT], uint64_t value)
{
    pki_text_value(out, (double)value, PKI_COUNT);
    return out;
}

static void show_head(const struct analysis *a)
{
    char time[PKI_TEXT], events[PKI_TEXT];
    const struct trace *t = a->trace;
    pki_text_value(time, (double)trace_duration(t) / 1e9, PKI_SECONDS);
    printf("%.*s\n", COLUMNS, trace_info(t)->command);
    printf("%s events in %s, %zu thread%s, on %.40s\n\n", count(events, trace_events(t)), time,
           trace_threads(t), trace_threads(t) == 1 ? "" : "s", trace_info(t)->allocator);
}

static void show_verdict(const struct analysis *a)
{
    struct verdict verdict;
    analysis_judge(a, &verdict);
    pki_paragraph("", verdict.headline);
    for (size_t i = 0; i < verdict.n_reasons; i++) {
        pki_paragraph("  ", verdict.reasons[i]);
    }
    puts("");
}

static void show_summary(const struct analysis *a)
{
    char x[PKI_TEXT], y[PKI_TEXT], z[PKI_TEXT];
    printf("Peak live      %10s   in %s blocks\n", bytes(x, (double)a->peak_live),
           count(y, a->peak_blocks));
    printf("Peak resident  %10s   of it %s before the first allocation\n",
           bytes(x, (double)(a->peak_resident + trace_info(a->trace)->base_anonymous)),
           bytes(y, (double)trace_info(a->trace)->base_anonymous));
    printf("Allocations    %10s   %s; %s frees, %.0f %% of them by another thread\n",
           count(x, a->all.allocations), bytes(y, (double)a->all.bytes), count(z, a->all.frees),
           a->all.frees ? 100.0 * (double)a->all.cross_thread / (double)a->all.frees : 0);
    printf("Short-lived    %9.0f %%   gone within the next %d allocations\n",
           a->all.allocations ? 100.0 * (double)a->all.short_lived / (double)a->all.allocations : 0,
           SHORT_LIVED);
    printf("Live at end    %10s   in %s blocks\n", bytes(x, (double)a->live_at_end),
           count(y, a->blocks_at_end));
    if (a->mismatched > 0) {
        printf("Mismatched     %10s   frees by another function than fits the allocation\n",
               count(x, a->mismatched));
    }
    printf("\nFootprint / live: %.2f at the peaks, mean %.2f; half the time under %.2f,\n"
           "95 %% under %.2f, 99 %% under %.2f\n\n",
           a->jw[3], a->jw[0], a->p50, a->p95, a->p99);
}

static void bar(const char *name, double value, double whole)
{
    char text[PKI_TEXT];
    int width = whole > 0 ? (int)(value / whole * 40 + 0.5) : 0;
    printf("  %-14s %10s  ", name, bytes(text, value));
    for (int i = 0; i < width && i < 40; i++) {
        fputs("█", stdout);
    }
    puts("");
}

static void show_waterfall(const struct analysis *a)
{
    const struct moment *m = &a->at_peak;
    double whole = (double)m->footprint;
    uint64_t usable = m->usable < m->pinned ? m->usable : m->pinned;
    char time[PKI_TEXT];
    pki_text_value(time, (double)m->time / 1e9, PKI_SECONDS);
    printf("Largest footprint, at %s\n", time);
    bar("live", (double)m->live, whole);
    bar("rounding", (double)(usable - m->live), whole);
    bar("pinned", (double)(m->pinned - usable), whole);
    bar("free pages", m->resident > m->pinned ? (double)(m->resident - m->pinned) : 0, whole);
    bar("footprint", whole, whole);
    puts("");
}

static void spark(const char *name, const struct analysis *a, size_t offset, double most)
{
    printf("  %-10s ", name);
    for (size_t i = 0; i < SPARK; i++) {
        size_t at = i * a->n_times / SPARK;
        double value = (double)*(const uint64_t *)((const char *)&a->timeline[at] + offset);
        double height = most > 0 ? value / most * 8 + 0.5 : 0;
        fputs(heights[height > 8 ? 8 : (size_t)height], stdout);
    }
    puts("");
}

static void show_timeline(const struct analysis *a)
{
    char text[PKI_TEXT];
    double most = (double)a->at_peak.footprint;
    printf("Over time (full height: %s)\n", bytes(text, most));
    spark("footprint", a, offsetof(struct moment, footprint), most);
    spark("pinned", a, offsetof(struct moment, pinned), most);
    spark("live", a, offsetof(struct moment, live), most);
    puts("");
}

/* At most `room` columns of a name; no character is cut in two. */
static void print_name(const char *name, size_t room)
{
    size_t columns = 0;
    for (; *name && columns < room; name++) {
        columns += ((unsigned char)name[0] & 0xc0) != 0x80;
        putchar(*name);
    }
    while (((unsigned char)*name & 0xc0) == 0x80) {
        putchar(*name++);
    }
    printf("%*s", (int)(room - columns), "");
}

static void show_sites(const struct analysis *a)
{
    char live[PKI_TEXT], pinned[PKI_TEXT], blocks[PKI_TEXT];
    print_name("Sites", NAME);
    printf("%10s %10s %8s %7s\n", "peak live", "pins", "blocks", "short");
    for (size_t i = 0; i < a->n_sites && i < SHOWN_SITES; i++) {
        const struct behaviour *did = &a->sites[i].did;
        print_name(a->sites[i].name, NAME);
        printf("%10s %10s %8s %5.0f %%\n", bytes(live, (double)did->peak_live),
               bytes(pinned, did->pinned), count(blocks, did->allocations),
               100.0 * (double)did->short_lived / (double)did->allocations);
    }
    if (a->n_sites > SHOWN_SITES) {
        printf("and %zu more\n", a->n_sites - SHOWN_SITES);
    }
    puts("");
}

void analysis_text(const struct analysis *a)
{
    char caveats[CAVEATS_MOST][VERDICT_TEXT];
    show_head(a);
    show_verdict(a);
    if (a->all.allocations > 0) {
        show_summary(a);
        show_waterfall(a);
        show_timeline(a);
        show_sites(a);
    }
    size_t n = analysis_caveats(a, caveats);
    for (size_t i = 0; i < n; i++) {
        pki_paragraph("", caveats[i]);
    }
}
