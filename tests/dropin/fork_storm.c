/* SPDX-License-Identifier: MIT */
/*
 * 300 forks from a process whose 3 other threads never stop allocating: small and medium blocks,
 * large ones with realloc, new threads all the time. Each child must be able to allocate every
 * size, free, and start a thread that allocates. A child that hangs is ended by its alarm.
 */
#include "check.h"

#include <sys/wait.h>

enum { forks = 300, blocks = 1000, most_bad = 3 };

static int stop;

static int running(void) { return !__atomic_load_n(&stop, __ATOMIC_RELAXED); }

static void *small_and_medium(void *arg)
{
    check_rng r = {UINT64_C(0x1234567)};
    enum { live = 2000 };
    static char *p[live];
    (void)arg;
    while (running()) {
        size_t i = rng_below(&r, live), n = rng_size(&r, 15);
        free(p[i]);
        p[i] = rng_below(&r, 2) ? malloc(n) : calloc(1, n);
        REQUIRE(p[i] != NULL);
        p[i][n - 1] = 1;
    }
    for (size_t i = 0; i < live; i++) free(p[i]);
    return NULL;
}

static void *large_and_realloc(void *arg)
{
    check_rng r = {UINT64_C(0x7654321)};
    (void)arg;
    while (running()) {
        size_t n = 100000 + rng_below(&r, 6 * MIB);
        char *p = malloc(n), *q = memalign(65536, n / 2);
        REQUIRE(p != NULL && q != NULL);
        p[0] = p[n - 1] = q[0] = 1;
        p = realloc(p, n + rng_below(&r, 4 * MIB));
        free(q);
        for (size_t m = 10; m < 300000; m = m * 3 / 2) {
            p = realloc(p, m);
            REQUIRE(p != NULL);
            p[m - 1] = 1;
        }
        free(p);
    }
    return NULL;
}

static void *brief(void *arg)
{
    for (size_t n = 1; n < 200000; n = n * 3 + 1) {
        char *p = malloc(n);
        REQUIRE(p != NULL);
        p[n - 1] = 1;
        free(p);
    }
    free(arg); /* allocated by another thread */
    return malloc(700);
}

static void *thread_maker(void *arg)
{
    (void)arg;
    while (running()) {
        pthread_t t;
        void *left = NULL;
        REQUIRE_OK(pthread_create(&t, NULL, brief, malloc(300)));
        REQUIRE_OK(pthread_join(t, &left));
        free(left);
    }
    return NULL;
}

static void child(size_t id)
{
    static unsigned char *p[blocks];
    static size_t size[blocks];
    check_rng r = {id * UINT64_C(0x9e3779b97f4a7c15) + 1};
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    for (size_t i = 0; i < blocks; i++) {
        size[i] = i % 40 ? rng_size(&r, 14) : rng_size(&r, 20);
        p[i] = malloc(size[i]);
        REQUIRE(p[i] != NULL);
        sparse_fill(p[i], size[i], i);
    }
    for (size_t i = 0; i < blocks; i++) {
        size_t at = sparse_check(p[i], size[i], i);
        CHECKF(at == size[i], "child %zu: block of %zu changed at %zu", id, size[i], at);
        free(p[i]);
    }
    pthread_t t;
    void *left = NULL;
    REQUIRE_OK(pthread_create(&t, NULL, brief, malloc(300)));
    REQUIRE_OK(pthread_join(t, &left));
    free(left);
    _exit(check_result());
}

int main(void)
{
    check_time_limit(90);
    pthread_t t[3];
    REQUIRE_OK(pthread_create(&t[0], NULL, small_and_medium, NULL));
    REQUIRE_OK(pthread_create(&t[1], NULL, large_and_realloc, NULL));
    REQUIRE_OK(pthread_create(&t[2], NULL, thread_maker, NULL));
    size_t hung = 0, failed = 0;
    for (size_t i = 0; i < forks && hung + failed < most_bad; i++) {
        free(malloc(i * 100));
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) child(i);
        int status = 0;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
            hung++;
        else if (status != 0)
            failed++;
        CHECKF(status == 0, "fork %zu: wait status %#x%s", i, (unsigned)status,
               hung ? " (hang)" : "");
    }
    CHECKF(hung == 0, "%zu children hung", hung);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < 3; i++) REQUIRE_OK(pthread_join(t[i], NULL));
    return check_result();
}
