/* SPDX-License-Identifier: MIT
 * stats_text.c: a pool's figures as JSON and as a table. */
#include <poolkit/stats.h>

#include <string.h>

#include "base/sink.h"
#include "base/text.h"

static void put_json_figure(pki_sink *out, const char *member, uint64_t n)
{
    pki_sink_string(out, ",\"");
    pki_sink_string(out, member);
    pki_sink_string(out, "\":");
    pki_sink_number(out, n);
}

bool pk_stats_json(const pk_stats *stats, pk_write_fn *write, void *arg)
{
    pki_sink out = {.write = write, .arg = arg};
    pki_sink_string(&out, "{\"name\":");
    pki_sink_json_string(&out, stats->name);
    put_json_figure(&out, "live", stats->live);
    put_json_figure(&out, "free_in_chunks", stats->free_in_chunks);
    put_json_figure(&out, "untouched", stats->untouched);
    put_json_figure(&out, "overhead", stats->overhead);
    put_json_figure(&out, "committed", stats->committed);
    put_json_figure(&out, "committed_peak", stats->committed_peak);
    put_json_figure(&out, "limit", stats->limit);
    put_json_figure(&out, "pinned_by_live", stats->pinned_by_live);
    put_json_figure(&out, "n_live", stats->n_live);
    put_json_figure(&out, "n_chunks", stats->n_chunks);
    put_json_figure(&out, "n_owners", stats->n_owners);
    pki_sink_string(&out, "}");
    return pki_sink_flush(&out);
}

/* ---- the table ---- */

enum { LABEL_COLUMN = 18, SIZE_COLUMN = 10, PERCENT_COLUMN = 10 };

static void put_right(pki_sink *out, const char *cell, size_t width)
{
    char room[24];
    pki_text text = pki_text_begin(room, sizeof room);
    size_t length = strlen(cell);
    pki_text_spaces(&text, width > length ? width - length : 0);
    pki_sink_string(out, room);
    pki_sink_string(out, cell);
}

/* A row without its end: something may be told behind it. */
static void put_row(pki_sink *out, const char *label, uint64_t bytes, uint64_t committed)
{
    char cell[32];
    pki_text text = pki_text_begin(cell, sizeof cell);
    pki_sink_string(out, "  ");
    pki_text_string(&text, label);
    pki_text_spaces(&text, LABEL_COLUMN - strlen(label));
    pki_sink_string(out, cell);
    text = pki_text_begin(cell, sizeof cell);
    pki_text_size(&text, bytes);
    put_right(out, cell, SIZE_COLUMN);
    text = pki_text_begin(cell, sizeof cell);
    pki_text_percent(&text, bytes, committed);
    put_right(out, cell, PERCENT_COLUMN);
}

static void put_count(pki_sink *out, const char *before, uint64_t n, const char *what)
{
    pki_sink_string(out, before);
    pki_sink_number(out, n);
    pki_sink_string(out, what);
    pki_sink_string(out, n == 1 ? "" : "s");
}

static void put_plain_name(pki_sink *out, const char *name)
{
    for (const char *s = name == NULL ? "?" : name; *s != '\0'; s++) {
        bool control = (unsigned char)*s < 0x20 || *s == 0x7F;
        pki_sink_put(out, control ? "?" : s, 1);
    }
    pki_sink_string(out, "\n");
}

static void put_line(pki_sink *out, const char *label, uint64_t bytes, uint64_t committed)
{
    put_row(out, label, bytes, committed);
    pki_sink_string(out, "\n");
}

bool pk_stats_text(const pk_stats *stats, pk_write_fn *write, void *arg)
{
    pki_sink out = {.write = write, .arg = arg};
    uint64_t committed = stats->committed;
    put_plain_name(&out, stats->name);
    put_row(&out, "live", stats->live, committed);
    put_count(&out, "  ", stats->n_live, " block");
    pki_sink_string(&out, "\n");
    put_line(&out, "free in chunks", stats->free_in_chunks, committed);
    put_line(&out, "untouched", stats->untouched, committed);
    put_line(&out, "overhead", stats->overhead, committed);
    put_row(&out, "committed", committed, committed);
    put_count(&out, "  ", stats->n_chunks, " chunk");
    put_count(&out, ", ", stats->n_owners, " owner");
    pki_sink_string(&out, "\n");
    put_line(&out, "most committed", stats->committed_peak, committed);
    put_line(&out, "pinned by live", stats->pinned_by_live, committed);
    if (stats->limit == 0) {
        pki_sink_string(&out, "  limit                   none\n");
    } else {
        put_line(&out, "limit", stats->limit, committed);
    }
    return pki_sink_flush(&out);
}
