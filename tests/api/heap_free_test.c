/* SPDX-License-Identifier: MIT
 * heap_free_test.c: free and free_sized, and the owner of addresses that are no block's. */
#include "build.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "rng.h"
#include "runner.h"

#include <errno.h>
#include <poolkit/heap.h>
#include <sys/mman.h>

START_TEST(free_null_does_nothing)
{
    pk_heap_free(NULL);
    pk_heap_free_sized(NULL, 0);
    pk_heap_free_sized(NULL, 100);
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

START_TEST(free_keeps_errno)
{
    enum { N = 20000 };
    static void *p[N];
    for (size_t i = 0; i < N; i++) {
        p[i] = pk_heap_alloc(heap, i % 100 == 0 ? 50000 + i : i % 700);
        EXPECT(p[i] != NULL);
    }
    errno = EDOM;
    for (size_t i = 0; i < N; i++) {
        if (i % 3)
            pk_heap_free(p[i]);
        else
            pk_heap_free_sized(p[i], pk_heap_usable(p[i]));
        EXPECT_AT(errno == EDOM, i, errno);
    }
    pk_heap_free(NULL);
    pk_heap_free_sized(NULL, 3);
    ck_assert_int_eq(errno, EDOM);
    void *large = pk_heap_alloc(heap, 100 * MIB);
    errno = ERANGE;
    pk_heap_free(large);
    ck_assert_int_eq(errno, ERANGE);
}
END_TEST

START_TEST(free_sized_takes_the_asked_and_the_usable_size)
{
    for (size_t n = 0; n < 9 * MIB; n += n < 1100 ? 1 : n / 7) {
        pk_heap_free_sized(pk_heap_alloc(heap, n), n);
        void *p = pk_heap_alloc(heap, n);
        pk_heap_free_sized(p, pk_heap_usable(p));
        EXPECT_AT(heap_figures(heap).n_live == 0, n, heap_figures(heap).n_live);
    }
}
END_TEST

/* Every order in which six blocks can be freed, of one class, of mixed classes and large ones. */
static void free_in_order(const size_t *sizes, const unsigned *order)
{
    void *p[6];
    for (unsigned i = 0; i < 6; i++) {
        p[i] = pk_heap_alloc(heap, sizes[i]);
        EXPECT(p[i] != NULL);
        pattern_fill(p[i], sizes[i], i);
    }
    for (unsigned i = 0; i < 6; i++) {
        unsigned k = order[i];
        EXPECT_AT(pattern_holds(p[k], sizes[k], sizes[k], k), i, k);
        pk_heap_free(p[k]);
    }
    EXPECT(pk_heap_check(heap));
}

static void all_orders(const size_t *sizes, unsigned *order, unsigned fixed)
{
    if (fixed == 6) {
        free_in_order(sizes, order);
        return;
    }
    for (unsigned i = fixed; i < 6; i++) {
        unsigned t = order[fixed];
        order[fixed] = order[i];
        order[i] = t;
        all_orders(sizes, order, fixed + 1);
        order[i] = order[fixed];
        order[fixed] = t;
    }
}

START_TEST(free_in_all_orders_of_six)
{
    static const size_t sizes[][6] = {{64, 64, 64, 64, 64, 64},
                                      {1, 16, 100, 1000, 5000, 30000},
                                      {40000, 40000, 40000, 40000, 40000, 40000},
                                      {16, 33000, 70000, 16, 300000, 30000}};
    for (size_t i = 0; i < 4; i++) {
        unsigned order[6] = {0, 1, 2, 3, 4, 5};
        all_orders(sizes[i], order, 0);
        ck_assert_uint_eq(heap_figures(heap).n_live, 0);
        heap_is_sound(heap);
    }
}
END_TEST

static void expect_foreign(const void *p)
{
    EXPECT_AT(pk_heap_of(p) == NULL, (uintptr_t)p, 0);
    EXPECT_AT(pk_heap_usable(p) == 0, (uintptr_t)p, pk_heap_usable(p));
}

START_TEST(of_own_blocks)
{
    pk_heap *other;
    ck_assert_int_eq(pk_heap_create(&other, NULL), PK_OK);
    for (size_t n = 1; n < 20 * MIB; n = n * 3 + 1) {
        void *a = pk_heap_alloc(heap, n), *b = pk_heap_alloc(other, n);
        void *c = pk_heap_alloc(pk_heap_process(), n);
        ck_assert_ptr_eq(pk_heap_of(a), heap);
        ck_assert_ptr_eq(pk_heap_of(b), other);
        ck_assert_ptr_eq(pk_heap_of(c), pk_heap_process());
        pk_heap_free(a);
        pk_heap_free(b);
        pk_heap_free(c);
    }
    pk_heap_destroy(other);
}
END_TEST

static int a_static;
static const int a_constant = 3;

START_TEST(of_memory_that_others_own)
{
    int local = 0;
    void *small = malloc(24), *large = malloc(10 * MIB);
    void *mapped = mmap(NULL, 8 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(mapped, MAP_FAILED);
    expect_foreign(NULL);
    expect_foreign(&local);
    expect_foreign(&a_static);
    expect_foreign(&a_constant);
    expect_foreign((const void *)(uintptr_t)&pk_heap_of);
    expect_foreign(small);
    expect_foreign(large);
    expect_foreign((char *)large + 4096);
    for (size_t at = 0; at < 8 * MIB; at += 64 * KIB) expect_foreign((char *)mapped + at);
    munmap(mapped, 8 * MIB);
    expect_foreign(mapped); /* nobody's any more: reading it would crash */
    free(small);
    free(large);
}
END_TEST

START_TEST(of_numbers_that_are_no_addresses)
{
    static const uintptr_t odd[] = {1,
                                    8,
                                    16,
                                    4095,
                                    4096,
                                    0x3FFFFF,
                                    0x400000,
                                    0x7FFFFFFFFFFF, /* the last of user space  */
                                    0x7FFFFFFFF000,
                                    0x800000000000, /* the first non-canonical */
                                    0x0001000000000000,
                                    0x8000000000000000,
                                    0xFFFF7FFFFFFFFFF0, /* the last non-canonical  */
                                    0xFFFF800000000000, /* the kernel's            */
                                    0xFFFFFFFF81000000,
                                    0xFFFFFFFFFFC00000,
                                    UINTPTR_MAX - 15,
                                    UINTPTR_MAX};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) expect_foreign((const void *)odd[i]);
    for (unsigned bit = 0; bit < 64; bit++) {
        expect_foreign((const void *)((uintptr_t)1 << bit));
        expect_foreign((const void *)(~(uintptr_t)0 << bit));
    }
    rng r = rng_make(rng_run_seed());
    for (size_t i = 0; i < 1000000; i++) { /* the kernel's half, and the gap */
        expect_foreign((const void *)(uintptr_t)(rng_next(&r) | (uintptr_t)1 << 63));
        expect_foreign((const void *)(uintptr_t)(rng_next(&r) | (uintptr_t)1 << 47));
    }
}
END_TEST

/* Every 64 KiB from below to above a block: whatever stands there, no crash and no owner but us. */
START_TEST(of_the_neighbourhood)
{
    char *p = pk_heap_alloc(heap, 100), *large = pk_heap_alloc(heap, 9 * MIB);
    for (ptrdiff_t at = -(ptrdiff_t)(64 * MIB); at < (ptrdiff_t)(64 * MIB); at += 65536) {
        const void *near = (const void *)((uintptr_t)p + (uintptr_t)at);
        const void *near_large = (const void *)((uintptr_t)large + (uintptr_t)at);
        pk_heap *a = pk_heap_of(near), *b = pk_heap_of(near_large);
        EXPECT_AT(!a || a == heap || a == pk_heap_process(), (uintptr_t)near, 0);
        EXPECT_AT(!b || b == heap || b == pk_heap_process(), (uintptr_t)near_large, 0);
    }
    pk_heap_free(p);
    pk_heap_free(large);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_free");
    ADD_CASE(suite, heap_case("free"), 30, free_null_does_nothing, free_keeps_errno,
             free_sized_takes_the_asked_and_the_usable_size, free_in_all_orders_of_six);
    ADD_CASE(suite, heap_case("heap_of"), 30, of_own_blocks, of_memory_that_others_own,
             of_numbers_that_are_no_addresses, of_the_neighbourhood);
    return suite;
}

TEST_MAIN(make_suite)
