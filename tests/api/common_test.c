/* SPDX-License-Identifier: MIT
 * common_test.c: status texts and the version. */
#include "runner.h"

#include <ctype.h>
#include <poolkit/poolkit.h>
#include <string.h>

START_TEST(status_texts_are_there_and_differ)
{
    for (int a = PK_ESYS; a <= PK_OK; a++) {
        const char *text = pk_status_text((pk_status)a);
        ck_assert_ptr_nonnull(text);
        ck_assert_uint_gt(strlen(text), 1);
        for (int b = PK_ESYS; b < a; b++) ck_assert_str_ne(text, pk_status_text((pk_status)b));
    }
    ck_assert_str_eq(pk_status_text(PK_ENOMEM), "out of memory");
}
END_TEST

START_TEST(status_text_of_unknown_codes_is_no_null)
{
    static volatile const int unknown[] = {1, -7, 1000, -1000};
    for (int i = 0; i < 4; i++) {
        const char *text = pk_status_text((pk_status)unknown[i]);
        ck_assert_ptr_nonnull(text);
        ck_assert_uint_gt(strlen(text), 0);
    }
}
END_TEST

START_TEST(version_is_three_numbers)
{
    const char *at = pk_version();
    ck_assert_ptr_nonnull(at);
    for (int part = 0; part < 3; part++) {
        ck_assert(isdigit((unsigned char)*at));
        while (isdigit((unsigned char)*at)) at++;
        ck_assert_int_eq(*at, part < 2 ? '.' : '\0');
        at++;
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("common");
    ADD_CASE(suite, tcase_create("common"), 5, status_texts_are_there_and_differ,
             status_text_of_unknown_codes_is_no_null, version_is_three_numbers);
    return suite;
}

TEST_MAIN(make_suite)
