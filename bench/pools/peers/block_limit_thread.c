/* SPDX-License-Identifier: MIT
 * block_limit_thread.c: the limit for threads: a stack of each thread's own, no block ever goes
 * home. */
#include <stdlib.h>

struct pool {
    size_t size;
};

enum { ROOM = 4096 };
static _Thread_local struct {
    void **top, **begin, **end;
} own;

static void *fill(size_t size)
{
    if (own.begin == NULL) {
        own.top = own.begin = malloc(ROOM * sizeof *own.begin);
        own.end = own.begin + ROOM;
    }
    return malloc(size);
}

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    pool->size = size;
    (void)most;
}

static inline void *pool_get(struct pool *pool)
{
    return own.top == own.begin ? fill(pool->size) : *--own.top;
}

static inline void pool_put(struct pool *pool, void *block)
{
    (void)pool;
    if (own.top == own.end) {
        free(block);
        return;
    }
    *own.top++ = block;
}

static inline void pool_close(struct pool *pool) { (void)pool; }

#include "block.h"
