/* SPDX-License-Identifier: MIT */
/*
 * fork while one thread reads lines (it holds a stream's lock and reallocates) and another flushes all
 * streams (it holds the lock of their list, which fork takes too): the three must not wait for each
 * other in a circle.
 */
#include "check.h"

#include <sys/wait.h>

enum { forks = 400, line_size = 400000 };

static int stop;
static char path[] = "/tmp/poolkit-fork-stdio-XXXXXX";

static void write_lines(void)
{
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    FILE *out = fdopen(fd, "w");
    REQUIRE(out != NULL);
    for (int i = 0; i < 3 * line_size; i++) fputc(i % line_size == 0 ? '\n' : 'x', out);
    REQUIRE_OK(fclose(out));
}

static void *read_lines(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        FILE *in = fopen(path, "r");
        REQUIRE(in != NULL);
        char *line = NULL;
        size_t size = 0;
        while (getline(&line, &size, in) >= 0) continue;
        free(line);
        fclose(in);
    }
    return NULL;
}

static void *flush_all(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) fflush(NULL);
    return NULL;
}

int main(void)
{
    check_time_limit(100);
    write_lines();
    pthread_t reader, flusher;
    REQUIRE_OK(pthread_create(&reader, NULL, read_lines, NULL));
    REQUIRE_OK(pthread_create(&flusher, NULL, flush_all, NULL));
    for (int i = 0; i < forks; i++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            free(malloc(100000));
            _exit(0);
        }
        int status = -1;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        CHECKF(status == 0, "child %d ended with %d", i, status);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    REQUIRE_OK(pthread_join(reader, NULL));
    REQUIRE_OK(pthread_join(flusher, NULL));
    unlink(path);
    return check_result();
}
