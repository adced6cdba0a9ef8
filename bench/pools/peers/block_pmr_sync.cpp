/* SPDX-License-Identifier: MIT
 * block_pmr_sync.cpp: the C++ library's synchronized_pool_resource. */
#include <memory_resource>

struct pool {
    std::pmr::synchronized_pool_resource *resource;
    size_t size;
};

static inline void pool_open(struct pool *pool, size_t size, size_t)
{
    pool->resource = new std::pmr::synchronized_pool_resource;
    pool->size = size;
}
static inline void *pool_get(struct pool *pool) { return pool->resource->allocate(pool->size); }
static inline void pool_put(struct pool *pool, void *block)
{
    pool->resource->deallocate(block, pool->size);
}
static inline void pool_close(struct pool *pool) { delete pool->resource; }

#include "block.h"
