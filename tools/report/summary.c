/* SPDX-License-Identifier: MIT
 * summary.c: the summary of a report as HTML, for readers with and without scripts.
 */
#include "summary.h"

#include "encode.h"
#include "values.h"

#include <string.h>

enum { TOP_SITES = 10 };

void report_write_title(FILE *out, const cJSON *report)
{
    report_write_text(out, report_find(report, "recording", "program"));
    fputs(" · poolkit report", out);
}

void report_write_head(FILE *out, const cJSON *report)
{
    fputs("<div class=\"brand\"><h1>", out);
    report_write_text(out, report_find(report, "recording", "program"));
    fputs("</h1><p class=\"command\" title=\"the command\">", out);
    report_write_text(out, report_find(report, "recording", "command"));
    fputs("</p></div>\n", out);
}

static void write_live_cards(FILE *out, const cJSON *report)
{
    fputs("<div class=\"card\"><h3>Peak live</h3><p class=\"big\">", out);
    report_write_number(out, report_find(report, "summary", "peak_live"), PKI_BYTES);
    fputs("</p><p>", out);
    report_write_number(out, report_find(report, "summary", "peak_blocks"), PKI_COUNT);
    fputs(" blocks, at ", out);
    report_write_nanoseconds(out, report_find(report, "summary", "peak_live_ns"));
    fputs("</p></div>\n<div class=\"card\"><h3>Peak resident</h3><p class=\"big\">", out);
    report_write_number(out, report_find(report, "summary", "peak_resident"), PKI_BYTES);
    fputs("</p><p>of it before the first allocation ", out);
    report_write_number(out, report_find(report, "summary", "base_resident"), PKI_BYTES);
    fputs("</p></div>\n<div class=\"card\"><h3>Peak overhead</h3><p class=\"big\">", out);
    report_write_ratio(out, report_find(report, "fragmentation", "jw4"));
    fputs("</p><p>largest footprint / largest live; 95 % of the time under ", out);
    report_write_ratio(out, report_find(report, "fragmentation", "p95"));
    fputs("</p></div>\n", out);
}

static void write_traffic_cards(FILE *out, const cJSON *report)
{
    fputs("<div class=\"card\"><h3>Allocations</h3><p class=\"big\">", out);
    report_write_number(out, report_find(report, "summary", "allocations"), PKI_COUNT);
    fputs("</p><p>", out);
    report_write_number(out, report_find(report, "summary", "allocated_bytes"), PKI_BYTES);
    fputs(" in ", out);
    report_write_nanoseconds(out, report_find(report, "recording", "duration_ns"));
    fputs("</p></div>\n<div class=\"card\"><h3>Short-lived</h3><p class=\"big\">", out);
    report_write_share(out, report_find(report, "summary", "short_lived"));
    fputs("</p><p>died within the next 16 allocations</p></div>\n"
          "<div class=\"card\"><h3>Live at the end</h3><p class=\"big\">",
          out);
    report_write_number(out, report_find(report, "summary", "live_at_end"), PKI_BYTES);
    fputs("</p><p>", out);
    report_write_number(out, report_find(report, "summary", "blocks_at_end"), PKI_COUNT);
    fputs(" blocks; threads: ", out);
    report_write_number(out, report_find(report, "summary", "threads"), PKI_COUNT);
    fputs("</p></div>\n", out);
}

static void write_fragmentation(FILE *out, const cJSON *report)
{
    static const struct {
        const char *name, *label;
        bool share;
    } figures[] = {{"jw1", "Footprint / live, mean", false},
                   {"p50", "half of the time under", false},
                   {"p95", "95 % of the time under", false},
                   {"p99", "99 % of the time under", false},
                   {"rss_over_live", "Resident / live", false},
                   {"internal", "Rounding, of what is usable", true},
                   {"pinned_4k", "Pinned / live, pages of 4 KiB", false},
                   {"pinned_64k", "of 64 KiB", false},
                   {"pinned_2m", "of 2 MiB (huge pages)", false}};
    const cJSON *fragmentation = report_find(report, "fragmentation", NULL);
    if (!cJSON_IsObject(fragmentation)) {
        return;
    }
    fputs("<h3>Fragmentation</h3><dl class=\"facts right\">", out);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        const cJSON *value = report_find(fragmentation, figures[i].name, NULL);
        fprintf(out, "<dt>%s</dt><dd>", figures[i].label);
        (figures[i].share ? report_write_share : report_write_ratio)(out, value);
        fputs("</dd>", out);
    }
    fputs("</dl>\n", out);
}

static void write_verdict(FILE *out, const cJSON *report)
{
    const cJSON *verdict = report_find(report, "verdict", NULL);
    const char *level = cJSON_GetStringValue(report_find(verdict, "level", NULL));
    if (!level) {
        return;
    }
    bool known = strcmp(level, "high") == 0 || strcmp(level, "some") == 0;
    fprintf(out, "<section class=\"verdict %s\"><h2>", known ? level : "none");
    report_write_text(out, report_find(verdict, "headline", NULL));
    fputs("</h2>\n", out);
    report_write_list(out, report_find(verdict, "reasons", NULL), "plain");
    write_fragmentation(out, report);
    fputs("</section>\n", out);
}

/* One step of the waterfall: its bar starts where the one before ended, unless it is a sum. */
typedef struct {
    const char *name, *label, *meaning;
    bool sum;
} waterfall_step;

static const waterfall_step steps[] = {
    {"live", "Live", "bytes that the program asked for", false},
    {"rounding", "Rounding", "up to the allocator's block sizes", false},
    {"pinned", "Pinned", "free, but on pages that hold live blocks", false},
    {"free_pages", "Free pages", "wholly free and still resident", false},
    {"other", "Other", "the allocator's own data, and what is not heap", false},
    {"resident", "Resident", "what the system counts", true},
    {"not_resident", "Not resident", "mapped, given back or never touched", false},
    {"footprint", "Footprint", "all that the allocator holds", true},
};

static void write_step(FILE *out, const waterfall_step *step, double value, double start,
                       double whole)
{
    double scale = whole > 0 ? 1000 / whole : 0;
    double left = step->sum || start < 0 ? 0 : start * scale;
    double width = (value < 0 ? -value : value) * scale;
    fprintf(out, "<tr class=\"%s%s\"><th scope=\"row\">%s<small>%s</small></th><td class=\"bar\">",
            step->name, step->sum ? " sum" : "", step->label, step->meaning);
    fprintf(out,
            "<svg viewBox=\"0 0 1000 20\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
            "<rect x=\"%.1f\" y=\"2\" width=\"%.1f\" height=\"16\"/></svg></td><td class=\"n\">",
            left,
            width > 1    ? width
            : value != 0 ? 1.0
                         : 0.0);
}

static void write_waterfall(FILE *out, const cJSON *report)
{
    const cJSON *parts = report_find(report, "waterfall", NULL);
    double whole;
    if (!report_number(parts, "footprint", &whole) || whole <= 0) {
        return;
    }
    fputs("<section class=\"panel\"><h2>Where the memory is <small>at the peak footprint, ", out);
    report_write_nanoseconds(out, report_find(parts, "at_ns", NULL));
    fputs("</small></h2>\n<table class=\"waterfall\"><tbody>\n", out);
    double start = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        double value = 0;
        report_number(parts, steps[i].name, &value);
        write_step(out, &steps[i], value, start, whole);
        report_write_number(out, report_find(parts, steps[i].name, NULL), PKI_BYTES);
        fprintf(out, "</td><td class=\"n\">%.0f %%</td></tr>\n", 100 * value / whole);
        start = steps[i].sum ? value : start + value;
    }
    fputs("</tbody></table></section>\n", out);
}

static const cJSON *site_of(const cJSON *report, const cJSON *number)
{
    const cJSON *sites = report_find(report, "sites", NULL), *site;
    cJSON_ArrayForEach(site, sites)
    {
        double id;
        if (cJSON_IsNumber(number) && report_number(site, "id", &id) && id == number->valuedouble) {
            return site;
        }
    }
    return NULL;
}

static void write_confidence(FILE *out, const cJSON *confidence)
{
    const char *level = cJSON_GetStringValue(report_find(confidence, "level", NULL));
    fputs("<dt>Confidence</dt><dd>", out);
    report_write_text(out, report_find(confidence, "level", NULL));
    if (level) {
        fputs(" <small>volume ", out);
        report_write_share(out, report_find(confidence, "volume", NULL));
        fputs(", stability ", out);
        report_write_share(out, report_find(confidence, "stability", NULL));
        fputs(", runs ", out);
        report_write_share(out, report_find(confidence, "runs", NULL));
        fputs(", model ", out);
        report_write_share(out, report_find(confidence, "model", NULL));
        fputs("</small>", out);
    }
    fputs("</dd>", out);
}

static void write_verified(FILE *out, const cJSON *verified)
{
    if (!cJSON_IsObject(verified)) {
        return;
    }
    fputs("<dt>Verified</dt><dd>saved ", out);
    report_write_number(out, report_find(verified, "memory", NULL), PKI_BYTES);
    fputs(" and ", out);
    report_write_nanoseconds(out, report_find(verified, "time_ns", NULL));
    fputs(cJSON_IsTrue(report_find(verified, "kept", NULL)) ? ": it held</dd>"
                                                            : ": less than was said</dd>",
          out);
}

static void write_losers(FILE *out, const cJSON *report, const cJSON *losers)
{
    const cJSON *loser;
    if (!cJSON_IsArray(losers) || !losers->child) {
        return;
    }
    fputs("<h4>Who loses</h4><ul class=\"plain\">", out);
    cJSON_ArrayForEach(loser, losers)
    {
        fputs("<li>", out);
        const cJSON *site = site_of(report, report_find(loser, "site", NULL));
        report_write_text(out, report_find(site, "name", NULL));
        fputs(": ", out);
        report_write_number(out, report_find(loser, "bytes", NULL), PKI_BYTES);
        fputs(" more</li>", out);
    }
    fputs("</ul>\n", out);
}

static void write_evidence(FILE *out, const cJSON *report, const cJSON *advice)
{
    fputs("<details><summary>Evidence and code</summary>\n", out);
    report_write_list(out, report_find(advice, "evidence", NULL), "plain");
    const cJSON *counter = report_find(advice, "counter_examples", NULL);
    if (cJSON_IsArray(counter) && counter->child) {
        fputs("<h4>What speaks against it</h4>", out);
        report_write_list(out, counter, "plain");
    }
    write_losers(out, report, report_find(advice, "losers", NULL));
    const cJSON *code = report_find(advice, "code", NULL);
    if (cJSON_IsString(code)) {
        fputs("<pre tabindex=\"0\"><code>", out);
        report_write_text(out, code);
        fputs("</code></pre>\n", out);
    }
    fputs("</details>", out);
}

static void write_advice(FILE *out, const cJSON *report, const cJSON *advice, int number)
{
    fprintf(out, "<article class=\"advice\" data-advice=\"%d\"><h3><span class=\"pool\">", number);
    report_write_text(out, report_find(advice, "pool", NULL));
    fputs("</span> ", out);
    const cJSON *site = site_of(report, report_find(advice, "site", NULL));
    report_write_text(out, report_find(site, "name", NULL));
    fputs("</h3><p>", out);
    report_write_text(out, report_find(advice, "text", NULL));
    fputs("</p>\n<dl><dt>Peak memory saved</dt><dd>", out);
    report_write_range(out, report_find(advice, "memory", NULL), PKI_BYTES);
    fputs("</dd><dt>Time saved in this run</dt><dd>", out);
    report_write_range(out, report_find(advice, "time_ns", NULL), PKI_SECONDS);
    fputs("</dd>", out);
    write_confidence(out, report_find(advice, "confidence", NULL));
    write_verified(out, report_find(advice, "verified", NULL));
    fputs("</dl>\n", out);
    write_evidence(out, report, advice);
    fputs("</article>\n", out);
}

static void write_all_advice(FILE *out, const cJSON *report)
{
    const cJSON *all = report_find(report, "advice", NULL), *advice;
    fputs("<section class=\"panel\" id=\"advice\"><h2>Advice</h2>\n", out);
    if (!cJSON_IsArray(all)) {
        fputs("<p class=\"empty\">Not asked for: <code>poolkit advise</code> gives it.</p>\n", out);
    } else if (!all->child) {
        fputs("<p class=\"empty\">No site would gain enough from a pool.</p>\n", out);
    }
    int number = 0;
    cJSON_ArrayForEach(advice, all) { write_advice(out, report, advice, number++); }
    const cJSON *nothing = report_find(report, "nothing", "text");
    if (cJSON_IsString(nothing)) {
        fputs("<p class=\"nothing\"><strong>Or change nothing.</strong> ", out);
        report_write_text(out, nothing);
        fputs("</p>\n", out);
    }
    fputs("</section>\n", out);
}

static void write_top_site(FILE *out, const cJSON *site)
{
    double id = 0;
    report_number(site, "id", &id);
    fprintf(out, "<tr data-site=\"%.0f\"><th scope=\"row\">", id);
    report_write_text(out, report_find(site, "name", NULL));
    fputs("</th><td class=\"n\">", out);
    report_write_number(out, report_find(site, "peak_live", NULL), PKI_BYTES);
    fputs("</td><td class=\"n\">", out);
    report_write_number(out, report_find(site, "allocations", NULL), PKI_COUNT);
    fputs("</td><td class=\"n\">", out);
    report_write_number(out, report_find(site, "mean_size", NULL), PKI_BYTES);
    fputs("</td><td class=\"n\">", out);
    report_write_share(out, report_find(site, "short_lived", NULL));
    fputs("</td><td class=\"n\">", out);
    report_write_number(out, report_find(site, "pinned", NULL), PKI_BYTES);
    fputs("</td></tr>\n", out);
}

static void write_top_sites(FILE *out, const cJSON *report)
{
    const cJSON *sites = report_find(report, "sites", NULL), *site;
    if (!cJSON_IsArray(sites) || !sites->child) {
        return;
    }
    fputs("<section class=\"panel\"><h2>Largest sites</h2>\n<div class=\"scroll\">"
          "<table class=\"figures\"><thead><tr><th scope=\"col\">Site</th>"
          "<th scope=\"col\" class=\"n\">Peak live</th><th scope=\"col\" class=\"n\">Allocations"
          "</th><th scope=\"col\" class=\"n\">Mean size</th><th scope=\"col\" class=\"n\">"
          "Short-lived</th><th scope=\"col\" class=\"n\">Pinned</th></tr></thead><tbody>\n",
          out);
    int left = TOP_SITES;
    cJSON_ArrayForEach(site, sites)
    {
        if (left-- == 0) {
            break;
        }
        write_top_site(out, site);
    }
    fputs("</tbody></table></div></section>\n", out);
}

static void write_fact(FILE *out, const char *label, const cJSON *value)
{
    if (cJSON_IsString(value)) {
        fprintf(out, "<dt>%s</dt><dd>", label);
        report_write_text(out, value);
        fputs("</dd>", out);
    }
}

static void write_recording(FILE *out, const cJSON *report)
{
    const cJSON *recording = report_find(report, "recording", NULL);
    fputs("<section class=\"panel\"><h2>Recording</h2>\n<dl class=\"facts\">", out);
    write_fact(out, "Host", report_find(recording, "host", NULL));
    write_fact(out, "Allocator", report_find(recording, "allocator", NULL));
    write_fact(out, "Stacks", report_find(recording, "stacks", NULL));
    fputs("<dt>Events</dt><dd>", out);
    report_write_number(out, report_find(recording, "events", NULL), PKI_COUNT);
    fputs(" in ", out);
    report_write_number(out, report_find(recording, "file_bytes", NULL), PKI_BYTES);
    fputs("</dd>", out);
    write_fact(out, "Made", report_find(report, "created", NULL));
    write_fact(out, "By", report_find(report, "tool", NULL));
    fputs("</dl>\n", out);
    const cJSON *caveats = report_find(report, "caveats", NULL);
    if (cJSON_IsArray(caveats) && caveats->child) {
        fputs("<h3>What was not seen</h3>", out);
        report_write_list(out, caveats, "plain");
    }
    fputs("</section>\n", out);
}

void report_write_summary(FILE *out, const cJSON *report)
{
    double events = 0;
    report_number(report_find(report, "recording", NULL), "events", &events);
    if (events == 0) {
        fputs("<p class=\"empty\">The recording holds no event: nothing was allocated while it "
              "ran.</p>\n",
              out);
    }
    fputs("<div class=\"cards\">\n", out);
    write_live_cards(out, report);
    write_traffic_cards(out, report);
    fputs("</div>\n<div class=\"columns\">\n", out);
    write_verdict(out, report);
    write_waterfall(out, report);
    fputs("</div>\n", out);
    write_all_advice(out, report);
    write_top_sites(out, report);
    write_recording(out, report);
}
