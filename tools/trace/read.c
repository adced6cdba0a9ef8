/* SPDX-License-Identifier: MIT
 * read.c: opens a trace and gives its events.
 */
#include <stdlib.h>
#include <string.h>

#include "guess.h"
#include "reader.h"

static bool has_counted(struct trace *t, const struct pki_chunk *chunk,
                        const struct trace_event *events, int n, char *why)
{
    const struct pki_tables *tables = &t->tables;
    for (int i = 0; i < n; i++) {
        if (events[i].stack > tables->top_stack || events[i].thread >= tables->top_thread) {
            return pki_source_damaged(&t->source, chunk,
                                      "names a stack or thread that the file does not have", why);
        }
    }
    return true;
}

static int read_chunk(struct trace *t, const struct pki_chunk *chunk, struct trace_event *events,
                      char *why)
{
    const char *what;
    if (!pki_source_read(&t->source, chunk, &t->content, why)) return -1;
    int n = pki_unpack(t->guess, &t->content, events, &what);
    if (n < 0) pki_source_damaged(&t->source, chunk, what, why);
    return n;
}

int trace_read(struct trace *t, struct trace_event *events, char *why)
{
    const struct pki_chunk *chunks = t->chunks.at;
    if (t->next == t->chunks.n) {
        if (t->given == t->tables.events) return 0;
        pki_why(why, "%s: is damaged: it holds %llu events and says that it holds %llu", t->path,
                (unsigned long long)t->given, (unsigned long long)t->tables.events);
        return -1;
    }
    int n = read_chunk(t, &chunks[t->next], events, why);
    if (n < 0 || !has_counted(t, &chunks[t->next], events, n, why)) return -1;
    t->next++;
    t->given += (uint64_t)n;
    return n;
}

void trace_rewind(struct trace *t)
{
    t->next = 0;
    t->given = 0;
}

/* The totals of a file without TRACE_LAST. */
static bool count_events(struct trace *t, char *why)
{
    struct pki_tables *tables = &t->tables;
    const struct pki_chunk *chunks = t->chunks.at;
    struct trace_event *events = malloc(sizeof *events * TRACE_BLOCK);
    if (!events) return pki_why(why, "%s: there is no memory to read it", t->path);
    int n = 0;
    for (size_t i = 0; i < t->chunks.n; i++) {
        n = read_chunk(t, &chunks[i], events, why);
        if (n < 0) break;
        tables->events += (uint64_t)n;
        tables->tick = events[n - 1].time / TRACE_TICK;
        for (int k = 0; k < n; k++) {
            const struct trace_event *e = &events[k];
            if (e->stack > tables->top_stack) tables->top_stack = e->stack;
            if (e->thread >= tables->top_thread) tables->top_thread = e->thread + 1u;
        }
    }
    free(events);
    if (n >= 0 && tables->top_stack > tables->stacks.n + TRACE_STACKS_MISSING + 1) {
        return pki_why(why, "%s: is damaged: its events name stacks that it cannot hold", t->path);
    }
    return n >= 0;
}

static bool keep_chunk(struct trace *t, const struct pki_chunk *chunk, char *why)
{
    if ((t->number == 0) != (chunk->kind == TRACE_INFO)) {
        return pki_source_damaged(&t->source, chunk, "stands where it should not", why);
    }
    if (chunk->kind == TRACE_EVENTS) {
        struct pki_chunk *place = pki_list_add(&t->chunks, sizeof *place);
        if (!place) return pki_why(why, "%s: there is no memory to read it", t->path);
        *place = *chunk;
        return true;
    }
    if (!pki_source_read(&t->source, chunk, &t->content, why)) return false;
    t->kept += t->content.n;
    const char *wrong = t->kept > TRACE_KEPT_MOST
                            ? "is beyond the most that names and stacks may take"
                            : pki_tables_add(&t->tables, chunk->kind, &t->content);
    if (wrong == pki_no_memory) return pki_why(why, "%s: there is no memory to read it", t->path);
    return wrong ? pki_source_damaged(&t->source, chunk, wrong, why) : true;
}

/* All chunks in turn. A file that ends before TRACE_LAST is cut short. */
static bool read_chunks(struct trace *t, char *why)
{
    struct pki_chunk chunk;
    enum pki_found found;
    t->end = TRACE_HEAD;
    for (;;) {
        found = pki_source_find(&t->source, t->end, t->number, &chunk, why);
        if (found != PKI_FOUND) break;
        if (!keep_chunk(t, &chunk, why)) return false;
        if (chunk.kind == TRACE_LAST) {
            t->whole = true;
            if (chunk.at + chunk.length == t->source.size) return true;
            return pki_source_damaged(&t->source, &chunk, "is the last, but others follow", why);
        }
        t->end = chunk.at + chunk.length;
        t->number++;
    }
    if (found == PKI_FOUND_DAMAGE) return false;
    if (t->number > 0) return count_events(t, why);
    return pki_why(why, "%s: is cut short after %llu bytes: it holds nothing", t->path,
                   (unsigned long long)t->source.size);
}

struct trace *trace_open(const char *path, char *why)
{
    struct trace *t = calloc(1, sizeof *t);
    if (t) t->source.fd = -1;
    if (!t || !(t->path = strdup(path)) || !(t->guess = malloc(sizeof *t->guess))) {
        pki_why(why, "%s: there is no memory to read it", path);
        trace_end(t);
        return NULL;
    }
    if (!pki_source_open(&t->source, t->path, why) || !pki_source_head(&t->source, why) ||
        !read_chunks(t, why)) {
        trace_end(t);
        return NULL;
    }
    pki_tables_done(&t->tables);
    return t;
}

void trace_end(struct trace *t)
{
    if (!t) return;
    pki_source_close(&t->source);
    pki_tables_drop(&t->tables);
    pki_bytes_drop(&t->content);
    free(t->chunks.at);
    free(t->guess);
    free(t->path);
    free(t);
}
