/* SPDX-License-Identifier: MIT
 * opts_test.c: src/base/opts.h with callers older than, as old as and newer than the library. */
#include "base/opts.h"
#include "expect.h"
#include "runner.h"

#include <string.h>

/* What callers were compiled with, oldest first; the library knows v2. */
typedef struct {
    uint32_t size;
    uint32_t first;
} v1;

typedef struct {
    uint32_t size;
    uint32_t first;
    const char *name;
} v2;

typedef struct {
    uint32_t size;
    uint32_t first;
    const char *name;
    size_t limit;
} v3;

/* The struct filled in, with guards that show a byte too much written. */
typedef struct {
    uint64_t before;
    v2 it;
    uint64_t behind;
} guarded;

static const guarded untouched = {0x5A5A5A5A5A5A5A5A, {77, 78, "old"}, 0xA5A5A5A5A5A5A5A5};

static v2 taken(const void *from)
{
    guarded to = untouched;
    EXPECT(pki_take_options(&to.it, sizeof to.it, from));
    EXPECT(to.before == untouched.before && to.behind == untouched.behind);
    return to.it;
}

static bool refused(const void *from)
{
    guarded to = untouched;
    return !pki_take_options(&to.it, sizeof to.it, from) && memcmp(&to, &untouched, sizeof to) == 0;
}

START_TEST(none_is_all_zero)
{
    v2 it = taken(NULL);
    ck_assert(it.size == 0 && it.first == 0 && it.name == NULL);
}
END_TEST

START_TEST(the_same_version_with_and_without_size)
{
    v2 it = taken(&(v2){0, 5, "five"});
    ck_assert(it.first == 5);
    ck_assert_str_eq(it.name, "five");
    it = taken(&(v2){sizeof(v2), 6, "six"});
    ck_assert(it.first == 6);
    ck_assert_str_eq(it.name, "six");
}
END_TEST

/* What lies behind the older struct is not read: it is no option. */
START_TEST(an_older_caller)
{
    struct {
        v1 old;
        const char *not_an_option;
    } from = {{sizeof(v1), 7}, "not an option"};
    v2 it = taken(&from);
    ck_assert(it.first == 7 && it.name == NULL);
    from.old.size = sizeof(uint32_t);
    it = taken(&from);
    ck_assert(it.size == sizeof(uint32_t) && it.first == 0 && it.name == NULL);
}
END_TEST

START_TEST(a_newer_caller_is_refused)
{
    ck_assert(refused(&(v3){sizeof(v3), 8, "eight", 0}));
    ck_assert(refused(&(v2){sizeof(v2) + 1, 8, "eight"}));
    ck_assert(refused(&(v2){UINT32_MAX, 8, "eight"}));
}
END_TEST

START_TEST(a_size_that_cannot_count_itself_is_refused)
{
    for (uint32_t size = 1; size < sizeof size; size++) {
        EXPECT_AT(refused(&(v2){size, 9, "nine"}), size, 0);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("opts");
    ADD_CASE(suite, tcase_create("opts"), 10, none_is_all_zero,
             the_same_version_with_and_without_size, an_older_caller, a_newer_caller_is_refused,
             a_size_that_cannot_count_itself_is_refused);
    return suite;
}

TEST_MAIN(make_suite)
