/* SPDX-License-Identifier: MIT
 * block_mi_heap.c: a heap of mimalloc's with blocks of one size. */
#include <mimalloc.h>

struct pool {
    mi_heap_t *heap;
    size_t size;
};

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    pool->heap = mi_heap_new();
    pool->size = size;
    (void)most;
}
static inline void *pool_get(struct pool *pool) { return mi_heap_malloc(pool->heap, pool->size); }
static inline void pool_put(struct pool *pool, void *block)
{
    (void)pool;
    mi_free(block);
}
static inline void pool_close(struct pool *pool) { mi_heap_destroy(pool->heap); }

#include "block.h"
