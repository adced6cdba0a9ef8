/* SPDX-License-Identifier: MIT */
/*
 * A program that does nothing more gives memory back: after 200 MB of small blocks were freed at
 * random, a second without any call leaves at most a quarter resident; with one block in ten still
 * in use, less than there was. The same again, after the purging thread has gone to sleep, and in the
 * child of a fork, which has no such thread. Only poolkit promises it.
 */
#include "check.h"
#include <sys/wait.h>

enum { count = 200000, size = 1000 };

static unsigned char *block[count];
static check_rng r = {UINT64_C(0x3c6ef372fe94f82b)};

static void fill(void)
{
    for (size_t i = 0; i < count; i++) {
        block[i] = malloc(size);
        REQUIRE(block[i] != NULL);
        memset(block[i], (int)i, size);
    }
    for (size_t i = count - 1; i > 0; i--) {
        size_t k = rng_below(&r, i + 1);
        unsigned char *p = block[i];
        block[i] = block[k];
        block[k] = p;
    }
}

static size_t resident(void) { return check_status_kib("VmRSS:"); }

static void rest(void)
{
    struct timespec second = {1, 0};
    nanosleep(&second, NULL);
}

static void sparse_then_empty(const char *where)
{
    fill();
    size_t peak = resident();
    for (size_t i = count / 10; i < count; i++) free(block[i]);
    rest();
    size_t sparse = resident();
    CHECKF(sparse < peak * 3 / 4, "%s: %zu KiB at peak, %zu with one in ten", where, peak, sparse);
    for (size_t i = 0; i < count / 10; i++) {
        for (size_t k = 1; k < size; k++) REQUIRE(block[i][k] == block[i][0]);
        free(block[i]);
    }
    rest();
    size_t empty = resident();
    CHECKF(empty < peak / 4, "%s: %zu KiB at peak, %zu after a second", where, peak, empty);
}

int main(void)
{
    check_time_limit(60);
    if (check_plain_libc()) check_skip("the system's malloc promises nothing of the kind");
    sparse_then_empty("first");
    rest();
    sparse_then_empty("again");
    pid_t child = fork();
    if (child == 0) {
        sparse_then_empty("child");
        _exit(check_result());
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    return check_result();
}
