/* SPDX-License-Identifier: MIT */
/*
 * pthread_atfork handlers registered before any library's constructor ran: their prepare handler
 * runs after the drop-in's, their parent and child handlers before. They allocate all the same;
 * with the C library's malloc that works, because it takes its locks after every handler.
 */
#include "check.h"

#include <sys/wait.h>

enum { forks = 50 };

static int stop;
static size_t calls;

static void allocate(void)
{
    calls++;
    for (size_t n = 1; n < 3 * MIB; n = n * 3 + 1) {
        char *p = malloc(n);
        REQUIRE(p != NULL);
        p[n - 1] = 1;
        p = realloc(p, n * 2);
        free(p);
    }
}

static void child(void)
{
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    allocate();
}

static void before_all(void) { pthread_atfork(allocate, allocate, child); }

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = before_all;

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
    check_time_limit(30);
    pthread_t t[2];
    for (size_t i = 0; i < 2; i++)
        REQUIRE_OK(pthread_create(&t[i], NULL, busy, (void *)(uintptr_t)i));
    for (size_t i = 0; i < forks && check_failures < 3; i++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) _exit(check_result());
        int status = 0;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        CHECKF(status == 0, "fork %zu: wait status %#x", i, (unsigned)status);
    }
    CHECKF(check_failures || calls == 2 * forks, "%zu handler calls", calls);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < 2; i++) REQUIRE_OK(pthread_join(t[i], NULL));
    return check_result();
}
