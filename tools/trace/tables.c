/* SPDX-License-Identifier: MIT
 * tables.c: the chunks that tell what the events' numbers mean, as tables in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "reader.h"

const char pki_no_memory[] = "does not fit into memory";

void *pki_list_add(struct pki_list *l, size_t each)
{
    if (l->n == l->room) {
        size_t room = l->room ? l->room * 2 : 16;
        void *grown = room <= SIZE_MAX / each ? realloc(l->at, room * each) : NULL;
        if (!grown) return NULL;
        l->at = grown;
        l->room = room;
    }
    return memset((char *)l->at + each * l->n++, 0, each);
}

#define ADD(list, type) ((type *)pki_list_add(&(list), sizeof(type)))

static const char *add_info(struct pki_tables *t, struct pki_cursor *c)
{
    struct trace_info *info = &t->info;
    info->command = pki_take_text(c);
    info->program = pki_take_text(c);
    info->host = pki_take_text(c);
    info->allocator = pki_take_text(c);
    info->stacks = pki_take_text(c);
    info->pid = pki_unfold(pki_take(c));
    info->parent = pki_unfold(pki_take(c));
    info->wall = pki_unfold(pki_take(c));
    info->base_anonymous = pki_take(c);
    uint64_t forked = pki_take(c);
    info->forked = forked == 1;
    return forked > 1 ? "says neither that it is of a fork nor that it is not" : NULL;
}

/* Frames stand from the outermost to the innermost, those shared with the stack before left out. */
static void add_frames(struct pki_tables *t, struct pki_cursor *c, const struct pki_stack *stack,
                       uint64_t shared)
{
    uint64_t *frames = (uint64_t *)t->frames.at + stack->first, frame = 0;
    for (uint32_t k = 0; k < stack->n && !c->bad; k++) { /* from the outermost */
        frame = k < shared ? *(frames - 1 - k) : frame + (uint64_t)pki_unfold(pki_take(c));
        frames[stack->n - 1 - k] = frame;
    }
}

static const char *add_stack(struct pki_tables *t, struct pki_cursor *c)
{
    uint64_t number = pki_take(c), shared = pki_take(c), more = pki_take(c);
    if (number == 0 || number > t->stacks.n + 1 + TRACE_STACKS_MISSING ||
        shared > t->frames_before || more > TRACE_FRAMES_MOST - shared) {
        return "holds an impossible stack";
    }
    struct pki_stack *stack = ADD(t->stacks, struct pki_stack);
    if (!stack) return pki_no_memory;
    if (shared + more > TRACE_FRAMES_KEPT_MOST - t->frames.n) {
        return "is beyond the most frames that a file may hold";
    }
    *stack = (struct pki_stack){(uint32_t)number, (uint32_t)(shared + more), t->frames.n};
    for (uint32_t i = 0; i < stack->n; i++) {
        if (!ADD(t->frames, uint64_t)) return pki_no_memory;
    }
    if (number > t->top_stack) t->top_stack = (uint32_t)number;
    t->frames_before = stack->n;
    if (stack->n) add_frames(t, c, stack, shared);
    return NULL;
}

static const char *add_module(struct pki_tables *t, struct pki_cursor *c)
{
    struct trace_module *m = ADD(t->modules, struct trace_module);
    if (!m) return pki_no_memory;
    m->bias = pki_take(c);
    m->start = pki_take(c);
    m->end = pki_take(c);
    m->path = pki_take_text(c);
    m->build_id = pki_take_text(c);
    return NULL;
}

static const char *add_thread(struct pki_tables *t, struct pki_cursor *c)
{
    struct trace_thread *thread = ADD(t->threads, struct trace_thread);
    if (!thread) return pki_no_memory;
    thread->tid = pki_unfold(pki_take(c));
    const char *name = pki_take_text(c);
    size_t n = strlen(name);
    if (n >= sizeof thread->name || t->threads.n > TRACE_THREADS_MOST) {
        return "holds an impossible thread";
    }
    memcpy(thread->name, name, n + 1);
    return NULL;
}

static const char *add_sample(struct pki_tables *t, struct pki_cursor *c)
{
    struct trace_sample *s = ADD(t->samples, struct trace_sample);
    if (!s) return pki_no_memory;
    s->time = pki_take(c);
    s->anonymous = pki_take(c);
    s->file = pki_take(c);
    s->shared = pki_take(c);
    s->virtual_size = pki_take(c);
    return NULL;
}

static const char *add_symbol(struct pki_tables *t, struct pki_cursor *c)
{
    uint64_t address = pki_take(c), n = pki_take(c);
    if (n > TRACE_INLINED_MOST) return "holds an impossible symbol";
    struct pki_symbol *s = ADD(t->symbols, struct pki_symbol);
    if (!s) return pki_no_memory;
    *s = (struct pki_symbol){address, (uint32_t)n, t->symbol_frames.n};
    for (uint64_t i = 0; i < n && !c->bad; i++) {
        struct trace_frame *f = ADD(t->symbol_frames, struct trace_frame);
        if (!f) return pki_no_memory;
        f->function = pki_take_text(c);
        f->file = pki_take_text(c);
        uint64_t line = pki_take(c);
        if (line > UINT32_MAX) return "holds an impossible symbol";
        f->line = (uint32_t)line;
    }
    return NULL;
}

static const char *add_gap(struct pki_tables *t, struct pki_cursor *c)
{
    pki_take(c); /* time and thread: for other readers */
    pki_take(c);
    uint64_t events = pki_take(c);
    if (events > UINT64_MAX - t->dropped) return "holds an impossible gap";
    t->dropped += events;
    return NULL;
}

static const char *add_last(struct pki_tables *t, struct pki_cursor *c)
{
    t->events = pki_take(c);
    t->tick = pki_take(c);
    uint64_t stack = pki_take(c), thread = pki_take(c);
    if (stack < t->top_stack || stack > t->stacks.n + TRACE_STACKS_MISSING + 1 ||
        thread > TRACE_THREADS_MOST || t->tick > TRACE_TICKS_MOST) {
        return "holds impossible totals";
    }
    t->top_stack = (uint32_t)stack;
    t->top_thread = (uint32_t)thread;
    return NULL;
}

typedef const char *add_one(struct pki_tables *t, struct pki_cursor *c);

static add_one *const add[TRACE_KIND_END] = {
    [TRACE_INFO] = add_info,      [TRACE_STACKS] = add_stack,   [TRACE_MODULES] = add_module,
    [TRACE_THREADS] = add_thread, [TRACE_SAMPLES] = add_sample, [TRACE_SYMBOLS] = add_symbol,
    [TRACE_GAPS] = add_gap,       [TRACE_LAST] = add_last,
};

const char *pki_tables_add(struct pki_tables *t, enum trace_kind kind, struct pki_bytes *content)
{
    struct pki_cursor c = {.at = content->at, .end = content->at + content->n};
    if (content->n == 0) return "is empty";
    t->frames_before = 0;
    if (kind == TRACE_INFO || kind == TRACE_MODULES || kind == TRACE_SYMBOLS) {
        struct pki_bytes *kept = ADD(t->texts, struct pki_bytes);
        if (!kept) return pki_no_memory;
        *kept = *content;
        *content = (struct pki_bytes){0};
    }
    do {
        const char *wrong = add[kind](t, &c);
        if (c.bad) return "ends in the middle";
        if (wrong) return wrong;
    } while (c.at < c.end && kind != TRACE_INFO && kind != TRACE_LAST);
    return c.at < c.end ? "holds more than it should" : NULL;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct pki_stack *)a)->number, y = ((const struct pki_stack *)b)->number;
    return (x > y) - (x < y);
}

/* Of equal ones, the one that was defined last comes first: searches find that. */
static int by_address(const void *a, const void *b)
{
    const struct pki_symbol *x = a, *y = b;
    if (x->address != y->address) return x->address < y->address ? -1 : 1;
    return (x->first < y->first) - (x->first > y->first);
}

void pki_tables_done(struct pki_tables *t)
{
    if (t->stacks.n) qsort(t->stacks.at, t->stacks.n, sizeof(struct pki_stack), by_number);
    if (t->symbols.n) qsort(t->symbols.at, t->symbols.n, sizeof(struct pki_symbol), by_address);
}

void pki_tables_drop(struct pki_tables *t)
{
    struct pki_bytes *texts = t->texts.at;
    for (size_t i = 0; i < t->texts.n; i++) pki_bytes_drop(&texts[i]);
    free(t->stacks.at);
    free(t->frames.at);
    free(t->modules.at);
    free(t->threads.at);
    free(t->samples.at);
    free(t->symbols.at);
    free(t->symbol_frames.at);
    free(t->texts.at);
}
