/* SPDX-License-Identifier: MIT
 * allocator_test.c: the allocator interface over the C library, an arena, a heap and
 * one of the test's own: contents, alignment, bad arguments, a container on each. */
#include "arena_fixture.h"
#include "build.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "runner.h"
#include "strict_alloc.h"

#include <stdalign.h>

static pk_arena arena;
static strict below;

enum { LIBC, ARENA, HEAP, STRICT, ALLOCATORS };

static pk_allocator open_one(int i)
{
    arena = (pk_arena){0};
    return i == LIBC    ? pk_libc()
           : i == ARENA ? pk_arena_as_alloc(&arena)
           : i == HEAP  ? pk_heap_as_alloc(heap)
                        : strict_make(&below);
}

static void close_one(void)
{
    pk_arena_fini(&arena);
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
    ck_assert_uint_eq(below.n_blocks, 0);
}

/* -- what holds for all -- */

START_TEST(any_size_at_any_alignment)
{
    pk_allocator a = open_one(_i);
    for (size_t align = 1; align <= 64 * KIB; align *= 2) {
        for (size_t n = 0; n < 300 * KIB; n = n * 3 + 1) {
            char *p = pk_get(a, n, align), *q = pk_get(a, n, align);
            EXPECT_AT(p && (uintptr_t)p % align == 0, n, align);
            EXPECT_AT(q && (uintptr_t)q % align == 0 && p != q, n, align);
            pattern_fill(p, n, 1);
            pattern_fill(q, n, 2);
            EXPECT_AT(pattern_holds(p, n, n, 1), n, align);
            pk_put(a, q, n, align);
            pk_put(a, p, n, align);
        }
    }
    pk_put(a, NULL, 1, 1);
    close_one();
}
END_TEST

START_TEST(bad_arguments)
{
    static const size_t no_alignment[] = {0, 3, 24, 4097, SIZE_MAX};
    pk_allocator a = open_one(_i);
    void *p = pk_get(a, 40, 16);
    memset(p, 7, 40);
    for (size_t i = 0; i < sizeof no_alignment / sizeof *no_alignment; i++) {
        errno = 0;
        EXPECT_AT(!pk_get(a, 8, no_alignment[i]) && errno == EINVAL, i, errno);
        errno = 0;
        EXPECT_AT(!pk_get_zero(a, 8, no_alignment[i]) && errno == EINVAL, i, errno);
        errno = 0;
        EXPECT_AT(!pk_get_array(a, 2, 8, no_alignment[i]) && errno == EINVAL, i, errno);
        errno = 0;
        EXPECT_AT(!pk_remap(a, p, 40, 80, no_alignment[i]) && errno == EINVAL, i, errno);
    }
    for (size_t align = 16; align <= 4096; align *= 16) {
        for (size_t n = SIZE_MAX; n > PTRDIFF_MAX; n -= SIZE_MAX / 7) {
            errno = 0;
            EXPECT_AT(!pk_get(a, n, align) && errno == ENOMEM, n, align);
            errno = 0;
            EXPECT_AT(!pk_get_zero(a, n, align) && errno == ENOMEM, n, align);
            EXPECT_AT(!pk_resize(a, p, 40, n, 16), n, align);
        }
    }
    errno = 0;
    ck_assert(!pk_remap(a, p, 40, SIZE_MAX, 16) && errno == ENOMEM);
    errno = 0;
    ck_assert(!pk_get_array(a, SIZE_MAX / 8 + 1, 8, 8) && errno == ENOMEM);
    ck_assert(!pk_resize(a, NULL, 8, 8, 8));
    for (int i = 0; i < 40; i++) EXPECT_AT(((char *)p)[i] == 7, i, 0);
    pk_put(a, p, 40, 16);
    close_one();
}
END_TEST

START_TEST(zeros_and_arrays)
{
    pk_allocator a = open_one(_i);
    for (size_t n = 0; n < 200 * KIB; n = n * 2 + 1) {
        unsigned char *p = pk_get(a, n, 8);
        memset(p, 0xFF, n);
        pk_put(a, p, n, 8);
        EXPECT(p = pk_get_zero(a, n, 8));
        EXPECT_AT(pattern_zero(p, n ? n : 1, SIZE_MAX), n, 0);
        pk_put(a, p, n, 8);
    }
    uint64_t *list = pk_get_array(a, 100, sizeof *list, alignof(uint64_t));
    ck_assert_ptr_nonnull(list);
    memset(list, 1, 100 * sizeof *list);
    pk_put(a, list, 100 * sizeof *list, alignof(uint64_t));
    close_one();
}
END_TEST

/* Each size to each: where it was or moved, aligned, and with what both can hold. */
START_TEST(remap_keeps_the_contents)
{
    static const size_t size[] = {0, 1, 16, 17, 100, 1000, 4096, 5000, 70000, 2 * MIB, 3 * MIB, 20};
    enum { N = sizeof size / sizeof *size };
    pk_allocator a = open_one(_i);
    for (size_t align = 1; align <= 4096; align *= 16) {
        for (size_t i = 0; i < N * N; i++) {
            size_t from = size[i / N], to = size[i % N];
            char *p = pk_remap(a, NULL, 0, from, align);
            EXPECT(p != NULL);
            pattern_fill(p, from, i);
            if (pk_resize(a, p, from, to, align)) {
                EXPECT_AT(pattern_holds(p, from, to < from ? to : from, i), from, to);
                pattern_fill(p, to, i);
                from = to;
            }
            to = size[(i * 5 + 3) % N];
            p = pk_remap(a, p, from, to, align);
            EXPECT_AT(p && (uintptr_t)p % align == 0, from, align);
            EXPECT_AT(pattern_holds(p, from, to < from ? to : from, i), from, to);
            memset(p, 3, to);
            pk_put(a, p, to, align);
        }
    }
    close_one();
}
END_TEST

/* Many at once, so that none is aligned by luck. */
START_TEST(remap_keeps_the_alignment)
{
    enum { N = 40, ALIGN = 512 };
    pk_allocator a = open_one(_i);
    char *p[N];
    for (size_t i = 0; i < N; i++) EXPECT(p[i] = pk_get(a, 40, ALIGN));
    for (size_t n = 40; n < 20000; n = n * 2 - 17) {
        for (size_t i = 0; i < N; i++) {
            p[i] = pk_remap(a, p[i], n, n * 2 - 17, ALIGN);
            EXPECT_AT(p[i] && (uintptr_t)p[i] % ALIGN == 0, n, i);
        }
        if (n * 2 - 17 >= 20000) {
            for (size_t i = 0; i < N; i++) pk_put(a, p[i], n * 2 - 17, ALIGN);
        }
    }
    close_one();
}
END_TEST

/* -- a container that leaves the choice to its user -- */

typedef struct {
    pk_allocator from;
    uint64_t *item;
    size_t count, room;
} vector;

static bool vector_push(vector *v, uint64_t value)
{
    if (v->count == v->room) {
        size_t room = v->room ? v->room * 2 : 4, size = sizeof *v->item;
        uint64_t *item = pk_remap(v->from, v->item, v->room * size, room * size, alignof(uint64_t));
        if (!item) return false;
        v->item = item;
        v->room = room;
    }
    v->item[v->count++] = value;
    return true;
}

static void vector_end(vector *v)
{
    pk_put(v->from, v->item, v->room * sizeof *v->item, alignof(uint64_t));
}

START_TEST(a_growing_vector)
{
    pk_counting count;
    vector v = {.from = pk_counting_alloc(&count, open_one(_i))};
    for (uint64_t i = 0; i < 100000; i++) EXPECT(vector_push(&v, i * i));
    for (uint64_t i = 0; i < v.count; i++) EXPECT_AT(v.item[i] == i * i, i, v.item[i]);
    ck_assert_uint_eq(count.n_live, 1);
    ck_assert_uint_eq(count.bytes_live, v.room * sizeof *v.item);
    vector_end(&v);
    ck_assert(count.n_live == 0 && count.bytes_live == 0 && count.n_alloc == count.n_free);
    close_one();
}
END_TEST

/* Each request fails once, and for ever: what was pushed is there. */
START_TEST(a_vector_without_memory)
{
    for (uint64_t k = 1, fired = 1; fired; k++) {
        pk_failing fail;
        pk_allocator a = open_one(_i);
        vector v = {.from = pk_failing_alloc(&fail, a, k, k % 2)};
        uint64_t pushed = 0;
        while (pushed < 1000 && vector_push(&v, pushed)) pushed++;
        EXPECT_AT(pushed == 1000 || errno == ENOMEM, pushed, errno);
        EXPECT_AT(v.count == pushed && (pushed == 1000) == (fail.n_failed == 0), pushed, k);
        for (uint64_t i = 0; i < pushed; i++) EXPECT_AT(v.item[i] == i, i, k);
        fired = fail.n_failed;
        fail.fail_at = 0;
        EXPECT(vector_push(&v, 1));
        vector_end(&v);
        close_one();
    }
}
END_TEST

/* -- one by one -- */

START_TEST(libc_resizes_downwards_only)
{
    for (size_t align = 16; align <= 256; align *= 16) {
        pk_allocator a = pk_libc();
        char *p = pk_get(a, 1000, align);
        ck_assert(pk_resize(a, p, 1000, 1000, align) && pk_resize(a, p, 1000, 600, align));
        ck_assert(!pk_resize(a, p, 600, 601, align));
        memset(p, 9, 600);
        ck_assert_ptr_nonnull(p = pk_remap(a, p, 600, 5000, align));
        for (int i = 0; i < 600; i++) EXPECT_AT(p[i] == 9, i, align);
        memset(p, 9, 5000);
        pk_put(a, p, 5000, align);
    }
}
END_TEST

/* Blocks that come and go, two deep, leave the arena as it was. */
START_TEST(arena_takes_the_newest_back)
{
    pk_allocator a = open_one(ARENA);
    char *first = pk_get(a, 100, 16);
    size_t live = arena_figures(&arena).live;
    for (int i = 0; i < 10000; i++) {
        char *p = pk_get(a, (size_t)i % 300, 8), *q = pk_get(a, 77, 8);
        pk_put(a, q, 77, 8);
        pk_put(a, p, (size_t)i % 300, 8);
        EXPECT_AT(arena_figures(&arena).live == live, i, live);
    }
    char *second = pk_get(a, 100, 16);
    pk_put(a, first, 100, 16); /* not the newest: nothing happens */
    ck_assert(arena_figures(&arena).live > live && pk_arena_owns(&arena, first));
    memset(second, 0xFF, 100);
    pk_put(a, second, 100, 16);
    char *again = pk_arena_zalloc(&arena, 100); /* it is known to be not zero any more */
    ck_assert(again == second && pattern_zero(again, 100, SIZE_MAX));
    close_one();
}
END_TEST

START_TEST(arena_takes_back_from_a_locked_one)
{
    ck_assert_int_eq(pk_arena_init(&arena, &(pk_arena_opts){.locked = true}), PK_OK);
    pk_allocator a = pk_arena_as_alloc(&arena);
    void *p = pk_get(a, 50, 8);
    pk_put(a, p, 50, 8);
    ck_assert_ptr_eq(pk_get(a, 50, 8), p);
    pk_arena_fini(&arena);
}
END_TEST

START_TEST(heap_gives_up_what_a_large_aligned_block_loses)
{
    pk_allocator a = open_one(HEAP);
    char *p = pk_get(a, 8 * MIB, 4096);
    memset(p, 5, 1000);
    ck_assert_ptr_nonnull(p = pk_remap(a, p, 8 * MIB, 1000, 4096));
    ck_assert((uintptr_t)p % 4096 == 0 && p[0] == 5 && p[999] == 5);
    ck_assert_uint_lt(heap_figures(heap).live, MIB);
    ck_assert(pk_heap_of(p) == heap);
    pk_put(a, p, 1000, 4096);
    close_one();
}
END_TEST

/* A heap at its limit: what shrinks stays, what grows fails, and both keep their bytes. */
START_TEST(heap_at_its_limit)
{
    pk_heap *tight;
    ck_assert_int_eq(pk_heap_create(&tight, &(pk_heap_opts){.limit = 8 * MIB}), PK_OK);
    pk_allocator a = pk_heap_as_alloc(tight);
    char *p = pk_get(a, 4 * MIB, 4096);
    memset(p, 6, 4 * MIB);
    errno = 0;
    ck_assert(!pk_remap(a, p, 4 * MIB, 9 * MIB, 4096) && errno == ENOMEM);
    errno = 0;
    ck_assert(!pk_get(a, 9 * MIB, 16) && errno == ENOMEM);
    for (size_t i = 0; i < 4 * MIB; i += 4096) EXPECT_AT(p[i] == 6, i, 0);
    ck_assert_ptr_nonnull(p = pk_remap(a, p, 4 * MIB, 100, 4096));
    for (int i = 0; i < 100; i++) EXPECT_AT(p[i] == 6, i, 0);
    pk_put(a, p, 100, 4096);
    pk_heap_destroy(tight);
}
END_TEST

static Suite *make_suite(void)
{
    const TTest *const each[] = {any_size_at_any_alignment, bad_arguments,
                                 zeros_and_arrays,          remap_keeps_the_contents,
                                 remap_keeps_the_alignment, a_growing_vector,
                                 a_vector_without_memory};
    Suite *suite = suite_create("allocator");
    TCase *tcase = heap_case("each");
    tcase_set_timeout(tcase, memory_is_measurable() ? 20 : 100);
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        tcase_add_loop_test(tcase, each[i], 0, ALLOCATORS);
    }
    suite_add_tcase(suite, tcase);
    ADD_CASE(suite, heap_case("one"), 20, libc_resizes_downwards_only, arena_takes_the_newest_back,
             arena_takes_back_from_a_locked_one, heap_gives_up_what_a_large_aligned_block_loses,
             heap_at_its_limit);
    return suite;
}

TEST_MAIN(make_suite)
