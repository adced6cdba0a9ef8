/* SPDX-License-Identifier: MIT
 * threads.h: starting threads, and handing blocks from one to another through a queue. */
#ifndef TEST_THREADS_H
#define TEST_THREADS_H

#include "expect.h"
#include "pattern.h"
#include "rng.h"

#include <poolkit/heap.h>
#include <pthread.h>
#include <stdbool.h>

/* A block on its way, with what its receiver must find in it. */
typedef struct {
    void *p;
    size_t n;
    uint64_t tag;
} parcel;

static inline parcel parcel_make(pk_heap *one, size_t n, uint64_t tag)
{
    parcel it = {pk_heap_alloc(one, n), n, tag};
    EXPECT_AT(it.p != NULL, n, tag);
    pattern_fill(it.p, n, tag);
    return it;
}

static inline void parcel_look_at(const parcel *it)
{
    EXPECT_AT(pattern_holds(it->p, it->n, it->n, it->tag), it->n, it->tag);
}

static inline void parcel_free(parcel *it)
{
    parcel_look_at(it);
    if (it->tag % 3)
        pk_heap_free(it->p);
    else
        pk_heap_free_sized(it->p, it->n);
    it->p = NULL;
}

/* Mostly small blocks, a few up to 256 KiB. */
static inline size_t parcel_size(rng *r)
{
    return rng_below(r, 200) ? rng_below(r, 700) : rng_size(r, (size_t)256 << 10);
}

static inline void thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    EXPECT(pthread_create(thread, NULL, run, arg) == 0);
}

static inline void thread_join(pthread_t thread) { EXPECT(pthread_join(thread, NULL) == 0); }

#define QUEUE_ROOM 4096

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t first, count;
    bool closed;
    parcel item[QUEUE_ROOM];
} queue;

static inline void queue_init(queue *q)
{
    EXPECT(pthread_mutex_init(&q->lock, NULL) == 0);
    EXPECT(pthread_cond_init(&q->changed, NULL) == 0);
    q->first = q->count = 0;
    q->closed = false;
}

static inline void queue_fini(queue *q)
{
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
}

/* Waits while the queue is full. */
static inline void queue_put(queue *q, parcel it)
{
    pthread_mutex_lock(&q->lock);
    while (q->count == QUEUE_ROOM) pthread_cond_wait(&q->changed, &q->lock);
    q->item[(q->first + q->count++) % QUEUE_ROOM] = it;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

/* Waits while the queue is empty; false when it is closed and empty. */
static inline bool queue_get(queue *q, parcel *out)
{
    pthread_mutex_lock(&q->lock);
    while (q->count == 0 && !q->closed) pthread_cond_wait(&q->changed, &q->lock);
    bool got = q->count > 0;
    if (got) {
        *out = q->item[q->first];
        q->first = (q->first + 1) % QUEUE_ROOM;
        q->count--;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return got;
}

static inline void queue_close(queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

#endif /* TEST_THREADS_H */
