/* SPDX-License-Identifier: MIT
 * objects_test.c: what events mean for the lives of blocks, in order and out of it. */
#include "runner.h"
#include "trace_fixture.h"

#include "trace/objects.h"

static struct trace_resolver *resolver;
static struct trace_change change[2];

static void start(void)
{
    resolver = trace_resolver_create();
    EXPECT(resolver != NULL);
}

static void stop(void) { trace_resolver_destroy(resolver); }

static int take(uint8_t op, uint16_t thread, uint64_t address, uint64_t size)
{
    struct trace_event e = {.op = op, .thread = thread, .address = address, .size = size};
    return trace_resolver_take(resolver, &e, change);
}

static const struct trace_tally *tally(void) { return trace_resolver_tally(resolver); }

static void expect_change(int i, enum trace_fate fate, uint32_t slot, uint64_t object,
                          uint64_t size)
{
    ck_assert_int_eq(change[i].fate, fate);
    ck_assert_uint_eq(change[i].slot, slot);
    ck_assert_uint_eq(change[i].block->object, object);
    ck_assert_uint_eq(change[i].block->size, size);
}

START_TEST(test_lives)
{
    ck_assert_int_eq(take(TRACE_MALLOC, 0, 0x10, 5), 1);
    expect_change(0, TRACE_BIRTH, 0, 1, 5);
    ck_assert_int_eq(take(TRACE_NEW, 1, 0x20, 7), 1);
    expect_change(0, TRACE_BIRTH, 1, 2, 7);
    ck_assert_uint_eq(trace_resolver_find(resolver, 0x20), 1);
    ck_assert_int_eq(take(TRACE_FREE, 1, 0x10, 0), 1); /* another thread may free */
    expect_change(0, TRACE_DEATH, 0, 1, 5);
    ck_assert_ptr_null(trace_resolver_block(resolver, 0));
    ck_assert_int_eq(take(TRACE_CALLOC, 0, 0x10, 9), 1); /* the slot again, another object */
    expect_change(0, TRACE_BIRTH, 0, 3, 9);
    ck_assert_uint_eq(change[0].block->born, 3);
    ck_assert_uint_eq(trace_resolver_slots(resolver), 2);
    ck_assert_uint_eq(tally()->live, 2);
    ck_assert_uint_eq(tally()->live_bytes, 16);
    ck_assert_uint_eq(tally()->births, 3);
    ck_assert_uint_eq(tally()->deaths, 1);
    ck_assert_uint_eq(trace_resolver_find(resolver, 0x30), UINT32_MAX);
}
END_TEST

START_TEST(test_nothing)
{
    ck_assert_int_eq(take(TRACE_FREE, 0, 0, 0), 0);
    ck_assert_int_eq(take(TRACE_MALLOC, 0, 0, 10), 0);
    ck_assert_int_eq(take(TRACE_REALLOC_TAKES, 0, 0, 0), 0);
    ck_assert_int_eq(take(TRACE_REALLOC_FAILED, 0, 0x10, 0), 0);
    ck_assert_uint_eq(tally()->unknown, 0);
    ck_assert_uint_eq(tally()->events, 4);
}
END_TEST

START_TEST(test_unknown)
{
    ck_assert_int_eq(take(TRACE_FREE, 0, 0x10, 0), 1);
    ck_assert_int_eq(change[0].fate, TRACE_UNKNOWN);
    ck_assert_int_eq(take(TRACE_REALLOC_TAKES, 0, 0x20, 0), 1);
    ck_assert_int_eq(change[0].fate, TRACE_UNKNOWN);
    ck_assert_int_eq(take(TRACE_REALLOC, 0, 0x30, 8), 1); /* now it is known */
    expect_change(0, TRACE_BIRTH, 0, 1, 8);
    ck_assert_int_eq(take(TRACE_REALLOC_TAKES, 0, 0x40, 0), 1);
    ck_assert_int_eq(take(TRACE_REALLOC_FAILED, 0, 0x40, 8), 0);
    ck_assert_int_eq(take(TRACE_REALLOC, 5, 0x50, 8), 1); /* whose first event was not recorded */
    ck_assert_int_eq(change[0].fate, TRACE_BIRTH);
    ck_assert_uint_eq(tally()->unknown, 3);
}
END_TEST

START_TEST(test_realloc)
{
    take(TRACE_MALLOC, 0, 0x10, 5);
    ck_assert_int_eq(take(TRACE_REALLOC_TAKES, 0, 0x10, 0), 0);
    ck_assert_uint_eq(trace_resolver_find(resolver, 0x10), UINT32_MAX);
    ck_assert_uint_eq(tally()->live, 1);
    ck_assert_int_eq(take(TRACE_MALLOC, 1, 0x10, 3),
                     1); /* its place is taken before it has moved */
    expect_change(0, TRACE_BIRTH, 1, 2, 3);
    ck_assert_int_eq(take(TRACE_REALLOC, 0, 0x80, 50), 1);
    expect_change(0, TRACE_MOVE, 0, 1, 50);
    ck_assert_uint_eq(change[0].old_address, 0x10);
    ck_assert_uint_eq(change[0].old_size, 5);
    ck_assert_uint_eq(change[0].block->address, 0x80);
    ck_assert_uint_eq(tally()->live_bytes, 53);
    ck_assert_uint_eq(tally()->peak_bytes, 53);
    ck_assert_uint_eq(tally()->moves, 1);
    ck_assert_uint_eq(tally()->reordered, 0);
}
END_TEST

START_TEST(test_realloc_that_fails)
{
    take(TRACE_MALLOC, 0, 0x10, 5);
    take(TRACE_REALLOC_TAKES, 0, 0x10, 0);
    ck_assert_int_eq(take(TRACE_REALLOC_FAILED, 0, 0x10, 500), 0);
    ck_assert_int_eq(take(TRACE_FREE, 0, 0x10, 0), 1);
    expect_change(0, TRACE_DEATH, 0, 1, 5);
}
END_TEST

START_TEST(test_realloc_that_ends_in_nothing)
{
    take(TRACE_MALLOC, 0, 0x10, 5);
    take(TRACE_REALLOC_TAKES, 0, 0x10, 0);
    ck_assert_int_eq(take(TRACE_REALLOC, 0, 0, 0), 1);
    expect_change(0, TRACE_DEATH, 0, 1, 5);
}
END_TEST

/* A signal handler's realloc stands between the two events of the one it interrupted. */
START_TEST(test_reallocs_nest)
{
    take(TRACE_MALLOC, 0, 0x10, 1);
    take(TRACE_MALLOC, 0, 0x20, 2);
    take(TRACE_MALLOC, 1, 0x30, 3);
    take(TRACE_REALLOC_TAKES, 0, 0x10, 0);
    take(TRACE_REALLOC_TAKES, 1, 0x30, 0);
    take(TRACE_REALLOC_TAKES, 0, 0x20, 0);
    take(TRACE_REALLOC, 0, 0x120, 22);
    expect_change(0, TRACE_MOVE, 1, 2, 22);
    take(TRACE_REALLOC, 0, 0x110, 11);
    expect_change(0, TRACE_MOVE, 0, 1, 11);
    take(TRACE_REALLOC, 1, 0x30, 33);
    expect_change(0, TRACE_MOVE, 2, 3, 33);
    ck_assert_uint_eq(tally()->live_bytes, 66);
}
END_TEST

/* Thread 0 frees, thread 1 gets the place, and stands first. */
START_TEST(test_late_free)
{
    take(TRACE_MALLOC, 0, 0x10, 5);
    ck_assert_int_eq(take(TRACE_MALLOC, 1, 0x10, 8), 2);
    expect_change(0, TRACE_DEATH, 0, 1, 5);
    expect_change(1, TRACE_BIRTH, 1, 2, 8);
    ck_assert_int_eq(take(TRACE_FREE, 0, 0x10, 0), 0); /* the late one */
    ck_assert_int_eq(take(TRACE_FREE, 0, 0x10, 0), 1); /* a true one */
    expect_change(0, TRACE_DEATH, 1, 2, 8);
    ck_assert_uint_eq(tally()->reordered, 1);
    ck_assert_uint_eq(tally()->unknown, 0);
    ck_assert_uint_eq(tally()->live, 0);
}
END_TEST

/* A thread's own events are in order: its free is of its block, and the late one comes after. */
START_TEST(test_free_before_the_late_one)
{
    take(TRACE_MALLOC, 0, 0x10, 5);
    take(TRACE_MALLOC, 1, 0x10, 8);
    ck_assert_int_eq(take(TRACE_FREE, 1, 0x10, 0), 1);
    expect_change(0, TRACE_DEATH, 1, 2, 8);
    ck_assert_int_eq(take(TRACE_FREE, 0, 0x10, 0), 0);
    ck_assert_uint_eq(tally()->unknown, 0);
}
END_TEST

START_TEST(test_late_realloc)
{
    take(TRACE_MALLOC, 0, 0x10, 5);
    ck_assert_int_eq(take(TRACE_MALLOC, 1, 0x10, 8), 2);
    ck_assert_int_eq(take(TRACE_REALLOC_TAKES, 0, 0x10, 0), 0);
    ck_assert_int_eq(take(TRACE_REALLOC, 0, 0x90, 50), 1);
    expect_change(0, TRACE_BIRTH, 0, 3, 50);
    ck_assert_uint_eq(tally()->live_bytes, 58);
    ck_assert_uint_eq(tally()->unknown, 0);
}
END_TEST

/* A realloc moves to a place whose free is late. */
START_TEST(test_move_onto_a_late_free)
{
    take(TRACE_MALLOC, 0, 0x10, 5);
    take(TRACE_MALLOC, 1, 0x20, 6);
    take(TRACE_REALLOC_TAKES, 1, 0x20, 0);
    ck_assert_int_eq(take(TRACE_REALLOC, 1, 0x10, 60), 2);
    expect_change(0, TRACE_DEATH, 0, 1, 5);
    expect_change(1, TRACE_MOVE, 1, 2, 60);
    ck_assert_int_eq(take(TRACE_FREE, 0, 0x10, 0), 0);
    ck_assert_uint_eq(trace_resolver_find(resolver, 0x10), 1);
}
END_TEST

/* A free that was lost (a gap) must not swallow those of later blocks at the address. */
START_TEST(test_lost_free)
{
    take(TRACE_MALLOC, 0, 0x10, 5);
    take(TRACE_MALLOC, 1, 0x10, 8);
    for (uint64_t i = 0; i <= TRACE_LATE_MOST; i++) take(TRACE_FREE, 2, 0, 0);
    ck_assert_int_eq(take(TRACE_FREE, 0, 0x10, 0), 1);
    expect_change(0, TRACE_DEATH, 1, 2, 8);
}
END_TEST

START_TEST(test_many_late_frees)
{
    for (uint64_t i = 1; i <= 100; i++) take(TRACE_MALLOC, 0, i * 16, 1);
    for (uint64_t i = 1; i <= 100; i++) ck_assert_int_eq(take(TRACE_MALLOC, 1, i * 16, 1), 2);
    for (uint64_t i = 37; i <= 100; i++) ck_assert_int_eq(take(TRACE_FREE, 0, i * 16, 0), 0);
    ck_assert_uint_eq(tally()->live, 100);
    ck_assert_uint_eq(tally()->reordered, 100);
}
END_TEST

/* Against the simplest table: addresses to sizes. */
static void against_table(uint64_t seed)
{
    enum { ADDRESSES = 5000 };
    static uint64_t size[ADDRESSES], object[ADDRESSES];
    rng r = rng_make(seed);
    uint64_t live = 0, bytes = 0, objects = 0;
    memset(size, 0, sizeof size);
    for (uint64_t i = 0; i < 300000; i++) {
        size_t a = rng_below(&r, ADDRESSES), to = rng_below(&r, ADDRESSES);
        uint64_t n = 1 + rng_below(&r, 1000);
        if (!size[a]) {
            EXPECT_AT(take(TRACE_MALLOC, 0, (a + 1) * 16, n) == 1, i, a);
            object[a] = ++objects;
            live++;
        } else if (rng_below(&r, 2) || size[to]) {
            n = 0;
            EXPECT_AT(take(TRACE_FREE, 0, (a + 1) * 16, 0) == 1, i, a);
            live--;
        } else {
            EXPECT_AT(take(TRACE_REALLOC_TAKES, 0, (a + 1) * 16, 0) == 0, i, a);
            EXPECT_AT(take(TRACE_REALLOC, 0, (to + 1) * 16, n) == 1, i, a);
            EXPECT_AT(change[0].old_size == size[a], i, a);
            object[to] = object[a];
            bytes -= size[a];
            size[a] = 0;
            a = to;
        }
        bytes += n - size[a];
        size[a] = n;
        EXPECT_AT(change[0].block->object == object[a], i, a);
        EXPECT_AT(tally()->live == live && tally()->live_bytes == bytes, i, live);
    }
    EXPECT_AT(trace_resolver_slots(resolver) == tally()->peak, tally()->peak, live);
    for (uint32_t slot = 0; slot < trace_resolver_slots(resolver); slot++) {
        const struct trace_block *b = trace_resolver_block(resolver, slot);
        if (!b) continue;
        live--;
        EXPECT_AT(size[b->address / 16 - 1] == b->size, slot, b->address);
        EXPECT_AT(trace_resolver_find(resolver, b->address) == slot, slot, b->address);
    }
    EXPECT(live == 0);
}

START_TEST(test_against_table) { against_table(rng_run_seed()); }
END_TEST

/* Any events at all: nothing breaks, and the figures agree with each other. */
START_TEST(test_any_events)
{
    rng r = rng_make(rng_run_seed());
    uint64_t live = 0;
    for (uint64_t i = 0; i < 200000; i++) {
        struct trace_event e = test_any_event(&r, i);
        e.thread %= 4;
        int n = trace_resolver_take(resolver, &e, change);
        EXPECT_AT(n >= 0 && n <= 2, i, n);
    }
    for (uint32_t slot = 0; slot < trace_resolver_slots(resolver); slot++) {
        live += trace_resolver_block(resolver, slot) != NULL;
    }
    ck_assert_uint_eq(live, tally()->live);
    ck_assert_uint_eq(live, tally()->births - tally()->deaths);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("trace objects");
    TCase *c = tcase_create("lives");
    tcase_add_checked_fixture(c, start, stop);
    ADD_CASE(s, c, 20, test_lives, test_nothing, test_unknown, test_realloc,
             test_realloc_that_fails, test_realloc_that_ends_in_nothing, test_reallocs_nest,
             test_late_free, test_free_before_the_late_one, test_late_realloc,
             test_move_onto_a_late_free, test_lost_free, test_many_late_frees, test_against_table,
             test_any_events);
    return s;
}

TEST_MAIN(suite)
