/* SPDX-License-Identifier: MIT
 * arena_apr.c: pools of the Apache Portable Runtime, below one root pool as in a server. */
#include <apr_general.h>
#include <apr_pools.h>

struct arena {
    apr_pool_t *pool;
};

static apr_pool_t *root;

static inline void arena_open(struct arena *arena)
{
    if (root == NULL) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    apr_pool_create(&arena->pool, root);
}
static inline void *arena_get(struct arena *arena, size_t n) { return apr_palloc(arena->pool, n); }
static inline void arena_reset(struct arena *arena) { apr_pool_clear(arena->pool); }
static inline void arena_close(struct arena *arena) { apr_pool_destroy(arena->pool); }

#include "arena.h"
