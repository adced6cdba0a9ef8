/* SPDX-License-Identifier: MIT
 * block.h: the workloads of pools of equal blocks, one thread's and several threads', and main. A
 * peer's file defines
 *
 *     struct pool;
 *     static inline void  pool_open (struct pool *pool, size_t block_size, size_t most_blocks);
 *     static inline void *pool_get  (struct pool *pool);
 *     static inline void  pool_put  (struct pool *pool, void *block);
 *     static inline void  pool_close(struct pool *pool);
 *
 * and then includes this file, so that what the peer offers inline is inline in the loops. It may
 * define POOL_KEEPS_STATE (o1's objects were constructed by the pool), and POOL_THREAD_BEGIN(pool),
 * what a new thread must do first. */
#ifndef BENCH_BLOCK_H
#define BENCH_BLOCK_H

#include <pthread.h>
#include <sched.h>

#include "meter.h"
#include "object.h"

#ifndef POOL_THREAD_BEGIN
#define POOL_THREAD_BEGIN(pool) ((void)0)
#endif

enum {
    SIZE = 64,
    PAIRS = 10000,
    BATCH = 1000,
    BATCHES = 10,
    REPLACED = 100000,
    LIVE = 100000,
    LIVE_MANY = 1000000,
    OBJECTS = 2000,
    SHARED_OPS = 300000,
    RING = 1024
};

__attribute__((noreturn)) static void out_of_memory(void)
{
    fputs("out of memory\n", stderr);
    exit(3);
}

/* 0 to n - 1 in random order. */
static uint32_t *shuffled(uint32_t n)
{
    uint32_t *order = (uint32_t *)malloc(n * sizeof *order);
    uint64_t seed = 11;
    if (order == NULL) {
        out_of_memory();
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = next_random(&seed) % (i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    return order;
}

static inline void give_back(struct pool *pool, void *block)
{
    pool_put(pool, block);
    used(pool);
}

static inline void pairs(struct pool *pool, int n)
{
    for (int i = 0; i < n; i++) {
        void *block = pool_get(pool);
        write_block(block);
        give_back(pool, block);
    }
}

/* b1: a block taken and given back. */
static void pair(struct meter *m)
{
    struct pool pool;
    pool_open(&pool, SIZE, BATCH);
    used(&pool);
    while (meter_next(m, PAIRS)) {
        pairs(&pool, PAIRS);
    }
    pool_close(&pool);
}

/* 1,000 blocks taken, then given back in the order given. */
static void batches(struct meter *m, const uint32_t *order)
{
    static void *blocks[BATCH];
    struct pool pool;
    pool_open(&pool, SIZE, BATCH);
    used(&pool);
    while (meter_next(m, BATCH * BATCHES)) {
        for (int batch = 0; batch < BATCHES; batch++) {
            for (int i = 0; i < BATCH; i++) {
                blocks[i] = pool_get(&pool);
                write_block(blocks[i]);
            }
            for (int i = 0; i < BATCH; i++) {
                give_back(&pool, blocks[order[i]]);
            }
        }
    }
    pool_close(&pool);
}

/* b2 */
static void in_order(struct meter *m)
{
    static uint32_t order[BATCH];
    for (uint32_t i = 0; i < BATCH; i++) {
        order[i] = i;
    }
    batches(m, order);
}

/* b3 */
static void in_random_order(struct meter *m)
{
    uint32_t *order = shuffled(BATCH);
    batches(m, order);
    free(order);
}

/* Many blocks in use; one at random is given back and another taken, and written to if `touch`. */
static inline void replace(struct meter *m, uint32_t n, bool touch)
{
    uint32_t *order = shuffled(n);
    void **live = (void **)malloc(n * sizeof *live);
    struct pool pool;
    if (live == NULL) {
        out_of_memory();
    }
    pool_open(&pool, SIZE, n);
    used(&pool);
    for (uint32_t i = 0; i < n; i++) {
        live[i] = pool_get(&pool);
        write_block(live[i]);
    }
    for (uint32_t at = 0; meter_next(m, REPLACED); at = (at + REPLACED) % n) {
        for (uint32_t i = 0; i < REPLACED; i++) {
            void **slot = &live[order[at + i]];
            give_back(&pool, *slot);
            *slot = pool_get(&pool);
            if (touch) {
                write_block(*slot);
            }
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        pool_put(&pool, live[i]);
    }
    pool_close(&pool);
    free(live);
    free(order);
}

/* b4 */
static void replace_100k(struct meter *m) { replace(m, LIVE, true); }

/* b4L */
static void replace_1m(struct meter *m) { replace(m, LIVE_MANY, true); }

/* b4N: shows what the pool itself does to the cache. */
static void replace_1m_untouched(struct meter *m) { replace(m, LIVE_MANY, false); }

/* o1: an object taken, constructed unless the pool kept it so, used, given back. */
static void objects(struct meter *m)
{
    struct pool pool;
    pool_open(&pool, sizeof(struct object), BATCH);
    used(&pool);
    while (meter_next(m, OBJECTS)) {
        for (int i = 0; i < OBJECTS; i++) {
            void *object = pool_get(&pool);
#ifndef POOL_KEEPS_STATE
            construct_object(object, NULL);
#endif
            write_block(object);
            give_back(&pool, object);
        }
    }
    pool_close(&pool);
}

static void *pairs_in_thread(void *pool)
{
    POOL_THREAD_BEGIN((struct pool *)pool);
    pairs((struct pool *)pool, SHARED_OPS);
    return NULL;
}

/* Blocks on their way from the one thread to the other. Each index has one writer. */
struct ring {
    struct pool *pool;
    uint32_t put __attribute__((aligned(64)));
    uint32_t got __attribute__((aligned(64)));
    void *block[RING] __attribute__((aligned(64)));
};

static void *produce(void *arg)
{
    struct ring *ring = (struct ring *)arg;
    POOL_THREAD_BEGIN(ring->pool);
    for (uint32_t i = 0; i < SHARED_OPS; i++) {
        void *block = pool_get(ring->pool);
        write_block(block);
        while (i - __atomic_load_n(&ring->got, __ATOMIC_ACQUIRE) == RING) {
            sched_yield();
        }
        ring->block[i % RING] = block;
        __atomic_store_n(&ring->put, i + 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct ring *ring = (struct ring *)arg;
    POOL_THREAD_BEGIN(ring->pool);
    for (uint32_t i = 0; i < SHARED_OPS; i++) {
        while (__atomic_load_n(&ring->put, __ATOMIC_ACQUIRE) == i) {
            sched_yield();
        }
        give_back(ring->pool, ring->block[i % RING]);
        __atomic_store_n(&ring->got, i + 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void two_threads(void *(*first)(void *), void *(*second)(void *), void *arg)
{
    pthread_t a, b;
    if (pthread_create(&a, NULL, first, arg) != 0 || pthread_create(&b, NULL, second, arg) != 0) {
        out_of_memory();
    }
    pthread_join(a, NULL);
    pthread_join(b, NULL);
}

/* s2: two threads, each with pairs of its own. */
static void pair_in_each(struct meter *m)
{
    struct pool pool;
    m->clock = CLOCK_MONOTONIC;
    pool_open(&pool, SIZE, 4 * RING);
    used(&pool);
    while (meter_next(m, 2 * SHARED_OPS)) {
        two_threads(pairs_in_thread, pairs_in_thread, &pool);
    }
    pool_close(&pool);
}

/* s3: one thread takes blocks, another gives them back. */
static void producer_consumer(struct meter *m)
{
    static struct ring ring;
    struct pool pool;
    m->clock = CLOCK_MONOTONIC;
    pool_open(&pool, SIZE, 4 * RING);
    used(&pool);
    while (meter_next(m, SHARED_OPS)) {
        ring.pool = &pool;
        ring.put = ring.got = 0;
        two_threads(produce, consume, &ring);
    }
    pool_close(&pool);
}

int main(int argc, char **argv)
{
    static const struct workload workloads[] = {
        {"b1", pair},
        {"b2", in_order},
        {"b3", in_random_order},
        {"b4", replace_100k},
        {"b4L", replace_1m},
        {"b4N", replace_1m_untouched},
        {"o1", objects},
        {"s1", pair},
        {"s2", pair_in_each},
        {"s3", producer_consumer},
    };
    return bench_main(argc, argv, workloads, sizeof workloads / sizeof workloads[0]);
}

#endif /* BENCH_BLOCK_H */
