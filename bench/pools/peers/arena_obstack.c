/* SPDX-License-Identifier: MIT
 * arena_obstack.c: obstack of the C library, chunks of its default size. */
#include <obstack.h>
#include <stdlib.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

struct arena {
    struct obstack stack;
    void *first;
};

static inline void arena_open(struct arena *arena)
{
    obstack_init(&arena->stack);
    arena->first = obstack_alloc(&arena->stack, 0);
}
static inline void *arena_get(struct arena *arena, size_t n)
{
    return obstack_alloc(&arena->stack, (int)n);
}
static inline void arena_reset(struct arena *arena) { obstack_free(&arena->stack, arena->first); }
static inline void arena_close(struct arena *arena) { obstack_free(&arena->stack, NULL); }

#include "arena.h"
