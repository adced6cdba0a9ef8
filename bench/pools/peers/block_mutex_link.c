/* SPDX-License-Identifier: MIT
 * block_mutex_link.c: a mutex around a list of free blocks: what one writes by hand. */
#include <pthread.h>
#include <stdlib.h>

struct pool {
    pthread_mutex_t lock;
    void *first;
    char *memory;
};

static inline void pool_put(struct pool *pool, void *block)
{
    pthread_mutex_lock(&pool->lock);
    *(void **)block = pool->first;
    pool->first = block;
    pthread_mutex_unlock(&pool->lock);
}

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    pthread_mutex_init(&pool->lock, NULL);
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
    pthread_mutex_lock(&pool->lock);
    void *block = pool->first;
    if (block == NULL) {
        abort();
    }
    pool->first = *(void **)block;
    pthread_mutex_unlock(&pool->lock);
    return block;
}

static inline void pool_close(struct pool *pool) { free(pool->memory); }

#include "block.h"
