/* SPDX-License-Identifier: MIT
 * block_gslice.c: GLib's slices. */
#include <glib.h>

struct pool {
    size_t size;
};

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    pool->size = size;
    (void)most;
}
static inline void *pool_get(struct pool *pool) { return g_slice_alloc(pool->size); }
static inline void pool_put(struct pool *pool, void *block) { g_slice_free1(pool->size, block); }
static inline void pool_close(struct pool *pool) { (void)pool; }

#include "block.h"
