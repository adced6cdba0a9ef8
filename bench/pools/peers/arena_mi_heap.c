/* SPDX-License-Identifier: MIT
 * arena_mi_heap.c: a heap of mimalloc's, ended as a whole. */
#include <mimalloc.h>
#include <stddef.h>

struct arena {
    mi_heap_t *heap;
};

static inline void arena_open(struct arena *arena) { arena->heap = mi_heap_new(); }
static inline void *arena_get(struct arena *arena, size_t n)
{
    return mi_heap_malloc(arena->heap, n);
}
static inline void arena_close(struct arena *arena) { mi_heap_destroy(arena->heap); }
static inline void arena_reset(struct arena *arena)
{
    arena_close(arena);
    arena_open(arena);
}

#include "arena.h"
