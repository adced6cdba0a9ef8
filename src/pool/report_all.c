/* SPDX-License-Identifier: MIT
 * report_all.c: every pool of the process as a tree. Pools come and go, and `write` may use them: their
 * figures are copied under the locks of the two lists that know them, and written without any. */
#include <string.h>

#include "base/bits.h"
#include "base/text.h"
#include "pool/named.h"
#include "pool/report.h"
#include "slab/meta.h"
#include "slab/report.h"
#include "slab/thread.h"

/* ---- the copy ---- */

/* The next entry's place, NULL if there is none. */
static pki_report_entry *next_entry(pki_snapshot *s)
{
    s->n++;
    return s->n <= s->room ? &s->entries[s->n - 1] : NULL;
}

static void copy_name(pki_report_entry *e)
{
    pki_text text = pki_text_begin(e->name, sizeof e->name);
    pki_text_string(&text, e->stats.name);
}

static void copy_space(pki_space *space, void *arg)
{
    pki_report_entry *e = next_entry(arg);
    if (e != NULL) {
        pki_space_stats(space, &e->stats);
        copy_name(e);
        e->kind = space->kind == PKI_SPACE_OF_HEAP ? "heap" : "shared pool";
        e->pool = space;
        e->parent = NULL;
    }
}

static void copy_named(const pki_named *named, void *arg)
{
    pki_report_entry *e = next_entry(arg);
    if (e != NULL) {
        named->stats(named->pool, &e->stats);
        copy_name(e);
        e->kind = named->kind;
        e->pool = named->pool;
        e->parent = named->parent;
    }
}

static bool has_entry(const pki_snapshot *s, const void *pool)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->entries[i].pool == pool) {
            return true;
        }
    }
    return false;
}

/* One whose parent has no name of its own is a root. */
static void forget_nameless_parents(pki_snapshot *s)
{
    for (size_t i = 0; i < s->n; i++) {
        pki_report_entry *e = &s->entries[i];
        if (e->parent != NULL && !has_entry(s, e->parent)) {
            e->parent = NULL;
        }
    }
}

static void count_named(const pki_named *named, void *arg)
{
    (void)named;
    ((pki_snapshot *)arg)->left_out++;
}

bool pki_snapshot_take(pki_snapshot *s, pki_report_scope scope)
{
    *s = (pki_snapshot){.room = 16};
    for (;;) {
        s->n = s->left_out = 0;
        s->entries = pki_meta_alloc(s->room * sizeof *s->entries);
        if (s->entries == NULL) {
            return false;
        }
        pki_spaces_visit(copy_space, s);
        pki_named_visit(scope == PKI_ALL_POOLS ? copy_named : count_named, s);
        if (s->n <= s->room) {
            forget_nameless_parents(s);
            return true;
        }
        pki_snapshot_drop(s);
        s->room = s->n + s->n / 4;
    }
}

void pki_snapshot_drop(pki_snapshot *s) { pki_meta_free(s->entries, s->room * sizeof *s->entries); }

bool pki_report_is_arena(const pki_report_entry *e) { return strcmp(e->kind, "arena") == 0; }

/* ---- the tree ---- */

typedef bool write_entry_fn(const pki_report_entry *e, unsigned depth, pk_write_fn *write,
                            void *arg);

/* Writes the children of `parent`, and theirs. */
static bool write_children(const pki_snapshot *s, const void *parent, unsigned depth,
                           write_entry_fn *write_entry, pk_write_fn *write, void *arg)
{
    for (size_t i = 0; i < s->n; i++) {
        const pki_report_entry *e = &s->entries[i];
        if (e->parent == parent &&
            (!write_entry(e, depth, write, arg) ||
             !write_children(s, e->pool, depth + 1, write_entry, write, arg))) {
            return false;
        }
    }
    return true;
}

/* ---- as text ---- */

static void count(pki_text *text, uint64_t n, const char *what)
{
    pki_text_string(text, ", ");
    pki_text_number(text, n);
    pki_text_string(text, what);
    pki_text_string(text, n == 1 ? "" : "s");
}

static bool write_text_line(const pki_report_entry *e, unsigned depth, pk_write_fn *write,
                            void *arg)
{
    char line[256];
    pki_text text = pki_text_begin(line, sizeof line);
    pki_text_spaces(&text, pki_min((size_t)depth * 2, 64));
    pki_text_string(&text, e->kind);
    pki_text_string(&text, " '");
    pki_text_string(&text, e->name);
    pki_text_string(&text, "': ");
    pki_text_size(&text, e->stats.live);
    pki_text_string(&text, " live of ");
    pki_text_size(&text, e->stats.committed);
    if (!pki_report_is_arena(e)) {
        count(&text, e->stats.n_live, " block");
    }
    count(&text, e->stats.n_chunks, " chunk");
    pki_text_string(&text, "\n");
    return write(arg, line, strlen(line));
}

static bool tell_left_out(size_t n, pk_write_fn *write, void *arg)
{
    char line[120];
    pki_text text = pki_text_begin(line, sizeof line);
    pki_text_string(&text, "left out, for their threads may be at work in them: ");
    pki_text_number(&text, n);
    pki_text_string(&text, " arenas and block pools\n");
    return n == 0 || write(arg, line, strlen(line));
}

bool pki_report_text(const pki_snapshot *s, pk_write_fn *write, void *arg)
{
    return write_children(s, NULL, 0, write_text_line, write, arg) &&
           tell_left_out(s->left_out, write, arg);
}

bool pk_report_all(pk_write_fn *write, void *arg)
{
    pki_snapshot s;
    if (!pki_snapshot_take(&s, PKI_ALL_POOLS)) {
        return false;
    }
    bool written = pki_report_text(&s, write, arg);
    pki_snapshot_drop(&s);
    return written;
}

/* ---- as JSON ---- */

typedef struct {
    pk_write_fn *write;
    void *arg;
    bool later; /* than the first object */
} json;

static bool write_json_object(const pki_report_entry *e, unsigned depth, pk_write_fn *write,
                              void *arg)
{
    (void)write;
    json *to = arg;
    char head[80];
    pki_text text = pki_text_begin(head, sizeof head);
    pki_text_string(&text, to->later ? ",{\"kind\":\"" : "{\"kind\":\"");
    pki_text_string(&text, e->kind);
    pki_text_string(&text, "\",\"depth\":");
    pki_text_number(&text, depth);
    pki_text_string(&text, ",\"stats\":");
    to->later = true;
    pk_stats stats = e->stats;
    stats.name = e->name;
    return to->write(to->arg, head, strlen(head)) && pk_stats_json(&stats, to->write, to->arg) &&
           to->write(to->arg, "}", 1);
}

bool pki_report_json(const pki_snapshot *s, pk_write_fn *write, void *arg)
{
    json to = {.write = write, .arg = arg};
    return write(arg, "[", 1) && write_children(s, NULL, 0, write_json_object, write, &to) &&
           write(arg, "]", 1);
}

bool pk_report_all_json(pk_write_fn *write, void *arg)
{
    pki_snapshot s;
    if (!pki_snapshot_take(&s, PKI_ALL_POOLS)) {
        return false;
    }
    bool written = pki_report_json(&s, write, arg);
    pki_snapshot_drop(&s);
    return written;
}
