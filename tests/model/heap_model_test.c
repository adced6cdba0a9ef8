/* SPDX-License-Identifier: MIT
 * heap_model_test.c: 10 million random operations on heaps against the model, in five profiles of
 * sizes. POOLKIT_SEED repeats a run, POOLKIT_SCALE=percent makes it longer or shorter. */
#include "build.h"
#include "heap_model.h"
#include "rng.h"
#include "runner.h"

static void random_bytes(rng *r, uint8_t *out, size_t n)
{
    for (; n >= 8; n -= 8, out += 8) {
        uint64_t word = rng_next(r);
        memcpy(out, &word, 8);
    }
}

static void run_profile(uint8_t profile, size_t ops)
{
    static heap_model m;
    static uint8_t batch[4096 * MODEL_OP_BYTES];
    rng r = rng_make(rng_run_seed() + profile);
    ops = scaled(ops);
    model_start(&m, profile);
    while (m.ops < ops) {
        random_bytes(&r, batch, sizeof batch);
        model_feed(&m, batch, sizeof batch);
    }
    printf("%-6s %8zu operations, %zu refused by the limit, %zu moved, %zu resized in place, "
           "%zu walks, %zu heaps renewed\n",
           m.profile->name, (size_t)m.ops, (size_t)m.refused, (size_t)m.moved, (size_t)m.in_place,
           (size_t)m.walks, (size_t)m.renewed);
    if (ops > 5000 && profile > 0) ck_assert_uint_gt(m.refused, 0); /* the limit did bite */
    model_end(&m);
}

START_TEST(profile_tiny) { run_profile(0, 3560000); }
END_TEST

START_TEST(profile_small) { run_profile(1, 3500000); }
END_TEST

START_TEST(profile_medium) { run_profile(2, 1000000); }
END_TEST

START_TEST(profile_mixed) { run_profile(3, 1900000); }
END_TEST

START_TEST(profile_large) { run_profile(4, 40000); }
END_TEST

/* Streams as a fuzzer makes them: short ones, of any length, also of equal bytes. */
START_TEST(short_streams)
{
    uint8_t bytes[999];
    rng r = rng_make(rng_run_seed());
    model_run(NULL, 0);
    for (size_t i = 0; i < scaled(2000); i++) {
        size_t n = rng_below(&r, sizeof bytes) + 1;
        random_bytes(&r, bytes, sizeof bytes - sizeof bytes % 8);
        if (i % 8 == 0) memset(bytes, (int)(i / 8 % 256), sizeof bytes);
        bytes[0] = (uint8_t)i;
        model_run(bytes, n);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_model");
    ADD_CASE(suite, tcase_create("model"), 120, profile_tiny, profile_small, profile_medium,
             profile_mixed, profile_large, short_streams);
    return suite;
}

TEST_MAIN(make_suite)
