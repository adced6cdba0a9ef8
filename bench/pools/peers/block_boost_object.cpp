/* SPDX-License-Identifier: MIT
 * block_boost_object.cpp: boost::object_pool; its free keeps the list in order, and is slow with
 * many. */
#include <boost/pool/object_pool.hpp>

struct item {
    char bytes[64];
};

struct pool {
    boost::object_pool<item> *pool;
};

static inline void pool_open(struct pool *pool, size_t, size_t)
{
    pool->pool = new boost::object_pool<item>;
}
static inline void *pool_get(struct pool *pool) { return pool->pool->malloc(); }
static inline void pool_put(struct pool *pool, void *block)
{
    pool->pool->free(static_cast<item *>(block));
}
static inline void pool_close(struct pool *pool) { delete pool->pool; }

#include "block.h"
