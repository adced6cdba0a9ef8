/* SPDX-License-Identifier: MIT */
/*
 * Other ways to start a program, while threads allocate: vfork + exec (the child shares the
 * parent's memory), posix_spawn, system, popen. The allocator's state must not suffer.
 */
#include "check.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static int stop;

static void *busy(void *arg)
{
    check_rng r = {(uint64_t)(uintptr_t)arg + 1};
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        size_t n = rng_size(&r, 19);
        unsigned char *p = malloc(n);
        REQUIRE(p != NULL);
        sparse_fill(p, n, n);
        CHECK(sparse_check(p, n, n) == n);
        free(p);
    }
    return NULL;
}

static void wait_for(pid_t pid, int expected, const char *what)
{
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == expected, "%s: wait status %#x", what,
           (unsigned)status);
}

static void by_vfork(void)
{
    static char shell[] = "/bin/sh", option[] = "-c", text[] = "exit 7";
    static char *const args[] = {shell, option, text, NULL};
    pid_t pid = vfork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        execve(shell, args, environ);
        _exit(99);
    }
    wait_for(pid, 7, "vfork");
}

static void by_spawn(void)
{
    static char shell[] = "sh", option[] = "-c", text[] = "exit 5";
    static char *const args[] = {shell, option, text, NULL};
    pid_t pid = -1;
    REQUIRE_OK(posix_spawnp(&pid, shell, NULL, NULL, args, environ));
    wait_for(pid, 5, "posix_spawnp");
}

int main(void)
{
    check_time_limit(60);
    pthread_t t[2];
    for (size_t i = 0; i < 2; i++)
        REQUIRE_OK(pthread_create(&t[i], NULL, busy, (void *)(uintptr_t)i));
    for (size_t i = 0; i < 60 && check_failures == 0; i++) {
        by_vfork();
        by_spawn();
        int status = system("exit 3");
        CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 3, "system: %#x", (unsigned)status);
        FILE *in = popen("echo one; echo two", "r");
        REQUIRE(in != NULL);
        char line[32] = "";
        CHECK(fgets(line, sizeof line, in) != NULL && strcmp(line, "one\n") == 0);
        CHECK(fgets(line, sizeof line, in) != NULL && strcmp(line, "two\n") == 0);
        CHECK(pclose(in) == 0);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < 2; i++) REQUIRE_OK(pthread_join(t[i], NULL));
    return check_result();
}
