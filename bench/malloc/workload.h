/* SPDX-License-Identifier: MIT
 * workload.h: what the workloads share: chance from a fixed seed, blocks that are written as a
 * program would write them, marks at which the harness may look at the process.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE = 64, PAGE = 4096, LARGE = 64 * 1024 };

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

/* The n-th argument, a number that must be there. */
static inline size_t argument(int argc, char **argv, int n)
{
    if (n >= argc) {
        dprintf(2, "%s: argument %d is missing\n", argv[0], n);
        exit(2);
    }
    return strtoull(argv[n], NULL, 10);
}

/* xorshift64*: the same numbers on every machine. The state must not be zero. */
static inline uint64_t chance(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (x * UINT64_C(0x2545f4914f6cdd1d)) >> 11;
}

/* Many small sizes and few large ones: below each power of two as many as below the next. */
static inline size_t skewed_size(uint64_t *state, unsigned low_bits, unsigned high_bits)
{
    uint64_t bits = low_bits + chance(state) % (high_bits - low_bits);
    return ((size_t)1 << bits) + chance(state) % ((size_t)1 << bits);
}

/* Writes from `from` to `to` so that each cache line of a small block, and each page of a large
 * one, has been written: without it, memory that is handed out would not be resident. */
static inline void write_block(void *block, size_t from, size_t to)
{
    size_t step = to > LARGE ? PAGE : LINE;
    volatile unsigned char *bytes = block;
    for (size_t i = from; i < to; i += step) {
        bytes[i] = (unsigned char)i;
    }
    if (to > from) {
        bytes[to - 1] = 1;
    }
}

static inline void *new_block(size_t size)
{
    void *block = malloc(size);
    if (!block) {
        die("malloc");
    }
    write_block(block, 0, size);
    return block;
}

/* Tells the harness that the program has come to a point, and how many bytes it then holds; waits
 * for an answer on standard input, which comes at once (end of file) when time is measured.
 * Allocates nothing. */
static inline void mark(const char *name, size_t live)
{
    char answer;
    dprintf(1, "{\"mark\": \"%s\", \"live\": %zu}\n", name, live);
    while (read(0, &answer, 1) < 0) {}
}

static inline pthread_t start_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, arg) != 0) {
        die("pthread_create");
    }
    return thread;
}

#endif
