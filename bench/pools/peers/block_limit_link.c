/* SPDX-License-Identifier: MIT
 * block_limit_link.c: a limit: the link to the next free block stands in the block. */
#include <stdlib.h>

struct pool {
    void *first;
    char *memory;
};

static inline void pool_put(struct pool *pool, void *block)
{
    *(void **)block = pool->first;
    pool->first = block;
}

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    pool->first = NULL;
    pool->memory = malloc(size * most);
    if (pool->memory == NULL) {
        abort();
    }
    for (size_t i = most; i-- > 0;) {
        pool_put(pool, pool->memory + i * size);
    }
}

static inline void *pool_get(struct pool *pool)
{
    void *block = pool->first;
    if (block == NULL) {
        abort();
    }
    pool->first = *(void **)block;
    return block;
}

static inline void pool_close(struct pool *pool) { free(pool->memory); }

#include "block.h"
