/* SPDX-License-Identifier: MIT
 * arena_zalloc_test.c: zeroed memory is zero, whatever its place was used for before. */
#include "arena_fixture.h"
#include "build.h"
#include "rng.h"
#include "runner.h"

#include <wchar.h>

static pk_arena arena;

static void teardown(void)
{
    (void)arena_figures(&arena);
    pk_arena_fini(&arena);
}

static void expect_zeroed(pk_arena *one, size_t n)
{
    unsigned char *p = pk_arena_zalloc(one, n);
    EXPECT_AT(p != NULL, n, 0);
    for (size_t i = 0; i < n; i++) EXPECT_AT(p[i] == 0, n, i);
    memset(p, 0xFF, arena_usable(n));
}

static void dirty(pk_arena *one, size_t n)
{
    memset(pk_arena_alloc(one, n), 0xFF, arena_usable(n));
}

static void zero_in_all_states(pk_arena *one)
{
    static const size_t sizes[] = {0, 1, 16, 100, 1000, 3000, 20000, 200000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        expect_zeroed(one, n);
        pk_mark m = pk_arena_mark(one);
        dirty(one, n);
        dirty(one, 5000);
        ck_assert_int_eq(pk_arena_rewind(one, m), PK_OK);
        for (int k = 0; k < 4; k++) expect_zeroed(one, n);
        unsigned char *p = pk_arena_alloc(one, 600); /* shrunk: the tail is dirty */
        memset(p, 0xFF, 600);
        ck_assert(pk_arena_resize(one, p, 600, 20));
        expect_zeroed(one, 600);
        ck_assert_ptr_nonnull(pk_arena_printf(one, "%0*d", 700, 1)); /* perhaps does not fit */
        ck_assert_ptr_nonnull(pk_arena_printf(one, "%0*d", 7000, 1));
        expect_zeroed(one, n + 100);
        pk_arena_reset(one);
        for (int k = 0; k < 20; k++) expect_zeroed(one, n);
        pk_arena_reset(one);
        dirty(one, 1000);
        expect_zeroed(one, n);
    }
}

START_TEST(zalloc_is_zero_in_all_states)
{
    zero_in_all_states(&arena);
    pk_arena_fini(&arena);
    zero_in_all_states(&arena); /* now on chunks that the source kept */
    test_source s;
    pk_arena one;
    ck_assert_int_eq(pk_arena_init(&one, &(pk_arena_opts){.source = test_source_make(&s)}), PK_OK);
    zero_in_all_states(&one);
    pk_arena_fini(&one);
    ck_assert_int_eq(pk_arena_init(&one, &(pk_arena_opts){.locked = true}), PK_OK);
    zero_in_all_states(&one);
    pk_arena_fini(&one);
}
END_TEST

START_TEST(zalloc_after_random_use)
{
    rng r = rng_make(rng_run_seed());
    pk_mark mark = pk_arena_mark(&arena);
    for (size_t i = 0; i < scaled(40000); i++) {
        size_t n = rng_size(&r, 3000);
        switch (rng_below(&r, 8)) {
        case 0:
            dirty(&arena, n);
            break;
        case 1:
            expect_zeroed(&arena, rng_size(&r, 40000));
            break;
        case 2:
            ck_assert_ptr_nonnull(pk_arena_printf(&arena, "%*d", (int)n, 7));
            break;
        case 3: {
            void *p = pk_arena_alloc(&arena, n);
            memset(p, 0xFF, n);
            (void)pk_arena_resize(&arena, p, n, rng_below(&r, n + 1));
            break;
        }
        case 4: {
            char *p = pk_arena_alloc_aligned(&arena, n, (size_t)1 << rng_below(&r, 13));
            memset(p, 0xFF, arena_usable(n));
            break;
        }
        case 5:
            if (rng_below(&r, 4) == 0) mark = pk_arena_mark(&arena);
            break;
        case 6:
            if (rng_below(&r, 3) == 0) EXPECT(pk_arena_rewind(&arena, mark) == PK_OK);
            break;
        default:
            expect_zeroed(&arena, n);
        }
        if (rng_below(&r, 500) == 0) {
            pk_arena_reset(&arena);
            mark = pk_arena_mark(&arena);
        }
        if (rng_below(&r, 3000) == 0) {
            pk_arena_fini(&arena);
            mark = pk_arena_mark(&arena);
        }
    }
}
END_TEST

/* A text that the C library refuses may have been written in part. */
START_TEST(zalloc_after_a_refused_format)
{
    static const wchar_t refused[] = {0x110000, 0};
    char *text = pk_arena_printf(&arena, "xxxxxxxxxxxxxxxxxxxxxxxx%ls", refused);
    ck_assert_ptr_null(text);
    expect_zeroed(&arena, 64);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("arena_zalloc");
    TCase *tcase = tcase_create("zalloc");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    ADD_CASE(suite, tcase, 10, zalloc_is_zero_in_all_states, zalloc_after_random_use,
             zalloc_after_a_refused_format);
    return suite;
}

TEST_MAIN(make_suite)
