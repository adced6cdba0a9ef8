/* SPDX-License-Identifier: MIT
 * round_trip_test.c: events that are written are read again, every column, at every border. */
#include "runner.h"
#include "trace_fixture.h"

static void put_random(uint64_t seed, uint64_t n, uint64_t flush_every)
{
    struct trace_writer *w = test_create();
    rng r = rng_make(seed);
    for (uint64_t i = 0; i < n; i++) {
        struct trace_event e = test_any_event(&r, i * 250);
        EXPECT_AT(trace_put(w, &e), i, n);
        if (flush_every && i % flush_every == 0) EXPECT(trace_flush(w));
    }
    test_close(w);
}

static void expect_random(struct trace *t, uint64_t seed, uint64_t n)
{
    rng r = rng_make(seed);
    uint64_t i = 0;
    int got;
    while ((got = trace_read(t, test_events(), test_why)) > 0) {
        for (int k = 0; k < got; k++, i++) {
            struct trace_event e = test_any_event(&r, i * 250 / TRACE_TICK * TRACE_TICK);
            EXPECT_AT(test_same_event(&e, &test_events()[k]), i, k);
            EXPECT_AT(e.stack <= trace_stacks(t) && e.thread < trace_threads(t), e.stack, e.thread);
        }
    }
    EXPECT_AT(got == 0 && i == n, i, n);
}

static void round_trip(uint64_t seed, uint64_t n, uint64_t flush_every)
{
    put_random(seed, n, flush_every);
    struct trace *t = test_open();
    EXPECT_AT(trace_whole(t) && trace_events(t) == n, trace_events(t), n);
    expect_random(t, seed, n);
    trace_rewind(t);
    expect_random(t, seed, n);
    trace_end(t);
}

START_TEST(test_counts)
{
    static const uint64_t counts[] = {0, 1, 2, 65535, 65536, 65537, 131072, 200000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) round_trip(i, counts[i], 0);
}
END_TEST

START_TEST(test_flushes)
{
    round_trip(77, 3000, 1);
    round_trip(78, 70000, 1000);
}
END_TEST

START_TEST(test_seeds)
{
    uint64_t seed = rng_run_seed();
    for (uint64_t i = 0; i < 20; i++) round_trip(seed + i, 5000 + i, i * 37);
}
END_TEST

/* One field at its greatest value at a time, then all together, in the middle of others. */
START_TEST(test_greatest_values)
{
    struct trace_event most[] = {
        {.address = UINT64_MAX, .op = TRACE_MALLOC},
        {.address = UINT64_MAX, .op = TRACE_FREE},
        {.address = 1, .op = TRACE_FREE},
        {.address = UINT64_C(0x8000000000000007), .op = TRACE_MALLOC},
        {.address = 0, .op = TRACE_MALLOC},
        {.address = 0, .op = TRACE_FREE},
        {.size = UINT64_MAX, .op = TRACE_CALLOC},
        {.size = UINT64_MAX, .op = TRACE_DELETE},
        {.stack = 65536, .op = TRACE_NEW},
        {.stack = 65536, .op = TRACE_FREE},
        {.stack = 1, .op = TRACE_FREE},
        {.thread = UINT16_MAX, .op = TRACE_FREE},
        {.align = 63, .op = TRACE_ALIGNED},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, 65536, UINT16_MAX, TRACE_REALLOC_TAKES, 63},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, 65536, UINT16_MAX, TRACE_REALLOC, 63},
    };
    size_t n = sizeof most / sizeof *most;
    struct trace_writer *w = test_create();
    for (size_t i = 0; i < n; i++) ck_assert(trace_put(w, &most[i]));
    test_close(w);

    struct trace *t = test_open();
    ck_assert_int_eq(trace_read(t, test_events(), test_why), (int)n);
    for (size_t i = 0; i < n; i++) {
        most[i].time = most[i].time / TRACE_TICK * TRACE_TICK;
        EXPECT_AT(test_same_event(&most[i], &test_events()[i]), i, test_events()[i].address);
    }
    ck_assert_uint_eq(trace_duration(t), UINT64_MAX / TRACE_TICK * TRACE_TICK);
    ck_assert_uint_eq(trace_threads(t), 65536);
    ck_assert_uint_eq(trace_stacks(t), 65536);
    trace_end(t);
}
END_TEST

START_TEST(test_time_that_falls_is_raised)
{
    struct trace_writer *w = test_create();
    static const uint64_t put[] = {50000, 40000, 59999, 60000, 0};
    static const uint64_t got[] = {50000, 50000, 50000, 60000, 60000};
    for (int i = 0; i < 5; i++) {
        ck_assert(trace_put(w, &(struct trace_event){.time = put[i], .address = 16}));
    }
    test_close(w);
    struct trace *t = test_open();
    ck_assert_int_eq(trace_read(t, test_events(), test_why), 5);
    for (int i = 0; i < 5; i++) ck_assert_uint_eq(test_events()[i].time, got[i]);
    trace_end(t);
}
END_TEST

START_TEST(test_impossible_events_are_refused)
{
    static const struct trace_event bad[] = {
        {.op = TRACE_COMES_END}, {.op = 15}, {.op = TRACE_OP_END}, {.op = 255}, {.align = 64}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct trace_writer *w = test_create();
        ck_assert(!trace_put(w, &bad[i]));
        ck_assert(!trace_close(w, true, test_why));
        ck_assert_str_eq(test_why, "an event is of no known kind");
    }
}
END_TEST

/* A stack far above those that are defined is kept as none, so that no reader makes a table for it. */
START_TEST(test_stack_out_of_reach)
{
    struct trace_writer *w = test_create();
    test_put_stacks(w, 3);
    static const uint32_t put[] = {1, 3, 4, 65539, 65540, UINT32_MAX};
    static const uint32_t got[] = {1, 3, 4, 65539, 0, 0};
    for (int i = 0; i < 6; i++) {
        ck_assert(trace_put(w, &(struct trace_event){.stack = put[i], .address = 16}));
    }
    test_close(w);
    struct trace *t = test_open();
    ck_assert_uint_eq(trace_stacks(t), 65539);
    ck_assert_int_eq(trace_read(t, test_events(), test_why), 6);
    for (int i = 0; i < 6; i++) ck_assert_uint_eq(test_events()[i].stack, got[i]);
    trace_end(t);
}
END_TEST

/* What makes the format small: a program that frees what it allocates takes few bytes. */
START_TEST(test_small)
{
    struct trace_writer *w = test_create();
    for (uint64_t i = 0; i < 100000; i++) {
        struct trace_event e = {.time = i * 20,
                                .address = 0x555500001000 + i / 2 % 8 * 64,
                                .size = i % 2 ? 0 : 40,
                                .op = i % 2 ? TRACE_FREE : TRACE_MALLOC};
        ck_assert(trace_put(w, &e));
    }
    test_close(w);
    struct trace *t = test_open();
    ck_assert_uint_lt(trace_bytes(t), 100000 / 25);
    trace_end(t);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("trace round trip");
    TCase *c = tcase_create("round trip");
    tcase_add_checked_fixture(c, test_path_make, test_path_remove);
    ADD_CASE(s, c, 20, test_counts, test_flushes, test_seeds, test_greatest_values,
             test_time_that_falls_is_raised, test_impossible_events_are_refused,
             test_stack_out_of_reach, test_small);
    return s;
}

TEST_MAIN(suite)
