/* SPDX-License-Identifier: MIT
 * meter.h: how long, or how often, a workload runs. A program of the benchmark is
 *
 *     PROGRAM WORKLOAD rounds N       N rounds, for a tool that counts instructions
 *     PROGRAM WORKLOAD time MS        one round to warm up, then rounds for MS milliseconds
 *
 * and prints what one operation is worth: "operations of a round" or "nanoseconds operations".
 *
 * A workload asks meter_next before each round. One thread's work is timed by its CPU time, so that
 * other programs on the machine disturb less; work of several threads by the wall clock. */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct meter {
    bool timed;
    clockid_t clock;
    uint64_t rounds; /* begun                                   */
    uint64_t budget; /* rounds, or nanoseconds                  */
    uint64_t begin;  /* when the first round after warm-up began */
    uint64_t ns;     /* spent since                             */
    uint64_t ops;    /* of a round                              */
};

struct workload {
    const char *name;
    void (*run)(struct meter *meter);
};

static uint64_t meter_now(const struct meter *m)
{
    struct timespec t;
    clock_gettime(m->clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Is there another round, of `ops` operations, to do? */
static bool meter_next(struct meter *m, uint64_t ops)
{
    uint64_t done = m->rounds++;
    m->ops = ops;
    if (!m->timed) {
        return done < m->budget;
    }
    if (done == 1) {
        m->begin = meter_now(m);
    }
    if (done > 1) {
        m->ns = meter_now(m) - m->begin;
    }
    return m->ns < m->budget;
}

/* The compiler must take `p` as read and all memory as changed: what was written stays written, and
 * what a pool keeps in memory is read again, as in a program where other code runs in between. Called
 * once with a pool's address, it also keeps the pool itself from living in registers. */
static inline void used(void *p) { __asm__ volatile("" : : "r"(p) : "memory"); }

static inline void write_block(void *p)
{
    *(uint64_t *)p = 1;
    used(p);
}

/* A small generator (Marsaglia's xorshift), the same numbers in each run. */
static inline uint32_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

static int bench_main(int argc, char **argv, const struct workload *workloads, size_t n)
{
    if (argc == 4) {
        for (size_t i = 0; i < n; i++) {
            if (strcmp(workloads[i].name, argv[1]) == 0) {
                bool timed = strcmp(argv[2], "time") == 0;
                uint64_t budget = strtoull(argv[3], NULL, 10) * (timed ? 1000000u : 1);
                struct meter m = {timed, CLOCK_THREAD_CPUTIME_ID, 0, budget, 0, 0, 0};
                workloads[i].run(&m);
                uint64_t timed_ops = m.ops * (m.rounds > 2 ? m.rounds - 2 : 0);
                printf("%llu %llu\n", (unsigned long long)m.ns,
                       (unsigned long long)(timed ? timed_ops : m.ops));
                return 0;
            }
        }
    }
    fprintf(stderr, "usage: %s WORKLOAD rounds|time N\n", argv[0]);
    return 2;
}

#endif /* BENCH_METER_H */
