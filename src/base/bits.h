/* SPDX-License-Identifier: MIT
 * bits.h: arithmetic on sizes, alignments and 64-bit masks. A mask's bit i stands for place i. */
#ifndef PKI_BASE_BITS_H
#define PKI_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

static inline size_t pki_min(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t pki_max(size_t a, size_t b) { return a > b ? a : b; }

static inline bool pki_is_power_of_two(size_t n) { return n != 0 && (n & (n - 1)) == 0; }

/* `n` rounded up to a multiple of the power of two `align`; the caller knows it cannot wrap. */
static inline size_t pki_align_up(size_t n, size_t align) { return (n + align - 1) & ~(align - 1); }
static inline size_t pki_align_down(size_t n, size_t align) { return n & ~(align - 1); }

static inline unsigned pki_count_trailing_zeros(uint64_t x) { return (unsigned)__builtin_ctzll(x); }
static inline unsigned pki_log2_floor(uint64_t x) { return 63u - (unsigned)__builtin_clzll(x); }
static inline unsigned pki_popcount(uint64_t x) { return (unsigned)__builtin_popcountll(x); }

/* Stores a * b in *product; false if it does not fit. */
static inline bool pki_multiply(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* `n` ones from place `first` on; n in 1..64. */
static inline uint64_t pki_mask_range(unsigned first, unsigned n)
{
    return (~UINT64_C(0) >> (64 - n)) << first;
}

/* The places where a run of `n` ones begins (n in 1..64). Each step doubles the length known. */
static inline uint64_t pki_run_starts(uint64_t mask, unsigned n)
{
    unsigned known = 1;
    while (known < n && mask != 0) {
        unsigned step = known < n - known ? known : n - known;
        mask &= mask >> step;
        known += step;
    }
    return mask;
}

/* The length of the longest run of ones, 0..64. */
static inline unsigned pki_longest_run(uint64_t mask)
{
    unsigned n = 0;
    while (mask != 0) {
        mask &= mask >> 1;
        n++;
    }
    return n;
}

#endif /* PKI_BASE_BITS_H */
