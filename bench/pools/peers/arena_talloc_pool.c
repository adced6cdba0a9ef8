/* SPDX-License-Identifier: MIT
 * arena_talloc_pool.c: blocks below a talloc pool of 1 MiB. */
#include <talloc.h>

struct arena {
    void *context;
};

static inline void arena_open(struct arena *arena) { arena->context = talloc_pool(NULL, 1 << 20); }
static inline void *arena_get(struct arena *arena, size_t n)
{
    return talloc_size(arena->context, n);
}
static inline void arena_reset(struct arena *arena) { talloc_free_children(arena->context); }
static inline void arena_close(struct arena *arena) { talloc_free(arena->context); }

#include "arena.h"
