/* SPDX-License-Identifier: MIT
 * report_prometheus.c: every pool as metrics, in the text format of Prometheus. A scrape in which two
 * lines have the same labels is refused as a whole, and labels that change from scrape to scrape would
 * fill the data base: so pools of one kind and name are one line, their sum. */
#include <string.h>

#include "base/sink.h"
#include "pool/report.h"

/* ---- sums ---- */

static bool is_of(const pki_report_entry *a, const pki_report_entry *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0;
}

static void add_stats(pk_stats *sum, const pk_stats *more)
{
    sum->live += more->live;
    sum->free_in_chunks += more->free_in_chunks;
    sum->untouched += more->untouched;
    sum->overhead += more->overhead;
    sum->committed += more->committed;
    sum->committed_peak += more->committed_peak;
    sum->limit += more->limit;
    sum->pinned_by_live += more->pinned_by_live;
    sum->n_live += more->n_live;
    sum->n_chunks += more->n_chunks;
    sum->n_owners += more->n_owners;
}

/* Leaves one entry for each kind and name. Its stats.size, of no use here, counts the pools in it. */
static void add_up(pki_snapshot *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        size_t k = 0;
        while (k < kept && !is_of(&s->entries[k], &s->entries[i])) {
            k++;
        }
        if (k < kept) {
            add_stats(&s->entries[k].stats, &s->entries[i].stats);
            s->entries[k].stats.size++;
        } else {
            s->entries[kept] = s->entries[i];
            s->entries[kept++].stats.size = 1;
        }
    }
    s->n = kept;
}

/* ---- metrics ---- */

typedef struct {
    const char *name;
    const char *help;
    size_t figure; /* where it stands in pk_stats; a uint64_t, but for POOLS */
} metric;

#define POOLS offsetof(pk_stats, size)

static const metric metrics[] = {
    {"poolkit_live_bytes", "In blocks that the program holds.", offsetof(pk_stats, live)},
    {"poolkit_free_bytes", "Freed, reusable by this pool, perhaps resident.",
     offsetof(pk_stats, free_in_chunks)},
    {"poolkit_untouched_bytes", "Never handed out since it came from the system.",
     offsetof(pk_stats, untouched)},
    {"poolkit_overhead_bytes", "The pool's own records, and space too small for a block.",
     offsetof(pk_stats, overhead)},
    {"poolkit_committed_bytes", "The sum of live, free, untouched and overhead.",
     offsetof(pk_stats, committed)},
    {"poolkit_committed_peak_bytes", "The most committed bytes when it was asked for.",
     offsetof(pk_stats, committed_peak)},
    {"poolkit_pinned_bytes", "Free bytes that a block in use keeps from going back.",
     offsetof(pk_stats, pinned_by_live)},
    {"poolkit_limit_bytes", "The byte limit, for pools that have one.", offsetof(pk_stats, limit)},
    {"poolkit_live_blocks", "Blocks that the program holds; arenas do not count them.",
     offsetof(pk_stats, n_live)},
    {"poolkit_chunks", "Chunks and separate mappings.", offsetof(pk_stats, n_chunks)},
    {"poolkit_owners", "Threads that have, or once had, a record in the pool.",
     offsetof(pk_stats, n_owners)},
    {"poolkit_pools", "Pools of this kind and name, whose figures are added up.", POOLS},
};

static uint64_t value_of(const pk_stats *stats, size_t figure)
{
    if (figure == POOLS) {
        return stats->size;
    }
    uint64_t value;
    memcpy(&value, (const char *)stats + figure, sizeof value);
    return value;
}

static bool has_metric(const pki_report_entry *e, size_t figure)
{
    return figure == offsetof(pk_stats, limit)    ? e->stats.limit != 0
           : figure == offsetof(pk_stats, n_live) ? !pki_report_is_arena(e)
                                                  : true;
}

/* A label's value knows three escapes, and must be UTF-8. */
static void put_label(pki_sink *out, const char *s)
{
    while (*s != '\0') {
        size_t length = pki_utf8_length(s);
        if (length == 0) {
            pki_sink_string(out, "\xEF\xBF\xBD");
        } else if (*s == '\n') {
            pki_sink_string(out, "\\n");
        } else {
            pki_sink_string(out, *s == '"' || *s == '\\' ? "\\" : "");
            pki_sink_put(out, s, length);
        }
        s += length == 0 ? 1 : length;
    }
}

static void put_sample(pki_sink *out, const metric *m, const pki_report_entry *e)
{
    pki_sink_string(out, m->name);
    pki_sink_string(out, "{kind=\"");
    pki_sink_string(out, e->kind);
    pki_sink_string(out, "\",name=\"");
    put_label(out, e->name);
    pki_sink_string(out, "\"} ");
    pki_sink_number(out, value_of(&e->stats, m->figure));
    pki_sink_string(out, "\n");
}

/* Its head stands before its first sample: none without one. */
static void put_metric(pki_sink *out, const metric *m, const pki_snapshot *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n; i++) {
        const pki_report_entry *e = &s->entries[i];
        if (!has_metric(e, m->figure)) {
            continue;
        }
        if (!any) {
            pki_sink_string(out, "# HELP ");
            pki_sink_string(out, m->name);
            pki_sink_string(out, " ");
            pki_sink_string(out, m->help);
            pki_sink_string(out, "\n# TYPE ");
            pki_sink_string(out, m->name);
            pki_sink_string(out, " gauge\n");
            any = true;
        }
        put_sample(out, m, e);
    }
}

bool pki_report_prometheus(pki_snapshot *s, pk_write_fn *write, void *arg)
{
    pki_sink out = {.write = write, .arg = arg};
    add_up(s);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        put_metric(&out, &metrics[i], s);
    }
    return pki_sink_flush(&out);
}

bool pk_report_all_prometheus(pk_write_fn *write, void *arg)
{
    pki_snapshot s;
    if (!pki_snapshot_take(&s, PKI_ALL_POOLS)) {
        return false;
    }
    bool written = pki_report_prometheus(&s, write, arg);
    pki_snapshot_drop(&s);
    return written;
}
