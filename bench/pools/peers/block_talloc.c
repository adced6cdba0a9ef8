/* SPDX-License-Identifier: MIT
 * block_talloc.c: blocks below a talloc context. */
#include <talloc.h>

struct pool {
    void *context;
    size_t size;
};

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    pool->context = talloc_new(NULL);
    pool->size = size;
    (void)most;
}
static inline void *pool_get(struct pool *pool) { return talloc_size(pool->context, pool->size); }
static inline void pool_put(struct pool *pool, void *block)
{
    (void)pool;
    talloc_free(block);
}
static inline void pool_close(struct pool *pool) { talloc_free(pool->context); }

#include "block.h"
