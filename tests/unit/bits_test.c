/* SPDX-License-Identifier: MIT
 * bits_test.c: src/base/bits.h against loops that look at one bit after the other. */
#include "base/bits.h"
#include "expect.h"
#include "rng.h"
#include "runner.h"

static bool bit_is_set(uint64_t mask, unsigned i) { return i < 64 && (mask >> i & 1) != 0; }

static uint64_t slow_run_starts(uint64_t mask, unsigned n)
{
    uint64_t starts = 0;
    for (unsigned i = 0; i < 64; i++) {
        unsigned length = 0;
        while (length < n && bit_is_set(mask, i + length)) length++;
        if (length == n) starts |= UINT64_C(1) << i;
    }
    return starts;
}

static unsigned slow_longest_run(uint64_t mask)
{
    unsigned longest = 0, now = 0;
    for (unsigned i = 0; i < 64; i++) {
        now = bit_is_set(mask, i) ? now + 1 : 0;
        if (now > longest) longest = now;
    }
    return longest;
}

START_TEST(min_and_max)
{
    static const size_t n[] = {0, 1, 2, 4095, SIZE_MAX - 1, SIZE_MAX};
    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < 6; k++) {
            EXPECT_AT(pki_min(n[i], n[k]) == n[i < k ? i : k], i, k);
            EXPECT_AT(pki_max(n[i], n[k]) == n[i > k ? i : k], i, k);
        }
    }
}
END_TEST

START_TEST(powers_of_two)
{
    for (size_t n = 0; n < 70000; n++) {
        unsigned ones = 0;
        for (unsigned i = 0; i < 64; i++) ones += bit_is_set(n, i);
        EXPECT_AT(pki_is_power_of_two(n) == (ones == 1), n, ones);
    }
    for (unsigned i = 0; i < 64; i++) {
        size_t n = (size_t)1 << i;
        EXPECT_AT(pki_is_power_of_two(n), i, n);
        EXPECT_AT(!pki_is_power_of_two(n - 1) || i == 1, i, n);
        EXPECT_AT(!pki_is_power_of_two(n + 1) || i == 0, i, n);
    }
}
END_TEST

/* Up: the smallest multiple that is not below; down: the largest that is not above. */
START_TEST(align_to_every_power)
{
    for (size_t align = 1; align <= 65536; align *= 2) {
        size_t up = 0;
        for (size_t n = 0; n < 140000; n++) {
            if (n > up) up += align;
            EXPECT_AT(pki_align_up(n, align) == up, n, align);
            EXPECT_AT(pki_align_down(n, align) == (up == n ? n : up - align), n, align);
        }
    }
    for (unsigned i = 0; i < 63; i++) {
        size_t align = (size_t)1 << i;
        EXPECT_AT(pki_align_up(SIZE_MAX - align + 1, align) == SIZE_MAX - align + 1, i, align);
        EXPECT_AT(pki_align_down(SIZE_MAX, align) == SIZE_MAX - align + 1, i, align);
    }
}
END_TEST

START_TEST(counting_bits)
{
    rng r = rng_make(1);
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned k = 0; k < 1000; k++) {
            uint64_t noise = rng_next(&r);
            uint64_t above = (i == 63 ? 0 : noise << (i + 1)) | UINT64_C(1) << i;
            uint64_t below = UINT64_C(1) << i | (noise & ((UINT64_C(1) << i) - 1));
            unsigned ones = 0;
            for (unsigned b = 0; b < 64; b++) ones += bit_is_set(noise, b);
            EXPECT_AT(pki_count_trailing_zeros(above) == i, above, i);
            EXPECT_AT(pki_log2_floor(below) == i, below, i);
            EXPECT_AT(pki_popcount(noise) == ones, noise, ones);
        }
    }
    EXPECT(pki_popcount(0) == 0 && pki_popcount(UINT64_MAX) == 64);
}
END_TEST

START_TEST(multiply_tells_overflow)
{
    static const size_t edge[] = {
        0, 1, 2, 3, 0xFFFFFFFF, 0x100000000, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX};
    rng r = rng_make(2);
    for (size_t i = 0; i < 100000; i++) {
        size_t a = i < 81 ? edge[i / 9] : (size_t)rng_next(&r) >> rng_below(&r, 64);
        size_t b = i < 81 ? edge[i % 9] : (size_t)rng_next(&r) >> rng_below(&r, 64);
        size_t product = 12345;
        bool fits = a == 0 || b <= SIZE_MAX / a;
        EXPECT_AT(pki_multiply(a, b, &product) == fits, a, b);
        EXPECT_AT(!fits || product == a * b, a, b);
    }
}
END_TEST

START_TEST(every_mask_range)
{
    for (unsigned first = 0; first < 64; first++) {
        for (unsigned n = 1; n <= 64 - first; n++) {
            uint64_t mask = pki_mask_range(first, n);
            for (unsigned i = 0; i < 64; i++) {
                EXPECT_AT(bit_is_set(mask, i) == (i >= first && i < first + n), first, n);
            }
        }
    }
}
END_TEST

/* All masks of 16 bits, at the bottom, in the middle and at the top of the word. */
START_TEST(runs_of_every_mask)
{
    for (uint64_t mask = 0; mask < 65536; mask++) {
        for (unsigned shift = 0; shift <= 48; shift += 24) {
            uint64_t m = mask << shift;
            EXPECT_AT(pki_longest_run(m) == slow_longest_run(m), m, shift);
            EXPECT_AT(pki_longest_run(~m) == slow_longest_run(~m), m, shift);
        }
        for (unsigned n = 1; n <= 17; n++) {
            unsigned shift = (unsigned)(mask + n) % 49;
            uint64_t m = mask << shift;
            EXPECT_AT(pki_run_starts(m, n) == slow_run_starts(m, n), m, n);
        }
    }
}
END_TEST

START_TEST(long_runs)
{
    rng r = rng_make(3);
    for (unsigned n = 1; n <= 64; n++) {
        EXPECT_AT(pki_run_starts(0, n) == 0, n, 0);
        EXPECT_AT(pki_run_starts(UINT64_MAX, n) == slow_run_starts(UINT64_MAX, n), n, 0);
        for (unsigned i = 0; i < 500; i++) {
            uint64_t m = rng_next(&r) | rng_next(&r) | rng_next(&r) | rng_next(&r);
            EXPECT_AT(pki_run_starts(m, n) == slow_run_starts(m, n), m, n);
            EXPECT_AT(pki_longest_run(m) == slow_longest_run(m), m, n);
        }
    }
    EXPECT(pki_longest_run(0) == 0 && pki_longest_run(UINT64_MAX) == 64);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("bits");
    ADD_CASE(suite, tcase_create("bits"), 30, min_and_max, powers_of_two, align_to_every_power,
             counting_bits, multiply_tells_overflow, every_mask_range, runs_of_every_mask,
             long_runs);
    return suite;
}

TEST_MAIN(make_suite)
