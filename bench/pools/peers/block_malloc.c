/* SPDX-License-Identifier: MIT
 * block_malloc.c: a malloc: the one that this program is linked with. */
#include <stdlib.h>

struct pool {
    size_t size;
};

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    pool->size = size;
    (void)most;
}
static inline void *pool_get(struct pool *pool) { return malloc(pool->size); }
static inline void pool_put(struct pool *pool, void *block)
{
    (void)pool;
    free(block);
}
static inline void pool_close(struct pool *pool) { (void)pool; }

#include "block.h"
