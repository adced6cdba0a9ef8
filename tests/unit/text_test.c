/* SPDX-License-Identifier: MIT
 * text_test.c: src/base/text.h against snprintf, and that it never writes beyond its buffer. */
#include "base/text.h"
#include "expect.h"
#include "rng.h"
#include "runner.h"

#include <string.h>

enum { ROOM = 96 };

static void number_is_right(uint64_t n)
{
    char ours[ROOM], theirs[ROOM];
    pki_text text = pki_text_begin(ours, sizeof ours);
    pki_text_number(&text, n);
    snprintf(theirs, sizeof theirs, "%" PRIu64, n);
    EXPECT_AT(strcmp(ours, theirs) == 0, n, text.at - ours);
    EXPECT_AT(text.at == ours + strlen(theirs), n, text.at - ours);
}

static void address_is_right(uint64_t n)
{
    char ours[ROOM], theirs[ROOM];
    pki_text text = pki_text_begin(ours, sizeof ours);
    pki_text_address(&text, (const void *)(uintptr_t)n);
    snprintf(theirs, sizeof theirs, "0x%" PRIx64, n);
    EXPECT_AT(strcmp(ours, theirs) == 0, n, 0);
}

START_TEST(numbers_and_addresses)
{
    rng r = rng_make(1);
    for (uint64_t n = 0; n < 2000; n++) {
        number_is_right(n);
        address_is_right(n);
    }
    for (uint64_t power = 10; power < UINT64_MAX / 10; power *= 10) {
        number_is_right(power - 1);
        number_is_right(power);
    }
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t n = rng_next(&r) >> rng_below(&r, 64);
        number_is_right(n);
        address_is_right(n);
    }
    number_is_right(UINT64_MAX);
    address_is_right(UINT64_MAX);
}
END_TEST

START_TEST(begins_empty)
{
    char buffer[8] = "xxxxxxx";
    pki_text text = pki_text_begin(buffer, sizeof buffer);
    ck_assert_str_eq(buffer, "");
    pki_text_string(&text, "");
    ck_assert_str_eq(buffer, "");
    ck_assert_ptr_eq(text.at, buffer);
}
END_TEST

/* In a buffer of each size: as much as fits, a NUL, and not one byte beyond. */
START_TEST(cut_at_every_size)
{
    static const char whole[] = "poolkit: heap: 18446744073709551615 at 0x7f00deadbeef, end";
    for (size_t size = 1; size < sizeof whole + 8; size++) {
        char buffer[ROOM];
        memset(buffer, '#', sizeof buffer);
        pki_text text = pki_text_begin(buffer, size);
        pki_text_string(&text, "poolkit: heap: ");
        pki_text_number(&text, UINT64_MAX);
        pki_text_string(&text, " at ");
        pki_text_address(&text, (const void *)(uintptr_t)0x7f00deadbeef);
        pki_text_string(&text, ", end");
        size_t kept = size - 1 < sizeof whole - 1 ? size - 1 : sizeof whole - 1;
        EXPECT_AT(strlen(buffer) == kept, size, strlen(buffer));
        EXPECT_AT(memcmp(buffer, whole, kept) == 0, size, kept);
        for (size_t i = size; i < sizeof buffer; i++) EXPECT_AT(buffer[i] == '#', size, i);
    }
}
END_TEST

static const char *size_text(uint64_t n)
{
    static char buffer[ROOM];
    pki_text text = pki_text_begin(buffer, sizeof buffer);
    pki_text_size(&text, n);
    return buffer;
}

START_TEST(sizes_for_people)
{
    ck_assert_str_eq(size_text(0), "0 B");
    ck_assert_str_eq(size_text(1023), "1023 B");
    ck_assert_str_eq(size_text(1024), "1.0 KiB");
    ck_assert_str_eq(size_text(1075), "1.0 KiB");
    ck_assert_str_eq(size_text(1076), "1.1 KiB");
    ck_assert_str_eq(size_text(1048524), "1023.9 KiB");
    ck_assert_str_eq(size_text(1048525), "1.0 MiB"); /* never 1024.0 KiB */
    ck_assert_str_eq(size_text((uint64_t)5 << 29), "2.5 GiB");
    ck_assert_str_eq(size_text((uint64_t)1 << 40), "1.0 TiB");
    ck_assert_str_eq(size_text((uint64_t)1 << 50), "1.0 PiB");
    ck_assert_str_eq(size_text((uint64_t)3 << 59), "1.5 EiB");
    ck_assert_str_eq(size_text(UINT64_MAX), "16.0 EiB");
}
END_TEST

static const char *percent_text(uint64_t part, uint64_t whole)
{
    static char buffer[ROOM];
    pki_text text = pki_text_begin(buffer, sizeof buffer);
    pki_text_percent(&text, part, whole);
    return buffer;
}

START_TEST(percentages)
{
    ck_assert_str_eq(percent_text(0, 0), "-");
    ck_assert_str_eq(percent_text(5, 0), "-");
    ck_assert_str_eq(percent_text(0, 7), "0.0 %");
    ck_assert_str_eq(percent_text(7, 7), "100.0 %");
    ck_assert_str_eq(percent_text(1, 3), "33.3 %");
    ck_assert_str_eq(percent_text(2, 3), "66.7 %");
    ck_assert_str_eq(percent_text(1, 2000), "0.1 %");
    ck_assert_str_eq(percent_text(1, 2001), "0.0 %");
    ck_assert_str_eq(percent_text(300, 100), "300.0 %");
    ck_assert_str_eq(percent_text(UINT64_MAX, UINT64_MAX), "100.0 %");
    ck_assert_str_eq(percent_text(UINT64_MAX / 2, UINT64_MAX), "50.0 %");
    ck_assert_str_eq(percent_text(UINT64_MAX, 1),
                     "1844674407370955161.5 %"); /* the most there is */
}
END_TEST

START_TEST(spaces)
{
    char buffer[8];
    pki_text text = pki_text_begin(buffer, sizeof buffer);
    pki_text_spaces(&text, 0);
    ck_assert_str_eq(buffer, "");
    pki_text_spaces(&text, 3);
    ck_assert_str_eq(buffer, "   ");
    pki_text_spaces(&text, 100);
    ck_assert_str_eq(buffer, "       ");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("text");
    ADD_CASE(suite, tcase_create("text"), 10, numbers_and_addresses, begins_empty,
             cut_at_every_size, sizes_for_people, percentages, spaces);
    return suite;
}

TEST_MAIN(make_suite)
