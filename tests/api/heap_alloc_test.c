/* SPDX-License-Identifier: MIT
 * heap_alloc_test.c: alloc, zalloc, alloc_atleast and usable at all sizes, and what is refused. */
#include "build.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "runner.h"

#include <errno.h>
#include <poolkit/heap.h>
#include <unistd.h>

#define SMALL_MAX (32 * KIB) /* heap.h: up to here there are size classes */
#define SWEEP_MAX (40 * KIB) /* the sweeps go a little further            */

static const size_t big_sizes[] = {64 * KIB - 1,  64 * KIB,    64 * KIB + 1,    2 * MIB - 1,
                                   2 * MIB,       2 * MIB + 1, 4 * MIB - 65536, 4 * MIB - 1,
                                   4 * MIB,       4 * MIB + 1, 5 * MIB + 123,   16 * MIB,
                                   100 * MIB - 1, 100 * MIB,   100 * MIB + 1};
#define N_BIG (sizeof big_sizes / sizeof *big_sizes)

/* The most bytes that heap.h lets a fresh block of `n` have. */
static size_t most_usable(size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (n == 0) n = 1;
    if (n <= 128) return (n + 15) / 16 * 16;
    if (n <= SMALL_MAX) return n * 8 / 7; /* 1/8 of the block is 1/7 of the request */
    return (n + page - 1) / page * page;
}

static void try_size(size_t n)
{
    unsigned char *p = pk_heap_alloc(heap, n);
    EXPECT_AT(p != NULL, n, 0);
    size_t usable = pk_heap_usable(p);
    EXPECT_AT((uintptr_t)p % PK_ALIGN == 0, n, (uintptr_t)p);
    EXPECT_AT(usable >= n && usable > 0, n, usable);
    EXPECT_AT(usable <= most_usable(n), n, usable);
    EXPECT_AT(pk_heap_of(p) == heap, n, 0);
    pattern_fill(p, usable, n);
    EXPECT_AT(pattern_holds(p, usable, usable, n), n, usable);
    pk_heap_free(p);
}

START_TEST(alloc_every_size_to_40_kib)
{
    for (size_t n = 0; n <= SWEEP_MAX; n++) try_size(n);
}
END_TEST

START_TEST(alloc_big_sizes)
{
    for (size_t i = 0; i < N_BIG; i++) try_size(big_sizes[i]);
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

START_TEST(alloc_up_to_128_bytes_wastes_less_than_16)
{
    for (size_t n = 1; n <= 128; n++) {
        void *p = pk_heap_alloc(heap, n);
        ck_assert_uint_eq(pk_heap_usable(p), (n + 15) / 16 * 16);
        pk_heap_free(p);
    }
}
END_TEST

/* All sizes next to a class boundary live at once: none may reach into another. */
START_TEST(alloc_class_boundaries_together)
{
    enum { MOST = 2000 };
    static struct {
        void *p;
        size_t n;
    } live[MOST];
    size_t used = 0;
    for (size_t n = 1; n <= SWEEP_MAX && used + 3 <= MOST;) {
        void *probe = pk_heap_alloc(heap, n);
        size_t top = pk_heap_usable(probe);
        pk_heap_free(probe);
        for (size_t k = top - 1; k <= top + 1; k++, used++) {
            live[used].p = pk_heap_alloc(heap, k);
            live[used].n = k;
            EXPECT_AT(live[used].p != NULL, k, 0);
            pattern_fill(live[used].p, pk_heap_usable(live[used].p), used);
        }
        n = top + 1;
    }
    ck_assert_uint_gt(used, 3 * (128 / 16)); /* it did go through classes */
    for (size_t i = 0; i < used; i++) {
        size_t usable = pk_heap_usable(live[i].p);
        EXPECT_AT(pattern_holds(live[i].p, usable, usable, i), live[i].n, i);
        pk_heap_free(live[i].p);
    }
}
END_TEST

START_TEST(alloc_zero_bytes_gives_pointers_of_their_own)
{
    enum { N = 300 };
    unsigned char *p[N];
    volatile size_t zero = 0; /* or the compiler says that nothing may be written */
    for (size_t i = 0; i < N; i++) {
        p[i] = i % 2 ? pk_heap_alloc(heap, zero) : pk_heap_zalloc(heap, zero);
        EXPECT(p[i] != NULL);
        EXPECT(pk_heap_usable(p[i]) >= 1);
        p[i][0] = (unsigned char)i;
        for (size_t k = 0; k < i; k++) EXPECT_AT(p[k] != p[i], k, i);
    }
    for (size_t i = 0; i < N; i++) {
        EXPECT(p[i][0] == (unsigned char)i);
        pk_heap_free(p[i]);
    }
}
END_TEST

/* volatile: the compiler would warn about such sizes, which is the point of the test. */
static volatile const size_t refused[] = {SIZE_MAX,
                                          SIZE_MAX - 1,
                                          SIZE_MAX - 15,
                                          SIZE_MAX - 4096,
                                          SIZE_MAX - (4 << 20),
                                          (size_t)PTRDIFF_MAX + 1,
                                          (size_t)PTRDIFF_MAX + 4097,
                                          PTRDIFF_MAX,
                                          PTRDIFF_MAX - 4096};
#define N_REFUSED (sizeof refused / sizeof *refused)

static void expect_refused(const void *p, size_t n)
{
    EXPECT_AT(p == NULL, n, 0);
    EXPECT_AT(errno == ENOMEM, n, errno);
    errno = 0;
}

START_TEST(alloc_refuses_huge_sizes)
{
    pk_stats before = heap_figures(heap);
    errno = 0;
    for (size_t i = 0; i < N_REFUSED; i++) {
        size_t n = refused[i], got = 77;
        expect_refused(pk_heap_alloc(heap, n), n);
        expect_refused(pk_heap_zalloc(heap, n), n);
        expect_refused(pk_heap_alloc_aligned(heap, n, 16), n);
        expect_refused(pk_heap_alloc_aligned(heap, n, 4096), n);
        expect_refused(pk_heap_realloc(heap, NULL, n), n);
        expect_refused(pk_heap_alloc_atleast(heap, n, NULL), n);
        expect_refused(pk_heap_alloc_atleast(heap, n, &got), n);
        pk_stats after = heap_figures(heap);
        EXPECT_AT(after.n_live == 0 && after.live == before.live, n, after.live);
    }
    try_size(100);
}
END_TEST

static void dirty(size_t n)
{
    void *p[4];
    for (int i = 0; i < 4; i++) {
        p[i] = pk_heap_alloc(heap, n);
        EXPECT_AT(p[i] != NULL, n, i);
        memset(p[i], 0xA5, pk_heap_usable(p[i]));
    }
    for (int i = 0; i < 4; i++) pk_heap_free(p[i]);
}

static void zeroed(size_t n)
{
    void *p[5];
    for (int i = 0; i < 5; i++) {
        p[i] = pk_heap_zalloc(heap, n);
        EXPECT_AT(p[i] != NULL && pattern_zero(p[i], n, SIZE_MAX), n, i);
    }
    for (int i = 0; i < 5; i++) pk_heap_free(p[i]);
}

START_TEST(zalloc_is_zero_after_dirty_reuse)
{
    for (size_t n = 1; n <= SWEEP_MAX; n += n < 1200 ? 1 : 61) {
        dirty(n);
        zeroed(n);
    }
    for (size_t i = 0; i < N_BIG && big_sizes[i] <= 16 * MIB; i++) {
        dirty(big_sizes[i]);
        zeroed(big_sizes[i]);
    }
}
END_TEST

/* Memory that was dirtied as one size and comes back as another is zero, too. */
START_TEST(zalloc_is_zero_across_sizes)
{
    static const size_t steps[] = {16, 100, 1000, 5000, 30000, 70000, 300 * KIB, 3 * MIB};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        dirty(steps[i]);
        pk_heap_trim(heap, i % 2 ? 0 : SIZE_MAX);
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) zeroed(steps[k]);
    }
}
END_TEST

START_TEST(atleast_tells_what_may_be_used)
{
    for (size_t n = 0; n <= 3 * MIB; n += n < 1100 ? 1 : n / 5) {
        size_t got = 0;
        void *p = pk_heap_alloc_atleast(heap, n, &got);
        EXPECT_AT(p != NULL && got >= n && got > 0, n, got);
        EXPECT_AT(got == pk_heap_usable(p), n, got);
        memset(p, 0x5A, got);
        void *q = pk_heap_alloc_atleast(heap, n, NULL);
        EXPECT_AT(q != NULL && q != p, n, 0);
        pk_heap_free_sized(p, got);
        pk_heap_free_sized(q, n);
    }
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

START_TEST(usable_is_at_least_the_size_while_the_block_lives)
{
    void *p[64];
    for (size_t i = 0; i < 64; i++) p[i] = pk_heap_alloc(heap, i * i * 11);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 64; i++) EXPECT_AT(pk_heap_usable(p[i]) >= i * i * 11, i, round);
    }
    for (size_t i = 0; i < 64; i++) pk_heap_free(p[i]);
    ck_assert_uint_eq(pk_heap_usable(NULL), 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_alloc");
    ADD_CASE(suite, heap_case("alloc"), 30, alloc_every_size_to_40_kib, alloc_big_sizes,
             alloc_up_to_128_bytes_wastes_less_than_16, alloc_class_boundaries_together,
             alloc_zero_bytes_gives_pointers_of_their_own, alloc_refuses_huge_sizes);
    ADD_CASE(suite, heap_case("zalloc"), 60, zalloc_is_zero_after_dirty_reuse,
             zalloc_is_zero_across_sizes);
    ADD_CASE(suite, heap_case("usable"), 30, atleast_tells_what_may_be_used,
             usable_is_at_least_the_size_while_the_block_lives);
    return suite;
}

TEST_MAIN(make_suite)
