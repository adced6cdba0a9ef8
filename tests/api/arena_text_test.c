/* SPDX-License-Identifier: MIT
 * arena_text_test.c: copies of strings, and formatted text across the end of a chunk. */
#include "arena_fixture.h"
#include "build.h"
#include "runner.h"

#include <errno.h>
#include <stdarg.h>

static pk_arena arena;

static void teardown(void)
{
    (void)arena_figures(&arena);
    pk_arena_fini(&arena);
}

static char *filled(size_t n)
{
    char *s = malloc(n + 1);
    EXPECT(s != NULL);
    for (size_t i = 0; i < n; i++) s[i] = (char)('a' + i % 23);
    s[n] = '\0';
    return s;
}

START_TEST(copies)
{
    for (size_t n = 0; n < 100000; n += 1 + n / 5) {
        char *s = filled(n);
        char *copy = pk_arena_strdup(&arena, s);
        EXPECT_AT(copy && copy != s && strcmp(copy, s) == 0, n, 0);
        copy = pk_arena_memdup(&arena, s, n);
        EXPECT_AT(copy && memcmp(copy, s, n) == 0, n, 0);
        free(s);
    }
    ck_assert_ptr_nonnull(pk_arena_memdup(&arena, NULL, 0));
}
END_TEST

START_TEST(copies_of_at_most)
{
    static const char text[] = "0123456789abcdef0123";
    volatile size_t most[] = {0, 1, 15, 16, 17, 20, 21, 1000, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        size_t n = most[i] < 20 ? most[i] : 20;
        char *copy = pk_arena_strndup(&arena, text, most[i]);
        EXPECT_AT(copy && strlen(copy) == n && memcmp(copy, text, n) == 0, i, n);
    }
    static const char unended[3] = {'a', 'b', 'c'};
    ck_assert_str_eq(pk_arena_strndup(&arena, unended, 3), "abc");
}
END_TEST

static PK_ATTR_PRINTF(2, 3) char *through_va_list(pk_arena *one, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = pk_arena_vprintf(one, format, args);
    va_end(args);
    return text;
}

/* At every length around what is left of the chunk, for every rest. */
START_TEST(printf_at_the_end_of_a_chunk)
{
    for (size_t rest = 0; rest <= 80; rest += 16) {
        for (size_t n = 0; n <= 100; n++) {
            pk_arena one = {0};
            char *s = filled(n);
            char *before = pk_arena_alloc(&one, 16);
            size_t whole = arena_room(&one) - rest, size = whole - arena_gap();
            char *gap = pk_arena_alloc(&one, size);
            memset(gap, 'g', size);
            char *text = n % 2 ? pk_arena_printf(&one, "%s", s) : through_va_list(&one, "%s", s);
            EXPECT_AT(text && strcmp(text, s) == 0, rest, n);
            bool fits = arena_rounded(n + 1) <= rest; /* just the size */
            EXPECT_AT((text == gap + whole) == fits, rest, n);
            EXPECT_AT(gap[size - 1] == 'g', rest, n);
            EXPECT_AT((char *)pk_arena_alloc(&one, 1) != text && strcmp(text, s) == 0, rest, n);
            EXPECT(pk_arena_owns(&one, before) && pk_arena_owns(&one, text));
            arena_figures(&one);
            pk_arena_fini(&one);
            free(s);
        }
    }
}
END_TEST

START_TEST(printf_takes_just_its_size)
{
    for (int n = 0; n < 500; n++) {
        uint64_t live = arena_figures(&arena).live;
        char *text = pk_arena_printf(&arena, "%*s", n, "");
        EXPECT_AT(text && strlen(text) == (size_t)n, n, 0);
        EXPECT_AT(arena_figures(&arena).live == live + arena_rounded((size_t)n + 1), n, live);
    }
    ck_assert_str_eq(pk_arena_printf(&arena, "%s", ""), "");
    ck_assert_str_eq(pk_arena_printf(&arena, "%d of %s, %c%%", 7, "nine", 'x'), "7 of nine, x%");
}
END_TEST

START_TEST(printf_of_huge_strings)
{
    for (size_t n = 1000; n <= 20 * MIB; n *= 7) {
        char *s = filled(n);
        char *text = pk_arena_printf(&arena, "<%s|%s>", s, s);
        EXPECT_AT(text && strlen(text) == 2 * n + 3, n, 0);
        EXPECT_AT(memcmp(text + 1, s, n) == 0 && memcmp(text + n + 2, s, n) == 0, n, 0);
        free(s);
    }
}
END_TEST

START_TEST(printf_without_memory)
{
    test_source s;
    pk_arena one;
    pk_arena_opts opts = {.source = test_source_make(&s), .limit = 1024};
    ck_assert_int_eq(pk_arena_init(&one, &opts), PK_OK);
    char *kept = pk_arena_strdup(&one, "kept");
    pk_stats before = arena_figures(&one);
    errno = 0;
    ck_assert_ptr_null(pk_arena_printf(&one, "%2000d", 1));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    char *long_one = filled(3000);
    ck_assert_ptr_null(pk_arena_strndup(&one, long_one, 2000));
    ck_assert_int_eq(errno, ENOMEM);
    free(long_one);
    pk_stats after = arena_figures(&one);
    ck_assert(arena_same_figures(&before, &after));
    ck_assert_str_eq(pk_arena_printf(&one, "%s too", kept), "kept too");
    pk_arena_fini(&one);
    test_source_is_even(&s);
}
END_TEST

START_TEST(text_in_a_locked_arena)
{
    pk_arena one;
    ck_assert_int_eq(pk_arena_init(&one, &(pk_arena_opts){.locked = true}), PK_OK);
    char *text[300];
    for (int i = 0; i < 300; i++) text[i] = pk_arena_printf(&one, "%0*d", i + 1, i);
    for (int i = 0; i < 300; i++) {
        EXPECT_AT(strlen(text[i]) == (size_t)i + 1, i, 0);
        EXPECT_AT(atoi(text[i]) == i, i, 0);
    }
    pk_arena_fini(&one);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("arena_text");
    TCase *tcase = tcase_create("text");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    ADD_CASE(suite, tcase, 10, copies, copies_of_at_most, printf_at_the_end_of_a_chunk,
             printf_takes_just_its_size, printf_of_huge_strings, printf_without_memory,
             text_in_a_locked_arena);
    return suite;
}

TEST_MAIN(make_suite)
