/* SPDX-License-Identifier: MIT
 * heap_realloc_test.c: what realloc keeps, where it leaves the block, and resize in place. */
#include "build.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "runner.h"

#include <errno.h>
#include <poolkit/heap.h>

static const size_t sizes[] = {0,       1,       16,      17,          128,     129,      1000,
                               1024,    1025,    8000,    32768,       32769,   64 * KIB, 100000,
                               MIB - 1, 2 * MIB, 4 * MIB, 4 * MIB + 1, 20 * MIB};
#define N_SIZES (sizeof sizes / sizeof *sizes)

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

START_TEST(realloc_keeps_contents_between_all_pairs_of_sizes)
{
    for (size_t i = 0; i < N_SIZES; i++) {
        for (size_t k = 0; k < N_SIZES; k++) {
            size_t from = sizes[i], to = sizes[k];
            unsigned char *p = pk_heap_alloc(heap, from);
            EXPECT_AT(p != NULL, from, to);
            pattern_fill(p, from, from ^ to);
            p = pk_heap_realloc(heap, p, to);
            EXPECT_AT(p != NULL && (uintptr_t)p % PK_ALIGN == 0, from, to);
            EXPECT_AT(pattern_holds(p, from, smaller(from, to), from ^ to), from, to);
            EXPECT_AT(pk_heap_usable(p) >= to && pk_heap_usable(p) > 0, from, to);
            memset(p, 0x77, smaller(pk_heap_usable(p), 64 * KIB));
            pk_heap_free(p);
        }
    }
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

START_TEST(realloc_up_and_down_in_steps)
{
    size_t n = 1;
    unsigned char *p = pk_heap_alloc(heap, n);
    pattern_fill(p, n, 9);
    while (n < 6 * MIB) {
        size_t next = n + n / 3 + 1;
        p = pk_heap_realloc(heap, p, next);
        EXPECT_AT(p != NULL && pattern_holds(p, n, n, 9), n, next);
        n = next;
        pattern_fill(p, n, 9);
    }
    while (n > 1) {
        size_t next = n * 2 / 3;
        p = pk_heap_realloc(heap, p, next);
        EXPECT_AT(p != NULL && pattern_holds(p, n, next, 9), n, next);
        n = next;
        pattern_fill(p, n, 9);
    }
    ck_assert_uint_eq(heap_figures(heap).n_live, 1);
    pk_heap_free(p);
}
END_TEST

START_TEST(realloc_of_null_allocates)
{
    void *p = pk_heap_realloc(heap, NULL, 100);
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_eq(pk_heap_of(p), heap);
    void *q = pk_heap_realloc(heap, NULL, 0);
    ck_assert_ptr_nonnull(q);
    ck_assert_ptr_ne(p, q);
    pk_heap_free(p);
    pk_heap_free(q);
}
END_TEST

START_TEST(realloc_to_zero_gives_the_smallest_block)
{
    static const size_t from[] = {1, 500, 50000, 5 * MIB};
    for (size_t i = 0; i < 4; i++) {
        void *p = pk_heap_alloc(heap, from[i]);
        p = pk_heap_realloc(heap, p, 0);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq(pk_heap_usable(p), 16);
        ck_assert_uint_eq(heap_figures(heap).n_live, 1);
        pk_heap_free(p);
    }
}
END_TEST

START_TEST(realloc_stays_in_the_heap_it_came_from)
{
    pk_heap *other;
    ck_assert_int_eq(pk_heap_create(&other, NULL), PK_OK);
    for (size_t i = 0; i < N_SIZES; i++) {
        void *p = pk_heap_alloc(heap, 40);
        pattern_fill(p, 40, i);
        p = pk_heap_realloc(other, p, sizes[i]);
        ck_assert_ptr_eq(pk_heap_of(p), heap);
        ck_assert(pattern_holds(p, 40, smaller(40, sizes[i]), i));
        ck_assert_uint_eq(heap_figures(other).n_live, 0);
        pk_heap_free(p);
    }
    heap_is_sound(other);
    pk_heap_destroy(other);
}
END_TEST

START_TEST(realloc_that_fails_leaves_the_block)
{
    static volatile const size_t huge[] = {SIZE_MAX, SIZE_MAX - 15, (size_t)PTRDIFF_MAX + 1,
                                           PTRDIFF_MAX};
    for (size_t i = 0; i < N_SIZES; i++) {
        void *p = pk_heap_alloc(heap, sizes[i]);
        pattern_fill(p, sizes[i], i);
        size_t usable = pk_heap_usable(p);
        for (size_t k = 0; k < 4; k++) {
            errno = 0;
            void *q = pk_heap_realloc(heap, p, huge[k]);
            EXPECT_AT(q == NULL && errno == ENOMEM, sizes[i], huge[k]);
            EXPECT_AT(pk_heap_usable(p) == usable, sizes[i], huge[k]);
            EXPECT_AT(pattern_holds(p, sizes[i], sizes[i], i), sizes[i], huge[k]);
        }
        ck_assert_uint_eq(heap_figures(heap).n_live, 1);
        pk_heap_free(p);
    }
}
END_TEST

/* Growing one block byte by byte must not cost a copy each time nor leave blocks behind. */
START_TEST(realloc_by_single_bytes)
{
    unsigned char *p = NULL;
    for (size_t n = 1; n <= 3000; n++) {
        p = pk_heap_realloc(heap, p, n);
        EXPECT_AT(p != NULL, n, 0);
        p[n - 1] = (unsigned char)(n * 7);
    }
    for (size_t n = 1; n <= 3000; n++) EXPECT_AT(p[n - 1] == (unsigned char)(n * 7), n, p[n - 1]);
    ck_assert_uint_eq(heap_figures(heap).n_live, 1);
    pk_heap_free(p);
}
END_TEST

START_TEST(resize_within_the_usable_size_is_true)
{
    for (size_t i = 0; i < N_SIZES; i++) {
        void *p = pk_heap_alloc(heap, sizes[i]);
        size_t usable = pk_heap_usable(p), n = usable;
        pattern_fill(p, usable, i);
        for (; n > 0; n /= 2) {
            EXPECT_AT(pk_heap_resize(p, n), sizes[i], n);
            EXPECT_AT(pk_heap_usable(p) >= n, sizes[i], n);
            EXPECT_AT(pattern_holds(p, usable, n, i), sizes[i], n);
        }
        EXPECT_AT(pk_heap_resize(p, 0), sizes[i], 0);
        EXPECT_AT(pk_heap_usable(p) > 0, sizes[i], 0);
        pk_heap_free(p);
    }
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

START_TEST(resize_beyond_tells_the_truth)
{
    for (size_t i = 0; i < N_SIZES; i++) {
        for (size_t factor = 2; factor <= 64; factor *= 2) {
            void *p = pk_heap_alloc(heap, sizes[i]);
            size_t before = pk_heap_usable(p), n = before / 2 * factor + 1;
            pattern_fill(p, before, i);
            bool done = pk_heap_resize(p, n);
            size_t after = pk_heap_usable(p);
            EXPECT_AT(done ? after >= n : after == before, sizes[i], n);
            EXPECT_AT(!done || before > 32 * KIB, sizes[i], n); /* a class cannot grow */
            EXPECT_AT(pattern_holds(p, before, before, i), sizes[i], n);
            if (done) memset((unsigned char *)p + before, 0x3C, n - before);
            pk_heap_free(p);
        }
    }
    heap_is_sound(heap);
}
END_TEST

START_TEST(resize_refuses_huge_sizes)
{
    static volatile const size_t huge[] = {SIZE_MAX, SIZE_MAX - 4095, (size_t)PTRDIFF_MAX + 1};
    for (size_t i = 0; i < N_SIZES; i++) {
        void *p = pk_heap_alloc(heap, sizes[i]);
        size_t usable = pk_heap_usable(p);
        for (size_t k = 0; k < 3; k++) EXPECT_AT(!pk_heap_resize(p, huge[k]), sizes[i], huge[k]);
        EXPECT_AT(pk_heap_usable(p) == usable, sizes[i], usable);
        pk_heap_free(p);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_realloc");
    ADD_CASE(suite, heap_case("realloc"), 60, realloc_keeps_contents_between_all_pairs_of_sizes,
             realloc_up_and_down_in_steps, realloc_of_null_allocates,
             realloc_to_zero_gives_the_smallest_block, realloc_stays_in_the_heap_it_came_from,
             realloc_that_fails_leaves_the_block, realloc_by_single_bytes);
    ADD_CASE(suite, heap_case("resize"), 60, resize_within_the_usable_size_is_true,
             resize_beyond_tells_the_truth, resize_refuses_huge_sizes);
    return suite;
}

TEST_MAIN(make_suite)
