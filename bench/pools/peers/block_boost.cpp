/* SPDX-License-Identifier: MIT
 * block_boost.cpp: boost::pool. */
#include <boost/pool/pool.hpp>

struct pool {
    boost::pool<> *pool;
};

static inline void pool_open(struct pool *pool, size_t size, size_t)
{
    pool->pool = new boost::pool<>(size);
}
static inline void *pool_get(struct pool *pool) { return pool->pool->malloc(); }
static inline void pool_put(struct pool *pool, void *block) { pool->pool->free(block); }
static inline void pool_close(struct pool *pool) { delete pool->pool; }

#include "block.h"
