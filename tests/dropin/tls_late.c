/* SPDX-License-Identifier: MIT */
/*
 * malloc and free inside pthread-key destructors that run as late as they can: each sets its key
 * again until the last of the 4 rounds, so the allocator's own clean-up of the thread is over.
 * 3,000 threads; memory stays flat, so the late calls must not build something new for each thread.
 */
#include "check.h"

enum { threads = 3000, early_at = 500, growth_kib = 2048, keys = 3 };

static pthread_key_t key[keys];
static size_t rounds_seen, last_rounds;
static void *handed;

typedef struct {
    size_t round;
    pthread_key_t key;
} state;

static void destructor(void *arg)
{
    state *s = arg;
    size_t round = ++s->round;
    __atomic_fetch_add(&rounds_seen, 1, __ATOMIC_RELAXED);
    void *p[30];
    for (size_t i = 0; i < 30; i++) {
        p[i] = malloc(i * i * 7 + 1);
        REQUIRE(p[i] != NULL);
        memset(p[i], 1, i * i * 7 + 1);
    }
    for (size_t i = 0; i < 30; i++) free(p[i]);
    free(realloc(malloc(100), 70000));
    if (round < PTHREAD_DESTRUCTOR_ITERATIONS) {
        state *next = malloc(sizeof *next); /* the value itself moves from round to round */
        REQUIRE(next != NULL);
        *next = *s;
        pthread_setspecific(s->key, next);
    } else {
        __atomic_fetch_add(&last_rounds, 1, __ATOMIC_RELAXED);
        free(__atomic_exchange_n(&handed, malloc(300), __ATOMIC_ACQ_REL));
    }
    free(s);
}

static void *thread(void *arg)
{
    int allocates = arg != NULL;
    for (size_t i = 0; i < keys; i++) {
        state *s = malloc(sizeof *s);
        REQUIRE(s != NULL);
        s->round = 0;
        s->key = key[i];
        pthread_setspecific(key[i], s);
    }
    if (allocates) free(malloc(1000));
    return NULL;
}

int main(void)
{
    check_time_limit(60);
    for (size_t i = 0; i < keys; i++) REQUIRE_OK(pthread_key_create(&key[i], destructor));
    size_t early = 0;
    for (size_t i = 0; i < threads; i++) {
        pthread_t t;
        REQUIRE_OK(pthread_create(&t, NULL, thread, i % 2 ? &early : NULL));
        REQUIRE_OK(pthread_join(t, NULL));
        if (i == early_at) early = check_status_kib("VmRSS:");
    }
    size_t late = check_status_kib("VmRSS:");
    CHECKF(late <= early + growth_kib, "grew from %zu to %zu KiB", early, late);
    CHECKF(last_rounds == threads * keys, "%zu last rounds of %zu", last_rounds, rounds_seen);
    free(handed);
    return check_result();
}
