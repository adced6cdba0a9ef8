/* SPDX-License-Identifier: MIT
 * owner_fixture.h: looks into a heap's owners, and helper threads that do one thing when told. */
#ifndef TEST_OWNER_FIXTURE_H
#define TEST_OWNER_FIXTURE_H

#include "heap/heap_internal.h"
#include "heap_fixture.h"
#include "threads.h"

static inline pki_owner *owner_of_me(pk_heap *one) { return pki_thread_owner(&one->space); }

static inline size_t stacked(pki_owner *owner, unsigned cls)
{
    const pki_bin_list *list = &owner->list[cls];
    void **top = atomic_load_explicit(&pki_bins(owner)[cls].top, memory_order_relaxed);
    return list->base ? (size_t)(top - list->base) : 0;
}

static inline size_t in_outboxes(pki_owner *owner)
{
    return atomic_load_explicit(&owner->mail_blocks, memory_order_relaxed);
}

static inline pki_owner *owner_of_block(const void *p) { return pki_owner_by_word(pki_word_at(p)); }

/* Has the owner look at the clock, as if its last tick were long ago. */
static inline void force_tick(pki_owner *owner)
{
    owner->ticked_at = 0;
    for (int i = 0; i < 64 && owner->ticked_at == 0; i++) pki_owner_tick(owner);
    EXPECT(owner->ticked_at != 0);
}

/* A thread that runs `job` each time it is told and lives until it is dismissed. */
typedef struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void (*job)(void *arg);
    void *arg;
    bool leave;
} helper;

static inline void *helper_run(void *self)
{
    helper *h = self;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (!h->job && !h->leave) pthread_cond_wait(&h->changed, &h->lock);
        if (h->leave) break;
        h->job(h->arg);
        h->job = NULL;
        pthread_cond_broadcast(&h->changed);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

static inline void helper_hire(helper *h)
{
    memset(h, 0, sizeof *h);
    EXPECT(pthread_mutex_init(&h->lock, NULL) == 0 && pthread_cond_init(&h->changed, NULL) == 0);
    thread_start(&h->thread, helper_run, h);
}

/* Returns when the job is done. */
static inline void helper_do(helper *h, void (*job)(void *arg), void *arg)
{
    pthread_mutex_lock(&h->lock);
    h->job = job;
    h->arg = arg;
    pthread_cond_broadcast(&h->changed);
    while (h->job) pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
}

static inline void helper_dismiss(helper *h)
{
    pthread_mutex_lock(&h->lock);
    h->leave = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    thread_join(h->thread);
}

/* What helpers do: allocate or free an array of blocks. */
typedef struct {
    pk_heap *heap;
    void **block;
    size_t n, size;
    pki_owner *owner; /* out: the helper's */
} batch;

static inline void batch_alloc(void *arg)
{
    batch *b = arg;
    for (size_t i = 0; i < b->n; i++) {
        b->block[i] = pk_heap_alloc(b->heap, b->size);
        EXPECT_AT(b->block[i] != NULL, i, b->size);
        pattern_fill(b->block[i], b->size, i);
    }
    b->owner = owner_of_me(b->heap);
}

static inline void batch_free(void *arg)
{
    batch *b = arg;
    for (size_t i = 0; i < b->n; i++) {
        EXPECT_AT(pattern_holds(b->block[i], b->size, b->size, i), i, b->size);
        pk_heap_free(b->block[i]);
    }
    b->owner = owner_of_me(b->heap);
}

/* In a thread of its own that ends at once. */
static inline void in_a_thread(void (*job)(void *arg), void *arg)
{
    helper h;
    helper_hire(&h);
    helper_do(&h, job, arg);
    helper_dismiss(&h);
}

#endif /* TEST_OWNER_FIXTURE_H */
