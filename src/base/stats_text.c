/* SPDX-License-Identifier: MIT
 * stats_text.c: a pool's figures as JSON and as a table. The text goes out in pieces of a small buffer,
 * so that it needs no memory and `write` may be a system call. */
#include <poolkit/stats.h>

#include <string.h>

#include "base/bits.h"
#include "base/text.h"

/* ---- pieces ---- */

typedef struct {
    pk_write_fn *write;
    void *arg;
    bool failed; /* `write` said false: it is not called again */
    size_t used;
    char piece[240];
} sink;

static bool flush(sink *out)
{
    if (!out->failed && out->used > 0) {
        out->failed = !out->write(out->arg, out->piece, out->used);
    }
    out->used = 0;
    return !out->failed;
}

static void put(sink *out, const char *text, size_t n)
{
    while (n > 0) {
        size_t part = pki_min(n, sizeof out->piece - out->used);
        memcpy(out->piece + out->used, text, part);
        out->used += part;
        text += part;
        n -= part;
        if (out->used == sizeof out->piece) {
            flush(out);
        }
    }
}

static void put_string(sink *out, const char *s) { put(out, s, strlen(s)); }

static void put_number(sink *out, uint64_t n)
{
    char digits[24];
    pki_text text = pki_text_begin(digits, sizeof digits);
    pki_text_number(&text, n);
    put_string(out, digits);
}

/* ---- JSON ---- */

/* How long the UTF-8 character at `s` is, 0 if there is none: the second byte's range keeps out what
 * could be written shorter, surrogates, and what lies beyond U+10FFFF. */
static size_t utf8_length(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) {
        return 1;
    }
    if (u[0] < 0xC2 || u[0] > 0xF4) {
        return 0;
    }
    size_t length = u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    unsigned char least = u[0] == 0xE0 ? 0xA0 : u[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char most = u[0] == 0xED ? 0x9F : u[0] == 0xF4 ? 0x8F : 0xBF;
    if (u[1] < least || u[1] > most) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((u[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return length;
}

static void put_control(sink *out, unsigned char c)
{
    static const char digit[] = "0123456789abcdef";
    const char escape[] = {'\\', 'u', '0', '0', digit[c >> 4], digit[c & 15]};
    put(out, escape, sizeof escape);
}

/* Puts the character at `s` and returns where the next one is. */
static const char *put_json_char(sink *out, const char *s)
{
    size_t length = utf8_length(s);
    if (length == 0) {
        put_string(out, "\\ufffd");
        return s + 1;
    }
    if ((unsigned char)*s < 0x20) {
        put_control(out, (unsigned char)*s);
        return s + 1;
    }
    if (*s == '"' || *s == '\\') {
        put_string(out, "\\");
    }
    put(out, s, length);
    return s + length;
}

static void put_json_string(sink *out, const char *s)
{
    if (s == NULL) {
        put_string(out, "null");
        return;
    }
    put_string(out, "\"");
    while (*s != '\0') {
        s = put_json_char(out, s);
    }
    put_string(out, "\"");
}

static void put_json_figure(sink *out, const char *member, uint64_t n)
{
    put_string(out, ",\"");
    put_string(out, member);
    put_string(out, "\":");
    put_number(out, n);
}

bool pk_stats_json(const pk_stats *stats, pk_write_fn *write, void *arg)
{
    sink out = {.write = write, .arg = arg};
    put_string(&out, "{\"name\":");
    put_json_string(&out, stats->name);
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
    put_string(&out, "}");
    return flush(&out);
}

/* ---- the table ---- */

enum { LABEL_COLUMN = 18, SIZE_COLUMN = 10, PERCENT_COLUMN = 10 };

static void put_right(sink *out, const char *cell, size_t width)
{
    char room[24];
    pki_text text = pki_text_begin(room, sizeof room);
    size_t length = strlen(cell);
    pki_text_spaces(&text, width > length ? width - length : 0);
    put_string(out, room);
    put_string(out, cell);
}

/* A row without its end: something may be told behind it. */
static void put_row(sink *out, const char *label, uint64_t bytes, uint64_t committed)
{
    char cell[32];
    pki_text text = pki_text_begin(cell, sizeof cell);
    put_string(out, "  ");
    pki_text_string(&text, label);
    pki_text_spaces(&text, LABEL_COLUMN - strlen(label));
    put_string(out, cell);
    text = pki_text_begin(cell, sizeof cell);
    pki_text_size(&text, bytes);
    put_right(out, cell, SIZE_COLUMN);
    text = pki_text_begin(cell, sizeof cell);
    pki_text_percent(&text, bytes, committed);
    put_right(out, cell, PERCENT_COLUMN);
}

static void put_count(sink *out, const char *before, uint64_t n, const char *what)
{
    put_string(out, before);
    put_number(out, n);
    put_string(out, what);
    put_string(out, n == 1 ? "" : "s");
}

static void put_plain_name(sink *out, const char *name)
{
    for (const char *s = name == NULL ? "?" : name; *s != '\0'; s++) {
        bool control = (unsigned char)*s < 0x20 || *s == 0x7F;
        put(out, control ? "?" : s, 1);
    }
    put_string(out, "\n");
}

static void put_line(sink *out, const char *label, uint64_t bytes, uint64_t committed)
{
    put_row(out, label, bytes, committed);
    put_string(out, "\n");
}

bool pk_stats_text(const pk_stats *stats, pk_write_fn *write, void *arg)
{
    sink out = {.write = write, .arg = arg};
    uint64_t committed = stats->committed;
    put_plain_name(&out, stats->name);
    put_row(&out, "live", stats->live, committed);
    put_count(&out, "  ", stats->n_live, " block");
    put_string(&out, "\n");
    put_line(&out, "free in chunks", stats->free_in_chunks, committed);
    put_line(&out, "untouched", stats->untouched, committed);
    put_line(&out, "overhead", stats->overhead, committed);
    put_row(&out, "committed", committed, committed);
    put_count(&out, "  ", stats->n_chunks, " chunk");
    put_count(&out, ", ", stats->n_owners, " owner");
    put_string(&out, "\n");
    put_line(&out, "most committed", stats->committed_peak, committed);
    put_line(&out, "pinned by live", stats->pinned_by_live, committed);
    if (stats->limit == 0) {
        put_string(&out, "  limit                   none\n");
    } else {
        put_line(&out, "limit", stats->limit, committed);
    }
    return flush(&out);
}
