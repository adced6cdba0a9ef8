/* SPDX-License-Identifier: MIT
 * block_limit_stack.c: a limit: all free blocks on one stack, constructed for o1. */
#include <stdlib.h>

#include "object.h"

struct pool {
    void **top, **begin, **end;
    char *memory;
};

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    pool->memory = malloc(size * most);
    pool->begin = malloc(most * sizeof *pool->begin);
    if (pool->memory == NULL || pool->begin == NULL) {
        abort();
    }
    pool->top = pool->end = pool->begin + most;
    for (size_t i = 0; i < most; i++) {
        pool->end[-1 - (ptrdiff_t)i] = pool->memory + i * size;
        if (size == sizeof(struct object)) {
            construct_object(pool->memory + i * size, NULL);
        }
    }
}

static inline void *pool_get(struct pool *pool)
{
    if (pool->top == pool->begin) {
        abort();
    }
    return *--pool->top;
}

static inline void pool_put(struct pool *pool, void *block)
{
    if (pool->top == pool->end) {
        abort();
    }
    *pool->top++ = block;
}

static inline void pool_close(struct pool *pool)
{
    free(pool->memory);
    free(pool->begin);
}

#define POOL_KEEPS_STATE
#include "block.h"
