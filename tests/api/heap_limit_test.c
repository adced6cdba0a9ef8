/* SPDX-License-Identifier: MIT
 * heap_limit_test.c: the byte limit of a heap, and what is asked before an allocation fails. */
#include "build.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "runner.h"

#include <errno.h>
#include <poolkit/heap.h>

#define LIMIT (TEST_SANITIZED ? 4 * MIB : 8 * MIB)
#define MOST_BLOCKS ((size_t)600000)

static void *blocks[MOST_BLOCKS];

static pk_heap *limited(size_t limit, pk_oom_fn *fn, void *arg)
{
    pk_heap_opts opts = {
        .size = sizeof opts, .name = "limited", .limit = limit, .on_oom = fn, .oom_arg = arg};
    pk_heap *one;
    ck_assert_int_eq(pk_heap_create(&one, &opts), PK_OK);
    return one;
}

static size_t fill_up(pk_heap *one, size_t n)
{
    size_t count = 0;
    for (; count < MOST_BLOCKS; count++) {
        errno = 0;
        blocks[count] = pk_heap_alloc(one, n);
        if (!blocks[count]) break;
        EXPECT_AT(count * n <= LIMIT, n, count); /* or a limit that is ignored fills the machine */
        pattern_fill(blocks[count], n, count);
    }
    EXPECT_AT(errno == ENOMEM && count < MOST_BLOCKS, n, errno);
    return count;
}

static void empty(pk_heap *one, size_t count, size_t n)
{
    for (size_t i = 0; i < count; i++) {
        EXPECT_AT(pattern_holds(blocks[i], n, n, i), n, i);
        pk_heap_free(blocks[i]);
    }
    EXPECT_AT(heap_figures(one).n_live == 0, n, heap_figures(one).n_live);
}

/* What a block takes from the limit: 16 bytes count as 32, large ones in steps of 64 KiB. */
static size_t counted(size_t n)
{
    return n <= 16 ? 32 : n <= 32 * KIB ? n : (n + 64 * KIB - 1) / (64 * KIB) * (64 * KIB);
}

/* The limit bounds what is had, most of it can be had, and all of it again after it was freed. */
START_TEST(limit_is_exact_for_each_size)
{
    static const size_t sizes[] = {16, 100, 1000, 1024, 8000, 30000, 40000, 64 * KIB, MIB, 3 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        pk_heap *one = limited(LIMIT, NULL, NULL);
        size_t count = fill_up(one, n);
        pk_stats s = heap_figures(one);
        EXPECT_AT(s.limit == LIMIT && s.n_live == count, n, s.n_live);
        EXPECT_AT(s.live <= LIMIT && count * n <= LIMIT, n, count);
        EXPECT_AT(count * counted(n) >= LIMIT / 10 * 7 || n > MIB, n, count);
        for (int again = 0; again < 3; again++) {
            empty(one, count, n);
            size_t now = fill_up(one, n);
            EXPECT_AT(now == count, count, now);
        }
        heap_is_sound(one);
        pk_heap_destroy(one);
    }
}
END_TEST

/* What was freed in one size can be had in another. */
START_TEST(limit_is_free_for_any_size_afterwards)
{
    static const size_t sizes[] = {100, 1000, 30000, 100 * KIB, MIB};
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 5; k++) {
            pk_heap *one = limited(LIMIT, NULL, NULL), *fresh = limited(LIMIT, NULL, NULL);
            empty(one, fill_up(one, sizes[i]), sizes[i]);
            size_t after = fill_up(one, sizes[k]);
            size_t without = fill_up(fresh, sizes[k]);
            EXPECT_AT(after >= without / 10 * 9, sizes[i], sizes[k]);
            heap_is_sound(one);
            pk_heap_destroy(one);
            pk_heap_destroy(fresh);
        }
    }
}
END_TEST

START_TEST(limit_lets_nine_tenths_be_one_block)
{
    pk_heap *one = limited(LIMIT, NULL, NULL);
    empty(one, fill_up(one, 1000), 1000);
    void *p = pk_heap_alloc(one, LIMIT / 10 * 9);
    ck_assert_ptr_nonnull(p);
    pk_heap_free(p);
    p = pk_heap_alloc(one, LIMIT / 10 * 9);
    ck_assert_ptr_nonnull(p);
    pk_heap_destroy(one);
}
END_TEST

static void expect_enomem(const void *p)
{
    EXPECT_AT(p == NULL, (uintptr_t)p, 0);
    EXPECT_AT(errno == ENOMEM, errno, 0);
    errno = 0;
}

START_TEST(limit_holds_for_every_function)
{
    pk_heap *one = limited(LIMIT, NULL, NULL);
    void *p = pk_heap_alloc(one, 1000);
    pattern_fill(p, 1000, 1);
    pk_stats before = heap_figures(one);
    errno = 0;
    for (size_t n = LIMIT + 1; n < 1000 * LIMIT; n *= 3) {
        expect_enomem(pk_heap_alloc(one, n));
        expect_enomem(pk_heap_zalloc(one, n));
        expect_enomem(pk_heap_alloc_aligned(one, n, 64));
        expect_enomem(pk_heap_alloc_atleast(one, n, NULL));
        expect_enomem(pk_heap_realloc(one, NULL, n));
        expect_enomem(pk_heap_realloc(one, p, n));
        EXPECT(!pk_heap_resize(p, n));
    }
    ck_assert(pattern_holds(p, 1000, 1000, 1));
    pk_stats after = heap_figures(one);
    ck_assert_uint_eq(after.live, before.live);
    ck_assert_uint_eq(after.n_live, 1);
    heap_is_sound(one);
    pk_heap_destroy(one);
}
END_TEST

START_TEST(limit_of_a_large_block_that_grows)
{
    pk_heap *one = limited(LIMIT, NULL, NULL);
    size_t n = 100 * KIB;
    unsigned char *p = pk_heap_alloc(one, n);
    ck_assert_ptr_nonnull(p);
    pattern_fill(p, n, 3);
    for (;;) {
        unsigned char *q = pk_heap_realloc(one, p, n + 300 * KIB);
        if (!q) break;
        ck_assert(pattern_holds(q, n, n, 3));
        p = q;
        n += 300 * KIB;
        pattern_fill(p, n, 3);
        ck_assert_uint_le(n, LIMIT);
    }
    ck_assert_uint_ge(n, LIMIT / 3); /* a move needs both blocks for a moment */
    ck_assert(pattern_holds(p, n, n, 3));
    pk_heap_destroy(one);
}
END_TEST

START_TEST(limit_of_one_heap_is_not_the_others)
{
    pk_heap *one = limited(LIMIT, NULL, NULL);
    size_t count = fill_up(one, 1000);
    void *p = pk_heap_alloc(heap, 64 * MIB);
    ck_assert_ptr_nonnull(p);
    pk_heap_free(p);
    empty(one, count, 1000);
    pk_heap_destroy(one);
}
END_TEST

/* The callback: frees one block at a time, until there is none left. */
typedef struct {
    pk_heap *one;
    size_t calls, freed, have, need;
    pk_status why;
} helper;

static bool free_one(void *arg, size_t need, pk_status why)
{
    helper *h = arg;
    h->calls++;
    h->need = need;
    h->why = why;
    if (h->have == 0) return false;
    pk_heap_free(blocks[--h->have]);
    h->freed++;
    return true;
}

START_TEST(oom_is_asked_and_told_what_is_wanted)
{
    helper h = {0};
    pk_heap *one = limited(LIMIT, free_one, &h);
    errno = 0;
    expect_enomem(pk_heap_alloc(one, LIMIT + 5));
    ck_assert_uint_eq(h.calls, 1);
    ck_assert_uint_eq(h.need, LIMIT + 5);
    ck_assert_int_eq(h.why, PK_ELIMIT);
    size_t count = fill_up(one, 1000);
    ck_assert_uint_eq(h.calls, 2);
    ck_assert_uint_eq(h.need, 1000);
    ck_assert_int_eq(h.why, PK_ELIMIT);
    empty(one, count, 1000);
    pk_heap_destroy(one);
}
END_TEST

START_TEST(oom_that_frees_lets_the_allocation_succeed)
{
    static const size_t sizes[] = {64, 1000, 30000, 100 * KIB, MIB};
    for (size_t i = 0; i < 5; i++) {
        helper h = {0};
        pk_heap *one = limited(LIMIT, free_one, &h);
        size_t count = fill_up(one, sizes[i]);
        h.calls = 0;
        h.have = count;
        void *p = pk_heap_alloc(one, sizes[i]);
        EXPECT_AT(p != NULL && h.calls == 1 && h.freed == 1, sizes[i], h.calls);
        EXPECT_AT(heap_figures(one).n_live == count, sizes[i], count);
        heap_is_sound(one);
        pk_heap_destroy(one);
    }
}
END_TEST

/* A block that needs more than one freed block: asked again and again. */
START_TEST(oom_is_asked_as_long_as_it_says_true)
{
    helper h = {0};
    pk_heap *one = limited(LIMIT, free_one, &h);
    size_t count = fill_up(one, 100 * KIB);
    h.calls = 0;
    h.have = count;
    void *p = pk_heap_alloc(one, MIB);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_ge(h.calls, 8);
    ck_assert_uint_eq(h.calls, h.freed);
    h.calls = h.freed = 0;
    errno = 0;
    expect_enomem(pk_heap_alloc(one, LIMIT + 1)); /* in vain: all freed, then refused */
    ck_assert_uint_eq(h.have, 0);
    ck_assert_uint_eq(h.calls, h.freed + 1);
    ck_assert_uint_eq(heap_figures(one).n_live, 1);
    pk_heap_destroy(one);
}
END_TEST

START_TEST(oom_that_says_false_fails_the_allocation)
{
    helper h = {0};
    pk_heap *one = limited(MIB, free_one, &h);
    size_t count = fill_up(one, 1000);
    for (size_t i = 1; i <= 10; i++) {
        size_t calls = h.calls;
        errno = 0;
        expect_enomem(pk_heap_alloc(one, 1000));
        ck_assert_uint_eq(h.calls, calls + 1);
    }
    empty(one, count, 1000);
    pk_heap_destroy(one);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_limit");
    ADD_CASE(suite, heap_case("limit"), 60, limit_is_exact_for_each_size,
             limit_is_free_for_any_size_afterwards, limit_lets_nine_tenths_be_one_block,
             limit_holds_for_every_function, limit_of_a_large_block_that_grows,
             limit_of_one_heap_is_not_the_others);
    ADD_CASE(suite, heap_case("on_oom"), 60, oom_is_asked_and_told_what_is_wanted,
             oom_that_frees_lets_the_allocation_succeed, oom_is_asked_as_long_as_it_says_true,
             oom_that_says_false_fails_the_allocation);
    return suite;
}

TEST_MAIN(make_suite)
