/* SPDX-License-Identifier: MIT */
/*
 * Threads with the smallest stack the system allows. The drop-in's thread-local storage is carved
 * out of that stack and its slow paths run on it: both must be small.
 */
#include "check.h"

enum { threads = 100 };

static void *on_small_stack(void *arg)
{
    size_t id = (size_t)(uintptr_t)arg;
    unsigned char *p[32];
    for (size_t n = 1, i = 0; i < 32; i++, n = n * 3 / 2 + 7) {
        p[i] = i % 3 == 0 ? calloc(1, n) : i % 3 == 1 ? memalign(64, n) : malloc(n);
        REQUIRE(p[i] != NULL);
        p[i][0] = p[i][n - 1] = (unsigned char)id;
    }
    for (size_t i = 0; i < 32; i += 2) p[i] = realloc(p[i], 50000 * (i + 1));
    for (size_t i = 0; i < 32; i++) {
        CHECK(p[i] != NULL && p[i][0] == (unsigned char)id);
        free(p[i]);
    }
    if (id % 10 == 0) malloc_trim(0);
    return NULL;
}

int main(void)
{
    check_time_limit(30);
    pthread_attr_t attr;
    REQUIRE_OK(pthread_attr_init(&attr));
    /* The system's minimum grows with the thread-local storage of every library: hence the cap. */
    size_t smallest = (size_t)sysconf(_SC_THREAD_STACK_MIN);
    if (smallest < 16 * KIB || smallest > 32 * KIB) smallest = 32 * KIB;
    int rc = pthread_attr_setstacksize(&attr, smallest);
    CHECKF(rc == 0, "stack of %zu bytes: %s", smallest, strerror(rc));
    for (size_t id = 0; id < threads; id += 4) {
        pthread_t t[4];
        size_t started = 0;
        for (; started < 4; started++) {
            rc = pthread_create(&t[started], &attr, on_small_stack,
                                (void *)(uintptr_t)(id + started));
            CHECKF(rc == 0, "stack of %zu bytes, pthread_create: %s", smallest, strerror(rc));
            if (rc != 0) break;
        }
        for (size_t i = 0; i < started; i++) REQUIRE_OK(pthread_join(t[i], NULL));
    }
    return check_result();
}
