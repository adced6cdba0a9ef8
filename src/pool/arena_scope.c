/* SPDX-License-Identifier: MIT
 * arena_scope.c: what ends when: marks, clean-ups, the tree of arenas, reset and fini. */
#include "pool/arena_internal.h"

/* ---- clean-ups ---- */

static void push_node(pk_arena *arena, pk_defer_node *node, void (*fn)(void *arg), void *arg)
{
    *node = (pk_defer_node){arena->defers, fn, arg, ++arena->ext->clock};
    arena->defers = node;
}

pk_status pk_arena_defer(pk_arena *arena, void (*fn)(void *arg), void *arg)
{
    pk_defer_node *node = pk_arena_alloc(arena, sizeof *node);
    if (node == NULL) {
        return PK_ENOMEM;
    }
    pki_arena_lock(arena);
    push_node(arena, node, fn, arg);
    pki_arena_unlock(arena);
    return PK_OK;
}

/* An arena that was never used has no clock; node 0 is then older than whatever comes. */
void pk_arena_defer_at(pk_arena *arena, pk_defer_node *node, void (*fn)(void *arg), void *arg)
{
    if (arena->ext == NULL) {
        *node = (pk_defer_node){arena->defers, fn, arg,
                                arena->defers == NULL ? 1 : arena->defers->moment + 1};
        arena->defers = node;
        return;
    }
    pki_arena_lock(arena);
    push_node(arena, node, fn, arg);
    pki_arena_unlock(arena);
}

bool pk_arena_undefer(pk_arena *arena, void (*fn)(void *arg), void *arg, bool run)
{
    pki_arena_lock(arena);
    pk_defer_node **place = &arena->defers;
    while (*place != NULL && ((*place)->fn != fn || (*place)->arg != arg)) {
        place = &(*place)->next;
    }
    bool found = *place != NULL;
    if (found) {
        *place = (*place)->next;
    }
    pki_arena_unlock(arena);
    if (found && run) {
        fn(arg);
    }
    return found;
}

/* A clean-up may add or take back clean-ups of the same arena: the list is read anew each time. */
static void run_defers(pk_arena *arena, uint64_t after, bool all)
{
    while (arena->defers != NULL && (all || arena->defers->moment > after)) {
        pk_defer_node *node = arena->defers;
        arena->defers = node->next;
        node->fn(node->arg);
    }
}

/* ---- the tree ---- */

static void end_children(pk_arena *arena, uint64_t after)
{
    while (arena->ext->children != NULL && arena->ext->children->ext->born > after) {
        pk_arena_fini(arena->ext->children);
    }
}

static void leave_parent(pk_arena *child)
{
    pk_arena *parent = child->ext->parent;
    if (parent == NULL) {
        return;
    }
    pki_arena_lock(parent);
    pk_arena **place = &parent->ext->children;
    while (*place != child) {
        place = &(*place)->ext->next_sibling;
    }
    *place = child->ext->next_sibling;
    pki_arena_unlock(parent);
}

/* ---- reset, fini ---- */

void pk_arena_reset(pk_arena *arena)
{
    if (arena->ext != NULL) {
        end_children(arena, 0);
    }
    run_defers(arena, 0, true);
    if (arena->ext != NULL) {
        end_children(arena, 0);
        pki_arena_empty(arena);
        arena->ext->generation++;
    }
}

static PKI_NOINLINE void end_all(pk_arena *arena)
{
    if (arena->ext != NULL) {
        end_children(arena, 0);
    }
    run_defers(arena, 0, true);
    if (arena->ext != NULL) {
        end_children(arena, 0);
        leave_parent(arena);
        pki_arena_close(arena);
    }
}

/* The common end: one chunk of the operating system's or the caller's, and nobody to tell. */
static inline bool is_simple(const pk_arena *arena)
{
    const pk_arena_ext *ext = arena->ext;
    return ext != NULL && ext->n_chunks == 1 && !ext->watched &&
           ((uintptr_t)arena->defers | (uintptr_t)ext->children | (uintptr_t)ext->parent |
            (uintptr_t)ext->source_ops | (uintptr_t)ext->named.pool) == 0;
}

void pk_arena_fini(pk_arena *arena)
{
    if (pki_unlikely(!is_simple(arena))) {
        end_all(arena);
        return;
    }
    pk_arena_chunk *base = arena->chunk;
    *arena = (pk_arena){0};
    if (!base->borrowed && !pki_pages_keep_smallest(base, base->size)) {
        pki_pages_unmap(NULL, base, base->size);
    }
}

/* ---- marks ---- */

pk_mark pk_arena_mark(const pk_arena *arena)
{
    if (arena->ext == NULL) {
        uint64_t moment = arena->defers == NULL ? 0 : arena->defers->moment;
        return (pk_mark){NULL, (char *)(uintptr_t)arena, moment, 0};
    }
    const pk_arena_ext *ext = arena->ext;
    return (pk_mark){arena->chunk, ext->slow ? ext->cursor.ptr : arena->ptr, ++arena->ext->clock,
                     ext->generation};
}

static bool is_in_chain(const pk_arena *arena, const pk_arena_chunk *chunk)
{
    const pk_arena_chunk *c = arena->chunk;
    while (c != NULL && c != chunk) {
        c = c->prev;
    }
    return c != NULL;
}

static bool is_valid(pk_arena *arena, const pk_mark *mark)
{
    const pk_arena_ext *ext = arena->ext;
    bool stale = mark->generation != ext->generation || mark->moment > ext->clock ||
                 (mark->moment > ext->rewound_to && mark->moment <= ext->rewound_at);
    if (stale || !is_in_chain(arena, mark->chunk)) {
        return false;
    }
    return mark->ptr >= mark->chunk->begin && mark->ptr <= pki_chunk_end(mark->chunk);
}

pk_status pk_arena_rewind(pk_arena *arena, pk_mark mark)
{
    if (arena->ext == NULL) {
        if (mark.chunk != NULL || mark.ptr != (char *)arena) {
            return PK_EINVAL;
        }
        run_defers(arena, mark.moment, false);
        return PK_OK;
    }
    if (mark.chunk == NULL && mark.ptr == (char *)arena) { /* taken before the arena's first use */
        mark.chunk = arena->ext->base;
        mark.ptr = mark.chunk->begin;
        mark.generation = arena->ext->first_generation;
    }
    if (!is_valid(arena, &mark)) {
        return PK_EINVAL;
    }
    end_children(arena, mark.moment);
    run_defers(arena, mark.moment, false);
    end_children(arena, mark.moment);
    char *used = mark.chunk == arena->chunk ? pki_arena_cursor(arena)->ptr : mark.chunk->left_at;
    if (mark.ptr > used) { /* the newest block was shrunk since */
        mark.ptr = used;
    }
    pki_arena_drop_after(arena, mark.chunk, mark.ptr, mark.moment);
    arena->ext->rewound_to = mark.moment;
    arena->ext->rewound_at = arena->ext->clock++;
    return PK_OK;
}

/* ---- questions ---- */

static const char *used_end(const pk_arena *arena, const pk_arena_chunk *chunk)
{
    if (chunk != arena->chunk) {
        return chunk->left_at;
    }
    return arena->ext->slow ? arena->ext->cursor.ptr : arena->ptr;
}

bool pk_arena_owns(const pk_arena *arena, const void *p)
{
    for (const pk_arena_chunk *chunk = arena->chunk; chunk != NULL; chunk = chunk->prev) {
        if ((const char *)p >= chunk->begin && (const char *)p < used_end(arena, chunk)) {
            return true;
        }
    }
    return false;
}

bool pk_arena_walk(const pk_arena *arena, pk_arena_walk_fn *fn, void *arg)
{
    for (const pk_arena_chunk *chunk = arena->chunk; chunk != NULL; chunk = chunk->prev) {
        size_t used = (size_t)(used_end(arena, chunk) - chunk->begin);
        if (!fn(arg, chunk->begin, used, (size_t)(pki_chunk_end(chunk) - chunk->begin))) {
            return false;
        }
    }
    return true;
}

/* Behind the newest chunk, what is left at the end of a chunk is lost until the next reset. */
static void add_arena_chunk(const pk_arena *arena, const pk_arena_chunk *chunk, pk_stats *out)
{
    uint64_t used = (uint64_t)(used_end(arena, chunk) - chunk->begin);
    uint64_t rest = (uint64_t)(pki_chunk_end(chunk) - chunk->begin) - used;
    out->live += used;
    out->overhead += chunk->size - used - rest;
    if (chunk == arena->chunk) {
        out->untouched += rest;
    } else {
        out->free_in_chunks += rest;
    }
}

void pk_arena_stats(const pk_arena *arena, pk_stats *out)
{
    if (out == NULL) {
        return;
    }
    *out = (pk_stats){.size = sizeof *out, .name = "arena"};
    if (arena->ext == NULL) {
        return;
    }
    const pk_arena_ext *ext = arena->ext;
    out->name = ext->name;
    out->committed = ext->committed;
    out->committed_peak = ext->committed_peak;
    out->limit = ext->limit == SIZE_MAX ? 0 : ext->limit;
    out->n_chunks = ext->n_chunks;
    for (const pk_arena_chunk *chunk = arena->chunk; chunk != NULL; chunk = chunk->prev) {
        add_arena_chunk(arena, chunk, out);
    }
    for (const pk_arena_chunk *chunk = ext->spare; chunk != NULL; chunk = chunk->prev) {
        out->free_in_chunks += chunk->size;
    }
}
