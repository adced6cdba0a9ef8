/* SPDX-License-Identifier: MIT
 * resolve.c: the addresses of a trace, and the names that are written into it.
 *
 * A frame is a return address: what it returns to may be the next line, or the next function. So
 * the instruction before it is looked up.
 */
#include "symbols/symbols.h"

#include "poolkit/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_ROOM 4096
#define NO_MODULE SIZE_MAX

struct addresses {
    uint64_t *at;
    size_t n, room;
};

static int by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void sort(struct addresses *a)
{
    size_t kept = 0;
    if (a->n) {
        qsort(a->at, a->n, sizeof *a->at, by_value);
    }
    for (size_t i = 0; i < a->n; i++) {
        if (i == 0 || a->at[i] != a->at[i - 1]) {
            a->at[kept++] = a->at[i];
        }
    }
    a->n = kept;
}

/* Most addresses stand in many stacks: only when they are sorted out is it known how many there
 * are. */
static void add(struct addresses *a, uint64_t address)
{
    if (a->n == a->room) {
        sort(a);
        if (a->n >= a->room / 2) {
            a->room = a->room ? 2 * a->room : FIRST_ROOM;
            a->at = pki_grow(a->at, a->room, sizeof *a->at);
        }
    }
    a->at[a->n++] = address;
}

/* Those that have no name in the trace yet. */
static struct addresses collect(const struct trace *t)
{
    struct addresses out = {0};
    for (uint32_t stack = 1; stack <= trace_stacks(t); stack++) {
        const uint64_t *frames;
        size_t n = trace_stack(t, stack, &frames);
        for (size_t i = 0; i < n; i++) {
            add(&out, frames[i]);
        }
    }
    sort(&out);
    size_t kept = 0;
    for (size_t i = 0; i < out.n; i++) {
        const struct trace_frame *named;
        if (trace_symbol(t, out.at[i], &named) == 0) {
            out.at[kept++] = out.at[i];
        }
    }
    out.n = kept;
    return out;
}

/* Of modules that lay at the same place one after the other, the last. */
static size_t module_of(const struct trace *t, uint64_t address)
{
    for (size_t i = trace_modules(t); i-- > 0;) {
        const struct trace_module *m = trace_module(t, i);
        if (address - 1 >= m->start && address - 1 < m->end) {
            return i;
        }
    }
    return NO_MODULE;
}

static void add_time(char *key, size_t room, const char *path)
{
    struct stat about;
    size_t n = strlen(key);
    if (stat(path, &about) == 0) {
        snprintf(key + n, room - n, " %lld.%09ld/%lld", (long long)about.st_mtim.tv_sec,
                 about.st_mtim.tv_nsec, (long long)about.st_size);
    } else {
        snprintf(key + n, room - n, " -");
    }
}

/* What was found stays true as long as the module and its separate debug file are the same. */
static void make_key(char *key, size_t room, const struct trace_module *m,
                     const struct symbols_options *o)
{
    char *debug = pki_format("/usr/lib/debug/.build-id/%.2s/%s.debug", m->build_id,
                             strlen(m->build_id) > 2 ? m->build_id + 2 : "");
    snprintf(key, room, "%s", o->debuginfod ? "servers" : "local");
    add_time(key, room, m->path);
    add_time(key, room, debug);
    free(debug);
}

/* `places` of one module. */
static void look_up(const struct trace_module *m, struct place *places, size_t n,
                    const struct symbols_options *o)
{
    char key[256];
    bool cached = !o->no_cache && *m->build_id;
    size_t known = 0;
    make_key(key, sizeof key, m, o);
    if (cached) {
        cache_load(m->build_id, key, places, n);
    }
    for (size_t i = 0; i < n; i++) {
        known += places[i].known;
    }
    if (known < n) {
        debug_look_up(m, places, n);
        if (cached) {
            cache_store(m->build_id, key, places, n);
        }
    }
}

/* A module is one file at one place; its addresses are neighbours nearly always, but nothing here
 * depends on that. */
static struct place *look_up_all(const struct trace *t, const struct addresses *a,
                                 const struct symbols_options *o)
{
    struct place *all = pki_grow(NULL, a->n, sizeof *all);
    struct place *some = pki_grow(NULL, a->n, sizeof *some);
    size_t *owner = pki_grow(NULL, a->n, sizeof *owner);
    for (size_t i = 0; i < a->n; i++) {
        all[i] = (struct place){.offset = a->at[i]};
        owner[i] = module_of(t, a->at[i]);
    }
    for (size_t m = 0; m < trace_modules(t); m++) {
        const struct trace_module *module = trace_module(t, m);
        size_t n = 0;
        for (size_t i = 0; i < a->n; i++) {
            if (owner[i] == m) {
                some[n++] = (struct place){.offset = a->at[i] - module->bias};
            }
        }
        if (n > 0) {
            look_up(module, some, n, o);
        }
        for (size_t i = a->n; i-- > 0;) {
            if (owner[i] == m) {
                all[i] = some[--n];
            }
        }
    }
    free(some);
    free(owner);
    return all;
}

static bool write_names(const char *trace, bool whole, const struct addresses *a,
                        const struct place *places, char *why)
{
    struct trace_writer *w = trace_append(trace, why);
    if (!w) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < a->n && good; i++) {
        if (places[i].n > 0) {
            good = trace_put_symbol(w, a->at[i], places[i].frames, places[i].n);
        }
    }
    return trace_close(w, whole, why) && good;
}

bool symbols_resolve(const char *trace, const struct symbols_options *o, char *why)
{
    struct trace *t = trace_open(trace, why);
    if (!t) {
        return false;
    }
    struct addresses a = collect(t);
    bool whole = trace_whole(t), good = true;
    if (!o->debuginfod) {
        unsetenv("DEBUGINFOD_URLS"); /* libdw would ask them by itself */
    }
    struct place *places = a.n ? look_up_all(t, &a, o) : NULL;
    trace_end(t);
    if (a.n > 0) {
        good = write_names(trace, whole, &a, places, why);
    }
    places_free(places, a.n);
    free(places);
    free(a.at);
    return good;
}

void place_add(struct place *p, const char *function, const char *file, uint32_t line)
{
    p->frames = pki_grow(p->frames, p->n + 1, sizeof *p->frames);
    p->frames[p->n++] = (struct trace_frame){pki_copy(function), pki_copy(file), line};
}

void places_free(struct place *places, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t f = 0; f < places[i].n; f++) {
            free((void *)(uintptr_t)places[i].frames[f].function);
            free((void *)(uintptr_t)places[i].frames[f].file);
        }
        free(places[i].frames);
    }
}
