/* SPDX-License-Identifier: MIT */
/*
 * pthread_atfork handlers that allocate and free, registered by main, while other threads allocate.
 * (fork_handler_early.c has the ones that are registered before every library.)
 */
#include "check.h"

#include <sys/wait.h>

enum { forks = 100 };

static int stop;
static void *kept[64];
static size_t prepared, in_parent, in_child;

static void allocate(void)
{
    for (size_t i = 0; i < 64; i++) {
        size_t n = i * i * i * 9 + 1; /* to 2.2 MB */
        free(kept[i]);
        kept[i] = i % 2 ? malloc(n) : calloc(1, n);
        REQUIRE(kept[i] != NULL);
        *(char *)kept[i] = 1;
    }
}

static void prepare(void)
{
    prepared++;
    allocate();
}

static void parent(void)
{
    in_parent++;
    allocate();
}

static void child(void)
{
    in_child++;
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    allocate();
}

static void *busy(void *arg)
{
    check_rng r = {(uint64_t)(uintptr_t)arg + 1};
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        size_t n = rng_size(&r, 20);
        free(realloc(malloc(n), n * 2));
    }
    return NULL;
}

int main(void)
{
    check_time_limit(60);
    REQUIRE_OK(pthread_atfork(prepare, parent, child));
    pthread_t t[2];
    for (size_t i = 0; i < 2; i++)
        REQUIRE_OK(pthread_create(&t[i], NULL, busy, (void *)(uintptr_t)i));
    for (size_t i = 0; i < forks && check_failures < 3; i++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            CHECK(in_child == 1 && prepared == i + 1);
            allocate();
            _exit(check_result());
        }
        int status = 0;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        CHECKF(status == 0, "fork %zu: wait status %#x", i, (unsigned)status);
    }
    CHECK(check_failures || (prepared == forks && in_parent == forks && in_child == 0));
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < 2; i++) REQUIRE_OK(pthread_join(t[i], NULL));
    return check_result();
}
