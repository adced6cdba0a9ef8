/* SPDX-License-Identifier: MIT */
/*
 * A child frees what the parent's other threads allocated: threads that are parked at the fork,
 * threads that allocate at that moment and threads that had exited. Its own child does it again.
 * The parent's copies stay whole.
 */
#include "check.h"

#include <sys/wait.h>

enum { owners = 6, each = 400, forks = 25 };

static unsigned char *block[owners][each];
static pthread_barrier_t filled, leave;
static int stop;

static size_t size_of(size_t t, size_t i)
{
    return 1 + (t * 7919 + i * 104729) % (i % 50 ? 3000 : 400000);
}

static void *owner(void *arg)
{
    size_t t = (size_t)(uintptr_t)arg;
    for (size_t i = 0; i < each; i++) {
        size_t n = size_of(t, i);
        block[t][i] = malloc(n);
        REQUIRE(block[t][i] != NULL);
        sparse_fill(block[t][i], n, t * each + i);
    }
    pthread_barrier_wait(&filled);
    if (t % 3 == 1) /* gone before the fork */
        return NULL;
    if (t % 3 == 2) { /* busy */
        check_rng r = {t};
        while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
            size_t n = rng_size(&r, 18);
            free(realloc(malloc(n), n / 2 + 1));
        }
    }
    pthread_barrier_wait(&leave);
    return NULL;
}

static void check_all(const char *who)
{
    for (size_t t = 0; t < owners; t++)
        for (size_t i = 0; i < each; i++) {
            size_t n = size_of(t, i), at = sparse_check(block[t][i], n, t * each + i);
            CHECKF(at == n, "%s: block of %zu changed at %zu", who, n, at);
        }
}

static void free_and_take_again(const char *who)
{
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    check_all(who);
    for (size_t t = 0; t < owners; t++)
        for (size_t i = 0; i < each; i++) {
            if (i % 4 == 0) block[t][i] = realloc(block[t][i], size_of(t, i) * 2);
            free(block[t][i]);
        }
    for (size_t t = 0; t < owners; t++)
        for (size_t i = 0; i < each; i++) {
            size_t n = size_of(t, i);
            block[t][i] = malloc(n);
            REQUIRE(block[t][i] != NULL);
            sparse_fill(block[t][i], n, t * each + i);
        }
    check_all(who);
}

static void wait_for(pid_t pid, const char *who)
{
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECKF(status == 0, "%s: wait status %#x", who, (unsigned)status);
}

static void child(void)
{
    free_and_take_again("child");
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        free_and_take_again("child of the child");
        _exit(check_result());
    }
    wait_for(pid, "child of the child");
    check_all("child, after its own child");
    _exit(check_result());
}

int main(void)
{
    pthread_t t[owners];
    check_time_limit(60);
    REQUIRE_OK(pthread_barrier_init(&filled, NULL, owners + 1));
    REQUIRE_OK(pthread_barrier_init(&leave, NULL, owners - 2 + 1));
    for (size_t i = 0; i < owners; i++)
        REQUIRE_OK(pthread_create(&t[i], NULL, owner, (void *)(uintptr_t)i));
    pthread_barrier_wait(&filled);
    REQUIRE_OK(pthread_join(t[1], NULL));
    REQUIRE_OK(pthread_join(t[4], NULL));
    for (size_t i = 0; i < forks && check_failures < 3; i++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) child();
        wait_for(pid, "child");
    }
    check_all("parent");
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_barrier_wait(&leave);
    for (size_t i = 0; i < owners; i++)
        if (i % 3 != 1) REQUIRE_OK(pthread_join(t[i], NULL));
    for (size_t o = 0; o < owners; o++)
        for (size_t i = 0; i < each; i++) free(block[o][i]);
    return check_result();
}
