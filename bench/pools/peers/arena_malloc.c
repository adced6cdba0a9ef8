/* SPDX-License-Identifier: MIT
 * arena_malloc.c: a malloc in an arena's place: each block is remembered and freed by itself. */
#include <stdlib.h>

struct arena {
    void **blocks;
    size_t used, room;
};

static inline void arena_open(struct arena *arena) { *arena = (struct arena){0}; }

static void make_room(struct arena *arena)
{
    arena->room = arena->room > 0 ? arena->room * 2 : 8;
    arena->blocks = realloc(arena->blocks, arena->room * sizeof *arena->blocks);
    if (arena->blocks == NULL) {
        abort();
    }
}

static inline void *arena_get(struct arena *arena, size_t n)
{
    if (arena->used == arena->room) {
        make_room(arena);
    }
    return arena->blocks[arena->used++] = malloc(n);
}

static inline void arena_reset(struct arena *arena)
{
    for (size_t i = 0; i < arena->used; i++) {
        free(arena->blocks[i]);
    }
    arena->used = 0;
}

static inline void arena_close(struct arena *arena)
{
    arena_reset(arena);
    free(arena->blocks);
}

#include "arena.h"
