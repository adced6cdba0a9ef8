/* SPDX-License-Identifier: MIT
 * allocator_stack_test.c: allocators on allocators: counting and failing ones, arenas on pages of
 * allocators, on each other, and on one whose k-th request fails. */
#include "arena_fixture.h"
#include "build.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "runner.h"
#include "strict_alloc.h"

static pk_arena arena;
static strict below;

static void close_arena(void) { pk_arena_fini(&arena); }

/* -- counting -- */

static void counts(const pk_counting *c, uint64_t n_alloc, uint64_t n_free, uint64_t live,
                   uint64_t peak, uint64_t total)
{
    ck_assert_uint_eq(c->n_alloc, n_alloc);
    ck_assert_uint_eq(c->n_free, n_free);
    ck_assert_uint_eq(c->n_live, n_alloc - n_free);
    ck_assert_uint_eq(c->bytes_live, live);
    ck_assert_uint_eq(c->bytes_peak, peak);
    ck_assert_uint_eq(c->bytes_total, total);
}

START_TEST(counting_is_exact)
{
    pk_counting c;
    pk_allocator a = pk_counting_alloc(&c, strict_make(&below));
    void *p = pk_get(a, 100, 8), *q = pk_get(a, 50, 8);
    counts(&c, 2, 0, 150, 150, 150);
    p = pk_remap(a, p, 100, 300, 8); /* moves: the strict one never does otherwise */
    counts(&c, 3, 1, 350, 350, 450);
    pk_put(a, q, 50, 8);
    counts(&c, 3, 2, 300, 350, 450);
    ck_assert(!pk_resize(a, p, 300, 200, 8));
    ck_assert(!pk_remap(a, p, 300, SIZE_MAX, 8) && !pk_get(a, 8, 3));
    counts(&c, 3, 2, 300, 350, 450);
    ck_assert_uint_eq(c.n_fail, 2);
    pk_put(a, NULL, 5, 8);
    pk_put(a, p, 300, 8);
    counts(&c, 3, 3, 0, 350, 450);
    ck_assert_uint_eq(below.n_blocks, 0);
}
END_TEST

START_TEST(counting_in_place)
{
    pk_counting c;
    pk_allocator a = pk_counting_alloc(&c, pk_arena_as_alloc(&arena));
    void *p = pk_get(a, 100, 8);
    ck_assert(pk_resize(a, p, 100, 300, 8));
    counts(&c, 1, 0, 300, 300, 300);
    ck_assert_ptr_eq(pk_remap(a, p, 300, 40, 8), p);
    counts(&c, 1, 0, 40, 300, 300);
    ck_assert_ptr_eq(pk_remap(a, p, 40, 60, 8), p);
    counts(&c, 1, 0, 60, 300, 320);
    pk_put(a, p, 60, 8);
    counts(&c, 1, 1, 0, 300, 320);
    close_arena();
}
END_TEST

/* -- failing -- */

START_TEST(failing_counts_every_request)
{
    pk_failing f;
    pk_allocator a = pk_failing_alloc(&f, pk_libc(), 0, false);
    void *p = pk_get(a, 100, 8);
    ck_assert(pk_resize(a, p, 100, 50, 8)); /* asks for nothing */
    ck_assert(!pk_resize(a, p, 50, 60, 8));
    p = pk_remap(a, p, 50, 500, 8);
    ck_assert(f.calls == 3 && f.n_failed == 0);
    pk_put(a, p, 500, 8);
    ck_assert_uint_eq(f.calls, 3);
}
END_TEST

static unsigned which_fail(uint64_t fail_at, bool for_ever)
{
    pk_failing f;
    pk_allocator a = pk_failing_alloc(&f, pk_arena_as_alloc(&arena), fail_at, for_ever);
    void *p[4];
    unsigned failed = 0;
    for (unsigned i = 0; i < 4; i++) {
        errno = 0;
        p[i] = pk_get(a, 8, 8);
        EXPECT_AT(p[i] || errno == ENOMEM, i, errno);
        failed |= (unsigned)(p[i] == NULL) << i;
    }
    failed |= (unsigned)(p[3] && !pk_resize(a, p[3], 8, 16, 8)) << 4;
    failed |= (unsigned)(p[0] && !pk_remap(a, p[0], 8, 16, 8)) << 5;
    EXPECT_AT((unsigned)__builtin_popcount(failed) <= f.n_failed, failed, f.n_failed);
    close_arena();
    return failed;
}

START_TEST(failing_fails_what_it_was_told)
{
    ck_assert_uint_eq(which_fail(0, false), 0);
    ck_assert_uint_eq(which_fail(0, true), 0);
    ck_assert_uint_eq(which_fail(1, false), 1);
    ck_assert_uint_eq(which_fail(3, false), 4);
    ck_assert_uint_eq(which_fail(5, false), 16);
    ck_assert_uint_eq(which_fail(6, false), 32);
    ck_assert_uint_eq(which_fail(3, true), 4 + 8 + 32);
    ck_assert_uint_eq(which_fail(7, true), 0);
}
END_TEST

/* -- pools on allocators -- */

/* The alignment that map was given comes back to the allocator, though unmap is not told it. */
START_TEST(pages_go_back_as_they_came)
{
    pk_allocator a = strict_make(&below);
    pk_page_source s = pk_allocator_pages(&a);
    ck_assert(s.ops->size >= sizeof *s.ops && s.ops->granule >= 16);
    for (size_t align = 1; align <= 64 * KIB; align *= 2) {
        for (size_t n = 1; n < 100 * KIB; n = n * 3 + 1) {
            unsigned got = 99;
            char *p = s.ops->map(s.ctx, n, align, &got);
            EXPECT_AT(p && (uintptr_t)p % align == 0 && got == 0, n, align);
            memset(p, 1, n);
            s.ops->unmap(s.ctx, p, n);
        }
    }
    ck_assert_uint_eq(below.n_blocks, 0);
    for (size_t n = SIZE_MAX; n > SIZE_MAX - 16; n--) {
        unsigned got;
        errno = 0;
        EXPECT_AT(!s.ops->map(s.ctx, n, 16, &got) && errno == ENOMEM, SIZE_MAX - n, errno);
    }
}
END_TEST

static void fill(pk_arena *one, size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        void *p = pk_arena_alloc(one, i * 7 % 3000);
        EXPECT(p != NULL);
        memset(p, 1, i * 7 % 3000);
    }
}

/* heap <- counting <- pages <- arena <- counting <- pages <- arena */
START_TEST(pools_on_pools)
{
    pk_counting lower, upper;
    pk_allocator on_heap = pk_counting_alloc(&lower, pk_heap_as_alloc(heap));
    pk_arena middle, top;
    pk_arena_opts opts = {.source = pk_allocator_pages(&on_heap)};
    ck_assert_int_eq(pk_arena_init(&middle, &opts), PK_OK);
    pk_allocator on_arena = pk_counting_alloc(&upper, pk_arena_as_alloc(&middle));
    opts.source = pk_allocator_pages(&on_arena);
    ck_assert_int_eq(pk_arena_init(&top, &opts), PK_OK);
    for (int round = 0; round < 5; round++) {
        fill(&top, 1000);
        pk_arena_reset(&top);
    }
    arena_figures(&top);
    ck_assert(upper.n_live > 0 && lower.n_live > 0);
    ck_assert_uint_eq(heap_figures(heap).n_live, lower.n_live);
    pk_arena_fini(&top);
    ck_assert(upper.n_live == 0 && upper.bytes_live == 0 && lower.n_live > 0);
    pk_arena_fini(&middle);
    ck_assert(lower.n_live == 0 && lower.bytes_live == 0 && lower.n_alloc == lower.n_free);
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

static void survives(pk_arena *one, pk_failing *fail)
{
    unsigned char *p[100];
    for (size_t i = 0; i < 100; i++) {
        errno = 0;
        p[i] = pk_arena_alloc(one, i * 53);
        EXPECT_AT(p[i] || (errno == ENOMEM && fail->n_failed > 0), i, errno);
        if (p[i]) pattern_fill(p[i], i * 53, i);
        arena_figures(one);
    }
    fail->fail_at = 0;
    EXPECT(pk_arena_alloc(one, 100000) != NULL);
    for (size_t i = 0; i < 100; i++) {
        EXPECT_AT(!p[i] || pattern_holds(p[i], i * 53, i * 53, i), i, 0);
    }
    pk_arena_reset(one);
    fill(one, 100);
}

/* Each request for a chunk fails, once (_i == 0) and for ever: the arena goes on, nothing leaks. */
START_TEST(an_arena_whose_source_fails)
{
    for (uint64_t k = 1, fired = 1; fired; k++) {
        pk_failing fail;
        pk_allocator a = pk_failing_alloc(&fail, strict_make(&below), k, _i == 1);
        pk_arena one;
        pk_arena_opts opts = {.source = pk_allocator_pages(&a), .max_chunk = 16 * KIB};
        pk_status status = pk_arena_init(&one, &opts);
        fired = fail.n_failed;
        EXPECT_AT(status == (k == 1 ? PK_ENOMEM : PK_OK), k, 0);
        EXPECT(status == PK_OK || arena_is_zero(&one));
        if (status == PK_OK) {
            survives(&one, &fail);
            fired = fail.n_failed;
            pk_arena_fini(&one);
        }
        EXPECT_AT(below.n_blocks == 0, k, below.n_blocks);
        EXPECT_AT(fired || k > 10, k, 0); /* there was something to fail */
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("allocator_stack");
    ADD_CASE(suite, heap_case("stack"), 20, counting_is_exact, counting_in_place,
             failing_counts_every_request, failing_fails_what_it_was_told,
             pages_go_back_as_they_came, pools_on_pools);
    TCase *tcase = tcase_create("failing source");
    tcase_add_loop_test(tcase, an_arena_whose_source_fails, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

TEST_MAIN(make_suite)
