/* SPDX-License-Identifier: MIT */
/*
 * Cancelled threads. No call of the malloc family is a cancellation point, so a pending cancel may
 * not end a thread inside the allocator, not even in its first call or when memory is mapped. And a
 * process whose allocating threads are cancelled at other points goes on.
 */
#include "check.h"

static int go, past_malloc;

static void *pending(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE)) {}
    /* The cancel is pending from here on; only pthread_testcancel may act on it. */
    for (size_t n = 1; n <= 64 * MIB; n = n * 2 + 1) {
        char *p = malloc(n), *q = calloc(1, n), *a = memalign(8192, n);
        REQUIRE(p != NULL && q != NULL && a != NULL);
        p[0] = q[0] = a[0] = 1;
        p = realloc(p, n * 2);
        free(p);
        free(q);
        free(a);
    }
    enum { live = 3000 };
    static void *block[live];
    for (size_t i = 0; i < live; i++) block[i] = malloc(1 + i * 5);
    for (size_t i = 0; i < live; i++) free(block[i]);
    malloc_trim(0);
    struct mallinfo2 info = mallinfo2();
    (void)info;
    __atomic_store_n(&past_malloc, 1, __ATOMIC_RELEASE);
    pthread_testcancel();
    CHECKF(0, "pthread_testcancel must not return");
    return NULL;
}

static void pending_cancel(void)
{
    for (int round = 0; round < 20; round++) {
        pthread_t t;
        void *result = NULL;
        __atomic_store_n(&go, 0, __ATOMIC_RELEASE);
        past_malloc = 0;
        REQUIRE_OK(pthread_create(&t, NULL, pending, NULL));
        REQUIRE_OK(pthread_cancel(t));
        __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
        REQUIRE_OK(pthread_join(t, &result));
        CHECK(result == PTHREAD_CANCELED);
        CHECK(__atomic_load_n(&past_malloc, __ATOMIC_ACQUIRE));
    }
}

static volatile size_t sink;

/* Allocates all the time; cancelled at write() or, at once, in a stretch that only counts. */
static void *worker(void *arg)
{
    check_rng r = {(uint64_t)(uintptr_t)arg + 1};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), old;
    pthread_cleanup_push(free, malloc(500));
    for (;;) {
        size_t n = rng_size(&r, 17);
        char *p = malloc(n);
        REQUIRE(p != NULL);
        pthread_cleanup_push(free, p);
        p[n - 1] = 1;
        if (write(null, p, 1) != 1) sink++;
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
        for (size_t i = 0; i < 200; i++) sink += i;
        pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &old);
        pthread_cleanup_pop(1);
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void cancelled_workers(void)
{
    for (size_t round = 0; round < 150; round++) {
        pthread_t t[4];
        for (size_t i = 0; i < 4; i++)
            REQUIRE_OK(pthread_create(&t[i], NULL, worker, (void *)(uintptr_t)(round * 4 + i)));
        usleep((useconds_t)(round * 13 % 900));
        for (size_t i = 0; i < 4; i++) REQUIRE_OK(pthread_cancel(t[i]));
        for (size_t i = 0; i < 4; i++) {
            void *result = NULL;
            REQUIRE_OK(pthread_join(t[i], &result));
            CHECK(result == PTHREAD_CANCELED);
        }
        for (size_t n = 1; n < MIB; n = n * 3 + 1) free(calloc(1, n));
    }
}

int main(void)
{
    check_time_limit(60);
    pending_cancel();
    cancelled_workers();
    return check_result();
}
