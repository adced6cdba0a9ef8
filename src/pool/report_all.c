/* SPDX-License-Identifier: MIT
 * report_all.c: every pool of the process as a tree. Pools come and go, and `write` may use them: their
 * figures are copied under the locks of the two lists that know them, and written without any. */
#include <string.h>

#include "base/bits.h"
#include "base/text.h"
#include "pool/named.h"
#include "slab/meta.h"
#include "slab/report.h"
#include "slab/thread.h"

typedef struct {
    pk_stats stats;
    char name[PKI_NAME_SIZE];
    const char *kind;
    const void *pool;
    const void *parent;
} entry;

typedef struct {
    entry *entries;
    size_t room;
    size_t n; /* pools there are, also beyond the room */
} snapshot;

/* ---- the copy ---- */

/* The next entry's place, NULL if there is none. */
static entry *next_entry(snapshot *s)
{
    s->n++;
    return s->n <= s->room ? &s->entries[s->n - 1] : NULL;
}

static void copy_name(entry *e)
{
    pki_text text = pki_text_begin(e->name, sizeof e->name);
    pki_text_string(&text, e->stats.name);
}

static void copy_space(pki_space *space, void *arg)
{
    entry *e = next_entry(arg);
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
    entry *e = next_entry(arg);
    if (e != NULL) {
        named->stats(named->pool, &e->stats);
        copy_name(e);
        e->kind = named->kind;
        e->pool = named->pool;
        e->parent = named->parent;
    }
}

static bool has_entry(const snapshot *s, const void *pool)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->entries[i].pool == pool) {
            return true;
        }
    }
    return false;
}

/* One whose parent has no name of its own is a root. */
static void forget_nameless_parents(snapshot *s)
{
    for (size_t i = 0; i < s->n; i++) {
        entry *e = &s->entries[i];
        if (e->parent != NULL && !has_entry(s, e->parent)) {
            e->parent = NULL;
        }
    }
}

static bool take_snapshot(snapshot *s)
{
    *s = (snapshot){.room = 16};
    for (;;) {
        s->n = 0;
        s->entries = pki_meta_alloc(s->room * sizeof *s->entries);
        if (s->entries == NULL) {
            return false;
        }
        pki_spaces_visit(copy_space, s);
        pki_named_visit(copy_named, s);
        if (s->n <= s->room) {
            forget_nameless_parents(s);
            return true;
        }
        pki_meta_free(s->entries, s->room * sizeof *s->entries);
        s->room = s->n + s->n / 4;
    }
}

/* ---- the tree ---- */

typedef bool write_entry_fn(const entry *e, unsigned depth, pk_write_fn *write, void *arg);

/* Writes the children of `parent`, and theirs. */
static bool write_children(const snapshot *s, const void *parent, unsigned depth,
                           write_entry_fn *write_entry, pk_write_fn *write, void *arg)
{
    for (size_t i = 0; i < s->n; i++) {
        const entry *e = &s->entries[i];
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

static bool write_text_line(const entry *e, unsigned depth, pk_write_fn *write, void *arg)
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
    if (strcmp(e->kind, "arena") != 0) { /* which does not count its blocks */
        count(&text, e->stats.n_live, " block");
    }
    count(&text, e->stats.n_chunks, " chunk");
    pki_text_string(&text, "\n");
    return write(arg, line, strlen(line));
}

bool pk_report_all(pk_write_fn *write, void *arg)
{
    snapshot s;
    if (!take_snapshot(&s)) {
        return false;
    }
    bool written = write_children(&s, NULL, 0, write_text_line, write, arg);
    pki_meta_free(s.entries, s.room * sizeof *s.entries);
    return written;
}

/* ---- as JSON ---- */

typedef struct {
    pk_write_fn *write;
    void *arg;
    bool later; /* than the first object */
} json;

static bool write_json_object(const entry *e, unsigned depth, pk_write_fn *write, void *arg)
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

bool pk_report_all_json(pk_write_fn *write, void *arg)
{
    snapshot s;
    if (!take_snapshot(&s)) {
        return false;
    }
    json to = {.write = write, .arg = arg};
    bool written = write(arg, "[", 1) &&
                   write_children(&s, NULL, 0, write_json_object, write, &to) && write(arg, "]", 1);
    pki_meta_free(s.entries, s.room * sizeof *s.entries);
    return written;
}
