/* SPDX-License-Identifier: MIT
 * block_poolkit_locked.c: poolkit's shared pool, one lock. */
#include <stdlib.h>

#include <poolkit/shared_pool.h>

struct pool {
    pk_shared_pool *pool;
};

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    (void)most;
    if (pk_shared_pool_create(&pool->pool, &(pk_block_pool_opts){.block_size = size}, PK_LOCKED) !=
        PK_OK) {
        abort();
    }
}
static inline void *pool_get(struct pool *pool) { return pk_shared_pool_alloc(pool->pool); }
static inline void pool_put(struct pool *pool, void *block)
{
    (void)pool;
    pk_shared_pool_free(block);
}
static inline void pool_close(struct pool *pool) { pk_shared_pool_destroy(pool->pool); }

#include "block.h"
