/* SPDX-License-Identifier: MIT
 * block_poolkit_object.c: poolkit's object pool: o1 with the state kept. */
#include <stdlib.h>

#include <poolkit/object_pool.h>

#include "object.h"

typedef struct object costly_object;
PK_OBJECT_POOL(costly, costly_object)

struct pool {
    costly pool;
};

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    (void)size, (void)most;
    if (costly_init(&pool->pool, &(pk_block_pool_opts){.construct = construct_object}) != PK_OK) {
        abort();
    }
}
static inline void *pool_get(struct pool *pool) { return costly_new(&pool->pool); }
static inline void pool_put(struct pool *pool, void *block) { costly_delete(&pool->pool, block); }
static inline void pool_close(struct pool *pool) { costly_fini(&pool->pool); }

#define POOL_KEEPS_STATE
#include "block.h"
