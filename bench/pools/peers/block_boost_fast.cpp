/* SPDX-License-Identifier: MIT
 * block_boost_fast.cpp: boost::fast_pool_allocator without a lock. */
#include <boost/pool/pool_alloc.hpp>

struct item {
    char bytes[64];
};

typedef boost::fast_pool_allocator<item, boost::default_user_allocator_new_delete,
                                   boost::details::pool::null_mutex>
    allocator;

struct pool {
    char unused;
};

static inline void pool_open(struct pool *pool, size_t, size_t) { pool->unused = 0; }
static inline void *pool_get(struct pool *) { return allocator::allocate(); }
static inline void pool_put(struct pool *, void *block)
{
    allocator::deallocate(static_cast<item *>(block));
}
static inline void pool_close(struct pool *) {}

#include "block.h"
