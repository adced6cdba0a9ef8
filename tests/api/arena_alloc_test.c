/* SPDX-License-Identifier: MIT
 * arena_alloc_test.c: sizes, alignments, options, arrays, resizing, and what is refused. */
#include "arena_fixture.h"
#include "build.h"
#include "pattern.h"
#include "rng.h"
#include "runner.h"

#include <errno.h>
#include <stddef.h>

static pk_arena arena;

static void teardown(void)
{
    (void)arena_figures(&arena);
    pk_arena_fini(&arena);
    ck_assert(arena_is_zero(&arena));
}

START_TEST(a_zero_filled_arena_is_valid)
{
    static pk_arena none;
    ck_assert(!pk_arena_owns(&none, &none));
    ck_assert_uint_eq(arena_figures(&none).committed, 0);
    pk_arena_reset(&none);
    pk_arena_fini(&none);
    pk_arena_fini(&none);
    ck_assert(arena_is_zero(&none));
    int *p = pk_new(&none, int);
    ck_assert_ptr_nonnull(p);
    ck_assert(pk_arena_owns(&none, p));
    ck_assert_str_eq(arena_figures(&none).name, "arena");
    pk_arena_fini(&none);
    ck_assert(arena_is_zero(&none));
    ck_assert_ptr_nonnull(pk_arena_alloc(&none, 1)); /* and anew */
    pk_arena_fini(&none);
}
END_TEST

START_TEST(default_options_take_no_memory)
{
    static const pk_arena_opts zero;
    pk_arena one;
    memset(&one, 0xEE, sizeof one);
    ck_assert_int_eq(pk_arena_init(&one, NULL), PK_OK);
    ck_assert(arena_is_zero(&one));
    memset(&one, 0xEE, sizeof one);
    ck_assert_int_eq(pk_arena_init(&one, &zero), PK_OK);
    ck_assert(arena_is_zero(&one));
    ck_assert_int_eq(pk_arena_init(&one, &(pk_arena_opts){.size = sizeof zero}), PK_OK);
    ck_assert(arena_is_zero(&one));
}
END_TEST

START_TEST(impossible_options_are_refused)
{
    static const pk_arena_opts bad[] = {
        {.first = 8192, .max_chunk = 4096},  {.limit = 255},      {.limit = 1},
        {.size = sizeof(pk_arena_opts) + 8}, {.first = SIZE_MAX}, {.max_chunk = SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pk_arena one;
        memset(&one, 0xEE, sizeof one);
        EXPECT_AT(pk_arena_init(&one, &bad[i]) == PK_EINVAL, i, 0);
        EXPECT_AT(arena_is_zero(&one), i, 0);
    }
    ck_assert_int_eq(pk_arena_init(NULL, NULL), PK_EINVAL);
}
END_TEST

/* The options struct of a program that was compiled with an older version: shorter. */
START_TEST(older_and_newer_options)
{
    pk_arena_opts opts = {
        .size = offsetof(pk_arena_opts, max_chunk), .first = 8192, .locked = true};
    opts.limit = 1; /* beyond what the older one has: not looked at */
    ck_assert_int_eq(pk_arena_init(&arena, &opts), PK_OK);
    ck_assert_uint_eq(arena_figures(&arena).committed, 8192);
    ck_assert_uint_eq(arena_figures(&arena).limit, 0);
    pk_arena_fini(&arena);
    opts = (pk_arena_opts){.size = offsetof(pk_arena_opts, max_chunk), .limit = 1};
    ck_assert_int_eq(pk_arena_init(&arena, &opts), PK_OK);
    ck_assert(arena_is_zero(&arena)); /* the defaults */
    opts.size = 3;
    ck_assert_int_eq(pk_arena_init(&arena, &opts), PK_EINVAL);
    opts.size = UINT32_MAX;
    ck_assert_int_eq(pk_arena_init(&arena, &opts), PK_EINVAL);
}
END_TEST

/* Blocks of each size follow each other without a gap or an overlap, and keep their bytes. */
START_TEST(every_size_to_5000)
{
    enum { N = 5000 };
    static unsigned char *p[N + 1];
    for (size_t n = 0; n <= N; n++) {
        uint64_t before = arena_figures(&arena).live;
        p[n] = pk_arena_alloc(&arena, n);
        EXPECT_AT(p[n] != NULL && (uintptr_t)p[n] % PK_ALIGN == 0, n, (uintptr_t)p[n]);
        EXPECT_AT(arena_figures(&arena).live == before + arena_rounded(n), n, before);
        pattern_fill(p[n], arena_usable(n), n);
    }
    for (size_t n = 0; n <= N; n++) {
        EXPECT_AT(pattern_holds(p[n], arena_usable(n), arena_usable(n), n), n, 0);
    }
    for (size_t n = 0; n <= N; n += 97) {
        EXPECT_AT(pk_arena_owns(&arena, p[n]), n, 0);
        EXPECT_AT(pk_arena_owns(&arena, p[n] + arena_rounded(n) - 1), n, 0);
    }
}
END_TEST

START_TEST(zero_bytes_are_unique)
{
    char *a = pk_arena_alloc(&arena, 0), *b = pk_arena_alloc(&arena, 0);
    char *c = pk_arena_zalloc(&arena, 0), *d = pk_arena_memdup(&arena, "x", 0);
    char *e = pk_arena_array(&arena, 0, 8, 8), *f = pk_arena_array(&arena, 8, 0, 64);
    ck_assert(a && b && c && d && e && f);
    ck_assert(a != b && b != c && c != d && d != e && e != f);
}
END_TEST

/* The last bytes of a chunk are given out before a new one is made. */
START_TEST(up_to_the_chunk_boundary)
{
    test_source s;
    for (size_t last = 0; last <= 48; last++) {
        pk_arena one;
        pk_arena_opts opts = {.source = test_source_make(&s), .first = 2048};
        ck_assert_int_eq(pk_arena_init(&one, &opts), PK_OK);
        size_t room = arena_room(&one);
        EXPECT_AT(room > 1024 && room < 2048, room, last);
        ck_assert_ptr_nonnull(pk_arena_alloc(&one, room - 32 - 2 * arena_gap()));
        EXPECT_AT(s.maps == 1, s.maps, last);
        unsigned char *p = pk_arena_alloc(&one, last);
        EXPECT_AT(p != NULL && s.maps == (last <= 32 ? 1 : 2), s.maps, last);
        memset(p, 0x11, arena_usable(last));
        arena_figures(&one);
        pk_arena_fini(&one);
        test_source_is_even(&s);
    }
}
END_TEST

START_TEST(an_oversize_block_leaves_the_present_chunk_in_use)
{
    char *a = pk_arena_alloc(&arena, 16);
    for (size_t n = 64 * KIB; n <= 64 * MIB; n *= 4) {
        char *big = pk_arena_alloc(&arena, n);
        EXPECT_AT(big != NULL && pk_arena_owns(&arena, big + n - 1), n, 0);
        pattern_fill(big, n, n);
        char *b = pk_arena_alloc(&arena, 16);
        EXPECT_AT(b == a + arena_rounded(16), n, 0);
        EXPECT_AT(pattern_holds(big, n, n, n), n, 0);
        a = b;
    }
}
END_TEST

/* volatile: or the compiler warns about such sizes, which is the point. */
static volatile const size_t too_much[] = {
    SIZE_MAX,           SIZE_MAX - 1,           SIZE_MAX - 15,
    SIZE_MAX - 64,      SIZE_MAX - 4096,        SIZE_MAX / 2,
    PTRDIFF_MAX,        PTRDIFF_MAX - 15,       PTRDIFF_MAX - 80,
    PTRDIFF_MAX - 4096, (size_t)PTRDIFF_MAX + 1};

static void expect_enomem(const void *p, size_t n)
{
    EXPECT_AT(p == NULL && errno == ENOMEM, n, errno);
    errno = 0;
}

START_TEST(huge_sizes_are_refused)
{
    for (int round = 0; round < 2; round++) {
        pk_stats before = arena_figures(&arena);
        char *block = round ? pk_arena_strdup(&arena, "kept") : NULL;
        errno = 0;
        if (round) before = arena_figures(&arena);
        for (size_t i = 0; i < sizeof too_much / sizeof *too_much; i++) {
            size_t n = too_much[i];
            expect_enomem(pk_arena_alloc(&arena, n), n);
            expect_enomem(pk_arena_zalloc(&arena, n), n);
            expect_enomem(pk_arena_alloc_aligned(&arena, n, 1), n);
            expect_enomem(pk_arena_alloc_aligned(&arena, n, 4096), n);
            expect_enomem(pk_arena_array(&arena, n, 1, 8), n);
            expect_enomem(pk_arena_array(&arena, n, n, 8), n);
            expect_enomem(pk_arena_memdup(&arena, "x", n), n);
            expect_enomem(pk_arena_realloc(&arena, NULL, 0, n), n);
            if (round) {
                expect_enomem(pk_arena_realloc(&arena, block, 5, n), n);
                EXPECT_AT(!pk_arena_resize(&arena, block, 5, n), n, 0);
                pk_stats after = arena_figures(&arena);
                EXPECT_AT(arena_same_figures(&before, &after), n, 0);
                EXPECT_AT(strcmp(block, "kept") == 0, n, 0);
            }
        }
    }
}
END_TEST

START_TEST(alignments)
{
    for (size_t align = 1; align <= MIB; align *= 2) {
        static const size_t sizes[] = {0, 1, 15, 16, 17, 100, 4000, 5000, 300000};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t n = sizes[i];
            char *p = pk_arena_alloc_aligned(&arena, n, align);
            EXPECT_AT(p && (uintptr_t)p % align == 0 && (uintptr_t)p % 16 == 0, n, align);
            memset(p, 0x77, arena_usable(n));
            EXPECT_AT(pk_arena_owns(&arena, p + arena_rounded(n) - 1), n, align);
            p = pk_arena_array(&arena, 3, n, align);
            EXPECT_AT(p && (uintptr_t)p % align == 0, n, align);
            memset(p, 0x77, 3 * n);
        }
        arena_figures(&arena);
    }
}
END_TEST

START_TEST(bad_alignments_are_refused)
{
    static volatile const size_t bad[] = {0, 3, 5, 12, 17, 48, 4095, SIZE_MAX, SIZE_MAX - 1};
    for (int round = 0; round < 2; round++) {
        pk_stats before = arena_figures(&arena);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            errno = 0;
            EXPECT_AT(!pk_arena_alloc_aligned(&arena, 8, bad[i]) && errno == EINVAL, i, errno);
            errno = 0;
            EXPECT_AT(!pk_arena_array(&arena, 2, 8, bad[i]) && errno == EINVAL, i, errno);
        }
        for (size_t align = (size_t)1 << 62; align; align *= 2) { /* a power, but too large */
            errno = 0;
            EXPECT_AT(!pk_arena_alloc_aligned(&arena, 8, align) && errno == ENOMEM, align, errno);
        }
        pk_stats after = arena_figures(&arena);
        ck_assert(round == 0 || arena_same_figures(&before, &after));
        ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 1));
    }
}
END_TEST

typedef struct {
    _Alignas(64) char line[64];
} cache_line;

START_TEST(typed_blocks)
{
    (void)pk_arena_alloc(&arena, 16);
    cache_line *one = pk_new(&arena, cache_line), *many = pk_new_array(&arena, cache_line, 5);
    ck_assert(one && (uintptr_t)one % 64 == 0);
    ck_assert(many && (uintptr_t)many % 64 == 0);
    memset(many, 1, 5 * sizeof *many);
    volatile size_t n = SIZE_MAX / sizeof(cache_line) + 1;
    errno = 0;
    ck_assert_ptr_null(pk_new_array(&arena, cache_line, n));
    ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

/* -- resize and realloc -- */

START_TEST(resize_the_newest_block)
{
    char *p = pk_arena_alloc(&arena, 100);
    uint64_t base = arena_figures(&arena).live - arena_rounded(100);
    for (size_t old = 100, n = 0; n <= 1500; old = n, n += 7) {
        EXPECT_AT(pk_arena_resize(&arena, p, old, n), old, n);
        EXPECT_AT(arena_figures(&arena).live == base + arena_rounded(n), old, n);
        memset(p, 0x33, arena_usable(n));
    }
    ck_assert(!pk_arena_resize(&arena, p, 1498, 1 * MIB)); /* no room */
    ck_assert_uint_eq(arena_figures(&arena).live, base + arena_rounded(1498));
}
END_TEST

START_TEST(resize_another_block)
{
    char *old = pk_arena_alloc(&arena, 100), *newest = pk_arena_alloc(&arena, 10);
    pk_stats before = arena_figures(&arena);
    ck_assert(pk_arena_resize(&arena, old, 100, 10)); /* true, and gains nothing */
    ck_assert(pk_arena_resize(&arena, old, 100, 0));
    ck_assert(pk_arena_resize(&arena, old, 100, 112)); /* its rounding */
    ck_assert(!pk_arena_resize(&arena, old, 100, 113));
    ck_assert(!pk_arena_resize(&arena, NULL, 0, 10));
    pk_stats after = arena_figures(&arena);
    ck_assert(arena_same_figures(&before, &after));
    ck_assert_ptr_eq(pk_arena_alloc(&arena, 1), newest + arena_rounded(10));
    char *big = pk_arena_alloc(&arena, 3 * MIB); /* alone in its chunk */
    ck_assert(!pk_arena_resize(&arena, big, 3 * MIB, 4 * MIB));
    ck_assert(pk_arena_resize(&arena, big, 3 * MIB, 1 * MIB));
    static pk_arena none;
    ck_assert(!pk_arena_resize(&none, old, 100, 200));
}
END_TEST

START_TEST(realloc_keeps_the_contents)
{
    char *p = pk_arena_realloc(&arena, NULL, 0, 10);
    size_t old = 10;
    pattern_fill(p, old, 10);
    for (size_t n = 0; n < 200000; n += 1 + n / 3) {
        p = pk_arena_realloc(&arena, p, old, n);
        EXPECT_AT(p != NULL && (uintptr_t)p % 16 == 0, n, 0);
        EXPECT_AT(pattern_holds(p, old, pattern_min(old, n), old), old, n);
        if (n % 2) EXPECT(pk_arena_alloc(&arena, 1) != NULL);
        pattern_fill(p, n, n);
        old = n;
    }
    char *q = pk_arena_alloc(&arena, 50), *other = pk_arena_alloc(&arena, 1);
    memset(q, 'q', 50);
    char *moved = pk_arena_realloc(&arena, q, 50, 500);
    ck_assert(moved != q && memcmp(moved, q, 50) == 0 && pk_arena_owns(&arena, q) &&
              other != moved);
    size_t room = arena_room(&arena);
    ck_assert_uint_gt(room, 16);
    ck_assert_ptr_eq(pk_arena_realloc(&arena, moved, 500, 500 + room), moved);
}
END_TEST

/* Disjoint at random sizes and alignments, on a source without zeros and with small chunks. */
START_TEST(blocks_never_overlap)
{
    enum { N = 3000 };
    static unsigned char *p[N];
    static size_t size[N];
    test_source s;
    pk_arena one;
    pk_arena_opts opts = {.source = test_source_make(&s), .first = 512, .max_chunk = 256 * KIB};
    ck_assert_int_eq(pk_arena_init(&one, &opts), PK_OK);
    rng r = rng_make(rng_run_seed());
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < N; i++) {
            size_t align = (size_t)1 << rng_below(&r, 10);
            size[i] = rng_below(&r, 50) ? rng_size(&r, 600) : rng_size(&r, 20000);
            p[i] = pk_arena_alloc_aligned(&one, size[i], align);
            EXPECT_AT(p[i] && (uintptr_t)p[i] % align == 0, i, align);
            pattern_fill(p[i], size[i], i);
        }
        for (size_t i = 0; i < N; i++) EXPECT_AT(pattern_holds(p[i], size[i], size[i], i), i, 0);
        arena_figures(&one);
        pk_arena_reset(&one);
        arena_figures(&one);
        for (size_t i = 0; i < N; i += 100) EXPECT_AT(!pk_arena_owns(&one, p[i]), i, 0);
    }
    pk_arena_fini(&one);
    test_source_is_even(&s);
}
END_TEST

static bool stop_at_once(void *arg, void *begin, size_t used, size_t size)
{
    (void)begin, (void)used, (void)size;
    ++*(int *)arg;
    return false;
}

START_TEST(owns_and_walk)
{
    char local = 0;
    char *a = pk_arena_alloc(&arena, 100);
    ck_assert(pk_arena_owns(&arena, a) && pk_arena_owns(&arena, a + 99));
    ck_assert(!pk_arena_owns(&arena, a + arena_rounded(100))); /* not handed out */
    ck_assert(!pk_arena_owns(&arena, a - 1));                  /* the arena's own record */
    ck_assert(!pk_arena_owns(&arena, &local) && !pk_arena_owns(&arena, NULL));
    int calls = 0;
    ck_assert(!pk_arena_walk(&arena, stop_at_once, &calls));
    ck_assert_int_eq(calls, 1);
    static pk_arena none;
    ck_assert(pk_arena_walk(&none, stop_at_once, &calls));
    ck_assert_int_eq(calls, 1);
    pk_arena_reset(&arena);
    ck_assert(!pk_arena_owns(&arena, a));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("arena_alloc");
    TCase *tcase = tcase_create("alloc");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    ADD_CASE(suite, tcase, 10, a_zero_filled_arena_is_valid, default_options_take_no_memory,
             impossible_options_are_refused, older_and_newer_options, every_size_to_5000,
             zero_bytes_are_unique, up_to_the_chunk_boundary,
             an_oversize_block_leaves_the_present_chunk_in_use, huge_sizes_are_refused, alignments,
             bad_alignments_are_refused, typed_blocks, resize_the_newest_block,
             resize_another_block, realloc_keeps_the_contents, blocks_never_overlap, owns_and_walk);
    return suite;
}

TEST_MAIN(make_suite)
