/* SPDX-License-Identifier: MIT
 * block_null.c: the loop alone: always the same block. */
#include <stddef.h>

struct pool {
    char block[512];
};

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    (void)pool, (void)size, (void)most;
}
static inline void *pool_get(struct pool *pool) { return pool->block; }
static inline void pool_put(struct pool *pool, void *block) { (void)pool, (void)block; }
static inline void pool_close(struct pool *pool) { (void)pool; }

#define POOL_KEEPS_STATE
#include "block.h"
