/* SPDX-License-Identifier: MIT
 * arena_poolkit.c: poolkit's arena, as its users write it. */
#include <poolkit/arena.h>

struct arena {
    pk_arena arena;
};

static inline void arena_open(struct arena *arena) { arena->arena = (pk_arena){0}; }
static inline void *arena_get(struct arena *arena, size_t n)
{
    return pk_arena_alloc(&arena->arena, n);
}
static inline void arena_reset(struct arena *arena) { pk_arena_reset(&arena->arena); }
static inline void arena_close(struct arena *arena) { pk_arena_fini(&arena->arena); }

#include "arena.h"
