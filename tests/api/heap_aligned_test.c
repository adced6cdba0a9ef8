/* SPDX-License-Identifier: MIT
 * heap_aligned_test.c: pk_heap_alloc_aligned at every power of two and at bad alignments. */
#include "build.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "runner.h"

#include <errno.h>
#include <poolkit/heap.h>

static const size_t sizes[] = {0,       1,       15,       16,           17,           100,
                               1000,    4096,    32 * KIB, 32 * KIB + 1, 64 * KIB - 1, 1 * MIB,
                               4 * MIB, 10 * MIB};
#define N_SIZES (sizeof sizes / sizeof *sizes)
#define MOST_ALIGN (64 * MIB)

/* Three blocks live at once, so that one of them is not aligned by luck. */
static void try_aligned(size_t n, size_t align)
{
    void *p[3];
    size_t usable[3];
    for (size_t i = 0; i < 3; i++) {
        p[i] = pk_heap_alloc_aligned(heap, n, align);
        EXPECT_AT(p[i] != NULL, n, align);
        EXPECT_AT((uintptr_t)p[i] % align == 0, n, align);
        EXPECT_AT((uintptr_t)p[i] % PK_ALIGN == 0, n, align);
        usable[i] = pk_heap_usable(p[i]);
        EXPECT_AT(usable[i] >= n && usable[i] > 0, n, align);
        EXPECT_AT(pk_heap_of(p[i]) == heap, n, align);
        pattern_fill(p[i], usable[i], i);
    }
    for (size_t i = 0; i < 3; i++) {
        EXPECT_AT(pattern_holds(p[i], usable[i], usable[i], i), n, align);
        if (i == 1)
            pk_heap_free_sized(p[i], n);
        else
            pk_heap_free(p[i]);
    }
}

START_TEST(aligned_every_power_of_two)
{
    for (size_t align = 1; align <= MOST_ALIGN; align *= 2) {
        for (size_t i = 0; i < N_SIZES; i++) try_aligned(sizes[i], align);
        ck_assert(pk_heap_check(heap));
    }
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

START_TEST(aligned_refuses_what_is_no_power_of_two)
{
    static volatile const size_t bad[] = {
        0, 3, 5, 24, 48, 4095, 4097, SIZE_MAX, SIZE_MAX - 1, ((size_t)1 << 62) + 1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t k = 0; k < N_SIZES; k++) {
            errno = 0;
            void *p = pk_heap_alloc_aligned(heap, sizes[k], bad[i]);
            EXPECT_AT(p == NULL, sizes[k], bad[i]);
            EXPECT_AT(errno == EINVAL, sizes[k], bad[i]);
        }
    }
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

/* Powers of two that no address space can serve, and sums that overflow. */
START_TEST(aligned_beyond_the_address_space_is_enomem)
{
    static volatile const size_t cases[][2] = {{1, (size_t)1 << 63},
                                               {1, (size_t)1 << 62},
                                               {4096, (size_t)1 << 63},
                                               {SIZE_MAX, 64},
                                               {SIZE_MAX - 63, 64},
                                               {(size_t)PTRDIFF_MAX + 1, 4096},
                                               {PTRDIFF_MAX, (size_t)1 << 62},
                                               {PTRDIFF_MAX - 5, (size_t)1 << 40}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        errno = 0;
        void *p = pk_heap_alloc_aligned(heap, cases[i][0], cases[i][1]);
        EXPECT_AT(p == NULL, cases[i][0], cases[i][1]);
        EXPECT_AT(errno == ENOMEM, cases[i][0], cases[i][1]);
    }
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

/* Blocks at the start of a 4 MiB unit: where a mask for the chunk would find the block itself. */
START_TEST(aligned_to_4_mib_lives_a_whole_life)
{
    for (size_t n = 1; n <= 20 * MIB; n *= 7) {
        unsigned char *p = pk_heap_alloc_aligned(heap, n, 4 * MIB);
        ck_assert_ptr_nonnull(p);
        pattern_fill(p, n, n);
        ck_assert(pk_heap_resize(p, n));
        p = pk_heap_realloc(heap, p, 3 * n + 5);
        ck_assert_ptr_nonnull(p);
        ck_assert_ptr_eq(pk_heap_of(p), heap);
        ck_assert(pattern_holds(p, n, n, n));
        ck_assert_uint_ge(pk_heap_usable(p), 3 * n + 5);
        p = pk_heap_realloc(heap, p, (n + 1) / 2);
        ck_assert(pattern_holds(p, n, (n + 1) / 2, n));
        pk_heap_free(p);
        heap_is_sound(heap);
    }
}
END_TEST

/* Many at once: they must not use up a chunk each in live bytes, nor overlap. */
START_TEST(aligned_many_pages)
{
    enum { N = 500 };
    static unsigned char *p[N];
    for (size_t i = 0; i < N; i++) {
        p[i] = pk_heap_alloc_aligned(heap, i * 40, 4096);
        EXPECT_AT(p[i] != NULL && (uintptr_t)p[i] % 4096 == 0, i, 0);
        pattern_fill(p[i], i * 40, i);
    }
    for (size_t i = 0; i < N; i++) EXPECT_AT(pattern_holds(p[i], i * 40, i * 40, i), i, 0);
    ck_assert_uint_eq(heap_figures(heap).n_live, N);
    for (size_t i = 0; i < N; i++) pk_heap_free(p[(i * 7) % N]);
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_aligned");
    ADD_CASE(suite, heap_case("aligned"), 60, aligned_every_power_of_two,
             aligned_refuses_what_is_no_power_of_two, aligned_beyond_the_address_space_is_enomem,
             aligned_to_4_mib_lives_a_whole_life, aligned_many_pages);
    return suite;
}

TEST_MAIN(make_suite)
