/* SPDX-License-Identifier: MIT
 * stats_test.c: a pool's figures as JSON and as a table, byte by byte, and writers that give up. */
#include "expect.h"
#include "heap_fixture.h"
#include "runner.h"

#include <poolkit/stats.h>
#include <string.h>

typedef bool print_fn(const pk_stats *stats, pk_write_fn *write, void *arg);

/* Keeps what it is given; the fail_at-th call, from 1, says no. */
typedef struct {
    char text[8192];
    size_t used, calls, fail_at;
} page;

static bool keep(void *arg, const char *text, size_t n)
{
    page *to = arg;
    EXPECT_AT(to->fail_at == 0 || to->calls < to->fail_at, to->calls, to->fail_at);
    EXPECT_AT(n > 0 && n < sizeof to->text - to->used, n, to->used);
    if (++to->calls == to->fail_at) return false;
    memcpy(to->text + to->used, text, n);
    to->used += n;
    to->text[to->used] = '\0';
    return true;
}

static const char *printed(print_fn *print, const pk_stats *stats)
{
    static page to;
    to = (page){.used = 0};
    EXPECT(print(stats, keep, &to));
    return to.text;
}

static const pk_stats sample = {.size = sizeof sample,
                                .name = "session",
                                .live = 1234567,
                                .free_in_chunks = 65536,
                                .untouched = 2890000,
                                .overhead = 4201,
                                .committed = 4194304,
                                .committed_peak = 8388608,
                                .limit = 67108864,
                                .pinned_by_live = 1023,
                                .n_live = 987,
                                .n_chunks = 1,
                                .n_owners = 2};

/* -- JSON -- */

#define NO_FIGURES                                                                                 \
    ",\"live\":0,\"free_in_chunks\":0,\"untouched\":0,\"overhead\":0,\"committed\":0,"             \
    "\"committed_peak\":0,\"limit\":0,\"pinned_by_live\":0,\"n_live\":0,\"n_chunks\":0,"           \
    "\"n_owners\":0}"

START_TEST(json_has_every_member)
{
    ck_assert_str_eq(printed(pk_stats_json, &sample),
                     "{\"name\":\"session\",\"live\":1234567,\"free_in_chunks\":65536,"
                     "\"untouched\":2890000,\"overhead\":4201,\"committed\":4194304,"
                     "\"committed_peak\":8388608,\"limit\":67108864,\"pinned_by_live\":1023,"
                     "\"n_live\":987,\"n_chunks\":1,\"n_owners\":2}");
    pk_stats most = {.name = "", .live = UINT64_MAX};
    ck_assert_ptr_nonnull(strstr(printed(pk_stats_json, &most), ":18446744073709551615,"));
    ck_assert_str_eq(printed(pk_stats_json, &(pk_stats){.name = NULL}),
                     "{\"name\":null" NO_FIGURES);
}
END_TEST

static void json_name_is(const char *name, const char *string)
{
    char expected[1024];
    pk_stats s = {.name = name};
    snprintf(expected, sizeof expected, "{\"name\":\"%s\"%s", string, NO_FIGURES);
    const char *got = printed(pk_stats_json, &s);
    if (strcmp(got, expected) != 0) fprintf(stderr, "%s\n%s\n", got, expected);
    EXPECT(strcmp(got, expected) == 0);
}

START_TEST(json_escapes_names)
{
    json_name_is("", "");
    json_name_is("a\"b\\c/d", "a\\\"b\\\\c/d");
    json_name_is("\x01\x08\t\n\r\x1f ~\x7f", "\\u0001\\u0008\\u0009\\u000a\\u000d\\u001f ~\x7f");
    json_name_is("h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF",
                 "h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF");
    json_name_is("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80", "\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80");
}
END_TEST

/* Names are cut at a byte: what is left of a character, and everything else that is none. */
START_TEST(json_replaces_what_is_not_utf8)
{
    static const char *const bad[] = {"\x80",
                                      "\xFF",
                                      "\xC0",
                                      "\xC3",
                                      "\xE2",
                                      "\xF0",
                                      "\xF5",
                                      "\xC3(",
                                      "\xE2\x82",
                                      "\xF0\x9F\x98",
                                      "\xED\xA0\x80",
                                      "\xE0\x9F\xBF",
                                      "\xC1\xBF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char expected[64] = "";
        for (const char *s = bad[i]; *s; s++) strcat(expected, *s == '(' ? "(" : "\\ufffd");
        strcat(expected, "z");
        char name[16];
        snprintf(name, sizeof name, "%sz", bad[i]);
        json_name_is(name, expected);
    }
    json_name_is("\xE2\x82", "\\ufffd\\ufffd");
}
END_TEST

/* -- the table -- */

START_TEST(the_table)
{
    ck_assert_str_eq(printed(pk_stats_text, &sample),
                     "session\n"
                     "  live                 1.2 MiB    29.4 %  987 blocks\n"
                     "  free in chunks      64.0 KiB     1.6 %\n"
                     "  untouched            2.8 MiB    68.9 %\n"
                     "  overhead             4.1 KiB     0.1 %\n"
                     "  committed            4.0 MiB   100.0 %  1 chunk, 2 owners\n"
                     "  most committed       8.0 MiB   200.0 %\n"
                     "  pinned by live        1023 B     0.0 %\n"
                     "  limit               64.0 MiB  1600.0 %\n");
    ck_assert_str_eq(printed(pk_stats_text, &(pk_stats){.name = "a\nb\x7f\xC3\xA9", .n_live = 1}),
                     "a?b?\xC3\xA9\n"
                     "  live                     0 B         -  1 block\n"
                     "  free in chunks           0 B         -\n"
                     "  untouched                0 B         -\n"
                     "  overhead                 0 B         -\n"
                     "  committed                0 B         -  0 chunks, 0 owners\n"
                     "  most committed           0 B         -\n"
                     "  pinned by live           0 B         -\n"
                     "  limit                   none\n");
    ck_assert(strncmp(printed(pk_stats_text, &(pk_stats){.name = NULL}), "?\n", 2) == 0);
}
END_TEST

START_TEST(of_a_heap)
{
    void *p = pk_heap_alloc(heap, 10000);
    pk_stats s = heap_figures(heap);
    ck_assert_ptr_nonnull(strstr(printed(pk_stats_text, &s), "1 block\n"));
    ck_assert_ptr_nonnull(strstr(printed(pk_stats_json, &s), "\"name\":\"heap\""));
    pk_heap_free(p);
}
END_TEST

/* -- writers -- */

/* A long name makes several pieces; the k-th is refused: the answer is false, and no call follows. */
START_TEST(a_writer_that_gives_up)
{
    static print_fn *const both[] = {pk_stats_json, pk_stats_text};
    static page whole, part;
    char name[2000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    pk_stats s = {.name = name};
    for (int i = 0; i < 2; i++) {
        whole = (page){.used = 0};
        EXPECT(both[i](&s, keep, &whole));
        EXPECT_AT(whole.calls > 3 && strstr(whole.text, name), whole.calls, i);
        for (size_t k = 1; k <= whole.calls; k++) {
            part = (page){.fail_at = k};
            EXPECT_AT(!both[i](&s, keep, &part), k, i);
            EXPECT_AT(part.calls == k, part.calls, k);
            EXPECT_AT(memcmp(part.text, whole.text, part.used) == 0, part.used, k);
        }
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("stats");
    ADD_CASE(suite, heap_case("stats"), 10, json_has_every_member, json_escapes_names,
             json_replaces_what_is_not_utf8, the_table, of_a_heap, a_writer_that_gives_up);
    return suite;
}

TEST_MAIN(make_suite)
