/* SPDX-License-Identifier: MIT */
/*
 * Threads that exit while their blocks live on (500 at once, main frees them later), and exit()
 * called by one thread while others allocate.
 */
#include "check.h"

#include <sys/wait.h>

enum { threads = 500, each = 60, rounds = 16 };

static unsigned char *block[threads][each];
static pthread_barrier_t barrier;

static size_t size_of(size_t t, size_t i)
{
    return 1 + (t * 131 + i * i * 17) % 3000 + (i == 7 ? 60000 : 0);
}

static void *leaver(void *arg)
{
    size_t t = (size_t)(uintptr_t)arg;
    pthread_barrier_wait(&barrier); /* all 500 are alive now */
    for (size_t i = 0; i < each; i++) {
        block[t][i] = malloc(size_of(t, i));
        REQUIRE(block[t][i] != NULL);
        pattern_fill(block[t][i], size_of(t, i), t + i);
    }
    return NULL;
}

static void live_blocks(void)
{
    static pthread_t id[threads];
    pthread_attr_t attr;
    REQUIRE_OK(pthread_attr_init(&attr));
    REQUIRE_OK(pthread_attr_setstacksize(&attr, 256 * KIB));
    size_t first = 0, last = 0;
    for (size_t round = 0; round < rounds; round++) {
        REQUIRE_OK(pthread_barrier_init(&barrier, NULL, threads));
        for (size_t t = 0; t < threads; t++)
            REQUIRE_OK(pthread_create(&id[t], &attr, leaver, (void *)(uintptr_t)t));
        for (size_t t = 0; t < threads; t++) REQUIRE_OK(pthread_join(id[t], NULL));
        for (size_t t = 0; t < threads; t++)
            for (size_t i = 0; i < each; i++) {
                size_t n = size_of(t, i), at = pattern_check(block[t][i], n, t + i);
                CHECKF(at == n, "thread %zu block of %zu changed at %zu", t, n, at);
                free(block[t][i]);
            }
        last = check_status_kib("VmHWM:");
        first = round == rounds / 2 ? last : first;
        REQUIRE_OK(pthread_barrier_destroy(&barrier));
    }
    /* The peak does not grow once all of them were alive at once some times. How many are depends on
     * the machine: in the first rounds the early ones end before the late ones start. */
    CHECKF(last < first + first / 4 + 20480, "peaks: middle %zu, last %zu KiB", first, last);
}

static void *allocate_for_ever(void *arg)
{
    check_rng r = {(uint64_t)(uintptr_t)arg + 1};
    for (;;) {
        size_t n = rng_size(&r, 18);
        char *p = malloc(n);
        REQUIRE(p != NULL);
        p[n - 1] = 1;
        p = realloc(p, n * 2);
        free(p);
    }
    return NULL;
}

static void at_exit_allocates(void)
{
    for (size_t n = 1; n < MIB; n *= 3) free(malloc(n));
}

static void *exits(void *arg)
{
    (void)arg;
    free(malloc(100));
    usleep(2000);
    exit(42);
}

static void exit_from_a_thread(void)
{
    for (size_t run = 0; run < 30; run++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            signal(SIGALRM, SIG_DFL);
            alarm(10);
            pthread_t t;
            atexit(at_exit_allocates);
            for (size_t i = 0; i < 3; i++)
                REQUIRE_OK(pthread_create(&t, NULL, allocate_for_ever, (void *)(uintptr_t)i));
            REQUIRE_OK(pthread_create(&t, NULL, exits, NULL));
            pause();
            _exit(1);
        }
        int status = 0;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        int hang = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
        CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 42, "run %zu: wait status %#x%s", run,
               (unsigned)status, hang ? " (hang)" : "");
        if (check_failures > 2) return;
    }
}

int main(void)
{
    check_time_limit(90);
    exit_from_a_thread();
    live_blocks();
    return check_result();
}
