/* SPDX-License-Identifier: MIT
 * arena_poolkit_buffer.c: poolkit's arena with a first chunk on the stack. */
#include <poolkit/arena.h>

struct arena {
    pk_arena arena;
    _Alignas(16) char buffer[1024];
};

static inline void arena_open(struct arena *arena)
{
    pk_arena_init(&arena->arena,
                  &(pk_arena_opts){.buffer = arena->buffer, .buffer_size = sizeof arena->buffer});
}
static inline void *arena_get(struct arena *arena, size_t n)
{
    return pk_arena_alloc(&arena->arena, n);
}
static inline void arena_reset(struct arena *arena) { pk_arena_reset(&arena->arena); }
static inline void arena_close(struct arena *arena) { pk_arena_fini(&arena->arena); }

#include "arena.h"
