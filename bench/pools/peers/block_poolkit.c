/* SPDX-License-Identifier: MIT
 * block_poolkit.c: poolkit's block pool. */
#include <stdlib.h>

#include <poolkit/block_pool.h>

struct pool {
    pk_block_pool pool;
};

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    (void)most;
    if (pk_block_pool_init(&pool->pool, &(pk_block_pool_opts){.block_size = size}) != PK_OK) {
        abort();
    }
}
static inline void *pool_get(struct pool *pool) { return pk_block_pool_alloc(&pool->pool); }
static inline void pool_put(struct pool *pool, void *block)
{
    pk_block_pool_free(&pool->pool, block);
}
static inline void pool_close(struct pool *pool) { pk_block_pool_fini(&pool->pool); }

#include "block.h"
