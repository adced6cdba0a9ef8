/* SPDX-License-Identifier: MIT
 * rng.h: a small seeded generator of random numbers (xorshift64*), the same on every machine. */
#ifndef TEST_RNG_H
#define TEST_RNG_H

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    uint64_t state; /* never 0 */
} rng;

static inline rng rng_make(uint64_t seed)
{
    uint64_t mixed = (seed + 0x9E3779B97F4A7C15u) * 0xBF58476D1CE4E5B9u;
    mixed ^= mixed >> 31;
    return (rng){mixed ? mixed : 1};
}

static inline uint64_t rng_next(rng *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545F4914F6CDD1Du;
}

/* A number in 0 .. n-1; n > 0. The bias is far below what a test can notice. */
static inline size_t rng_below(rng *r, size_t n) { return (size_t)((rng_next(r) >> 11) % n); }

/* A size whose logarithm is even: half of them have fewer than half of the bits of `max`. */
static inline size_t rng_size(rng *r, size_t max)
{
    unsigned bits = 0;
    while (bits < 63 && ((size_t)1 << bits) < max) bits++;
    size_t n = rng_below(r, (size_t)1 << rng_below(r, (size_t)bits + 1)) + 1;
    return n < max ? n : max;
}

/* The seed of this run: POOLKIT_SEED if set, else a fresh one. Printed, so a failure repeats. */
static inline uint64_t rng_run_seed(void)
{
    const char *given = getenv("POOLKIT_SEED");
    uint64_t seed;
    if (given) {
        seed = strtoull(given, NULL, 0);
    } else {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed = (uint64_t)now.tv_sec * 1000003u ^ (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32;
    }
    printf("POOLKIT_SEED=0x%" PRIx64 "\n", seed);
    fflush(stdout);
    return seed;
}

#endif /* TEST_RNG_H */
