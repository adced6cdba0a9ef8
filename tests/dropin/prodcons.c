/* SPDX-License-Identifier: MIT */
/*
 * Producer and consumer: one thread allocates, another frees, 2 million blocks; then both ways at
 * once. At most 2,048 blocks are alive, so memory must stay small: blocks freed by another thread
 * must come back to the one that allocates.
 */
#include "check.h"

enum { ring_size = 1024, blocks = 2000000, limit_kib = 64 * 1024 };

typedef struct {
    unsigned char *slot[ring_size];
    char pad1[64];
    size_t put; /* written by the producer only */
    char pad2[64];
    size_t taken; /* written by the consumer only */
} ring;

static ring forth, back;

static int try_put(ring *r, unsigned char *p)
{
    size_t at = r->put;
    if (at - __atomic_load_n(&r->taken, __ATOMIC_ACQUIRE) == ring_size) return 0;
    r->slot[at % ring_size] = p;
    __atomic_store_n(&r->put, at + 1, __ATOMIC_RELEASE);
    return 1;
}

static unsigned char *try_take(ring *r)
{
    size_t at = r->taken;
    if (at == __atomic_load_n(&r->put, __ATOMIC_ACQUIRE)) return NULL;
    unsigned char *p = r->slot[at % ring_size];
    __atomic_store_n(&r->taken, at + 1, __ATOMIC_RELEASE);
    return p;
}

static unsigned char *make(check_rng *rng)
{
    size_t n = 16 + rng_below(rng, 500);
    unsigned char *p = malloc(n);
    REQUIRE(p != NULL);
    p[0] = (unsigned char)n;
    p[n - 1] = (unsigned char)n;
    return p;
}

static void *producer(void *arg)
{
    check_rng rng = {12345};
    (void)arg;
    for (size_t i = 0; i < blocks; i++) {
        unsigned char *p = make(&rng);
        while (!try_put(&forth, p)) sched_yield();
    }
    return NULL;
}

static void *consumer(void *arg)
{
    check_rng rng = {12345};
    (void)arg;
    for (size_t i = 0; i < blocks;) {
        unsigned char *p = try_take(&forth);
        if (p == NULL) {
            sched_yield();
            continue;
        }
        size_t n = 16 + rng_below(&rng, 500);
        CHECKF(p[0] == (unsigned char)n && p[n - 1] == (unsigned char)n, "block %zu of %zu", i, n);
        free(p);
        i++;
    }
    return NULL;
}

/* Each side allocates for the other and frees what it is sent. */
static void *both(void *arg)
{
    ring *out = arg ? &back : &forth, *in = arg ? &forth : &back;
    check_rng rng = {777 + (uint64_t)(arg != NULL)};
    unsigned char *next = NULL;
    size_t sent = 0, got = 0;
    while (sent < blocks || got < blocks) {
        int idle = 1;
        if (sent < blocks) {
            if (next == NULL) next = make(&rng);
            if (try_put(out, next)) {
                next = NULL;
                sent++;
                idle = 0;
            }
        }
        unsigned char *p = try_take(in);
        if (p != NULL) {
            free(p);
            got++;
            idle = 0;
        }
        if (idle) sched_yield();
    }
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    check_time_limit(90);
    REQUIRE_OK(pthread_create(&a, NULL, producer, NULL));
    REQUIRE_OK(pthread_create(&b, NULL, consumer, NULL));
    REQUIRE_OK(pthread_join(a, NULL));
    REQUIRE_OK(pthread_join(b, NULL));
    size_t peak = check_status_kib("VmHWM:");
    CHECKF(peak < limit_kib, "one way: peak of %zu KiB", peak);

    REQUIRE_OK(pthread_create(&a, NULL, both, NULL));
    REQUIRE_OK(pthread_create(&b, NULL, both, &forth));
    REQUIRE_OK(pthread_join(a, NULL));
    REQUIRE_OK(pthread_join(b, NULL));
    peak = check_status_kib("VmHWM:");
    CHECKF(peak < limit_kib, "both ways: peak of %zu KiB", peak);
    return check_result();
}
