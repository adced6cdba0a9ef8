/* SPDX-License-Identifier: MIT
 * contents_test.c: chunks under good checksums whose content no writer makes: each limit of
 * docs/trace-format.md is looked at, and what a small file can make a reader allocate is bounded. */
#include "runner.h"
#include "trace_fixture.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "trace/chunks.h"

static struct pki_sink sink;

static void chunk(enum trace_kind kind, const void *content, size_t n)
{
    struct pki_bytes b = {0};
    EXPECT(pki_bytes_add(&b, content, n) && pki_sink_put(&sink, kind, &b, test_why));
    pki_bytes_drop(&b);
}

static void begin(void)
{
    int fd = open(test_path, O_WRONLY | O_TRUNC);
    EXPECT(fd >= 0 && pki_sink_open(&sink, fd, test_why) && pki_sink_head(&sink, test_why));
}

static void finish(void)
{
    close(sink.fd);
    pki_sink_close(&sink);
}

/* What the reader says about the file; "" if it reads it to its end. */
static const char *verdict(void)
{
    finish();
    memset(test_why, 0, sizeof test_why);
    struct trace *t = trace_open(test_path, test_why);
    int n = t ? 1 : -1;
    while (n > 0) n = trace_read(t, test_events(), test_why);
    EXPECT((n < 0) == (test_why[0] != 0));
    trace_end(t);
    return test_why;
}

#define INFO "\0\0\0\0\0\0\0\0\0"
#define CHUNK(kind, text) chunk(kind, "" text, sizeof text - 1)

/* The verdict on a file that holds one chunk more than it must; `end` as in the page. */
#define SAYS(kind, text, end, sentence)                                                            \
    do {                                                                                           \
        begin();                                                                                   \
        CHUNK(TRACE_INFO, INFO "\0");                                                              \
        CHUNK(kind, text);                                                                         \
        CHUNK(TRACE_LAST, end);                                                                    \
        const char *said = verdict();                                                              \
        ck_assert_msg((sentence)[0] ? strstr(said, sentence) != NULL : said[0] == 0,               \
                      "said \"%s\" instead of \"%s\"", said, sentence);                            \
    } while (0)

#define NONE "\0\0\0\0"
#define COLUMNS_2 "\2\0\0\0\0\0\0\0\0\2\0\0"    /* lengths: two ops, two births */
#define COLUMNS_GO "\1\0\0\0\0\0\0\0\0\0\1\0"   /* one op, a distance */
#define COLUMNS_COME "\1\0\0\0\0\0\0\0\1\0\0\0" /* one op, a distance */
#define COLUMNS_LIST "\3\0\0\0\0\0\0\0\1\0\1\1" /* three ops, two distances, a depth */

START_TEST(test_tables)
{
    SAYS(TRACE_STACKS, "\1\0\1\20", "\0\0\1\0", "");
    SAYS(TRACE_STACKS, "\0\0\1\20", "\0\0\1\0", "impossible stack"); /* number 0 */
    SAYS(TRACE_STACKS, "\1\1\1\20", "\0\0\1\0", "impossible stack"); /* shares with none */
    SAYS(TRACE_STACKS, "\1\0\1\20\2\2\0", "\0\0\2\0", "impossible stack");
    SAYS(TRACE_STACKS, "\1\0\201\10", "\0\0\1\0", "impossible stack"); /* 1025 frames */
    SAYS(TRACE_STACKS, "\201\200\4\0\0", "\0\0\201\200\4\0", "");      /* 65,537 */
    SAYS(TRACE_STACKS, "\202\200\4\0\0", "\0\0\202\200\4\0", "impossible stack");
    SAYS(TRACE_STACKS, "\1\0\2\20", "\0\0\1\0", "ends in the middle");
    SAYS(TRACE_STACKS, "\1\0\1\200\0", "\0\0\1\0", "ends in the middle"); /* not the shortest */
    SAYS(TRACE_STACKS, "\1\0\1\377\377\377\377\377\377\377\377\377\2", "\0\0\1\0", "in the middle");
    SAYS(TRACE_STACKS, "\1\0\1\377\377\377\377\377\377\377\377\377\1", "\0\0\1\0", "");
    SAYS(TRACE_MODULES, "\0\0\0/a\0b", NONE, "ends in the middle");
    SAYS(TRACE_THREADS,
         "\0"
         "123456789012345\0",
         "\0\0\0\1", "");
    SAYS(TRACE_THREADS,
         "\0"
         "1234567890123456\0",
         "\0\0\0\1", "impossible thread");
    SAYS(TRACE_SYMBOLS, "\1\101", NONE, "impossible symbol"); /* 65 functions */
    SAYS(TRACE_SYMBOLS, "\1\1a\0b\0\377\377\377\377\17", NONE, "");
    SAYS(TRACE_SYMBOLS, "\1\1a\0b\0\200\200\200\200\20", NONE, "impossible symbol");
    SAYS(TRACE_GAPS, "\0\0\1\0\0\377\377\377\377\377\377\377\377\377\1", NONE, "impossible gap");
    SAYS(TRACE_SAMPLES, "", NONE, "is empty");
    SAYS(TRACE_INFO, INFO "\0", NONE, "stands where it should not");
}
END_TEST

START_TEST(test_totals)
{
    SAYS(TRACE_GAPS, "\0\0\0", "\0\0\201\200\4\0", "");
    SAYS(TRACE_GAPS, "\0\0\0", "\0\0\202\200\4\0", "impossible totals"); /* stack 65,538 */
    SAYS(TRACE_GAPS, "\0\0\0", "\0\0\0\200\200\4", "");
    SAYS(TRACE_GAPS, "\0\0\0", "\0\0\0\201\200\4", "impossible totals"); /* 65,537 threads */
    SAYS(TRACE_GAPS, "\0\0\0", "\0\377\377\377\377\377\377\377\377\3\0\0", "impossible totals");
    SAYS(TRACE_GAPS, "\0\0\0", "\1\0\0\0", "holds 0 events and says that it holds 1");
    SAYS(TRACE_GAPS, "\0\0\0", "\0\0\0\0\0", "holds more than it should");
    SAYS(TRACE_GAPS, "\0\0\0", "\0\0\0", "ends in the middle");
    SAYS(TRACE_LAST, "\0\0\0\0", NONE, "others follow");
    begin();
    CHUNK(TRACE_INFO, INFO "\2");
    ck_assert_ptr_nonnull(strstr(verdict(), "neither"));
    begin();
    CHUNK(TRACE_GAPS, "\0\0\0");
    ck_assert_ptr_nonnull(strstr(verdict(), "stands where it should not"));
}
END_TEST

START_TEST(test_columns)
{
#define ONE "\1\0\0\1" /* totals: one event, one thread */
    SAYS(TRACE_EVENTS, "\1\0" COLUMNS_GO "\20\4", ONE, "");
    SAYS(TRACE_EVENTS, "\0\0" COLUMNS_GO "\20\4", ONE, "no columns of events");
    SAYS(TRACE_EVENTS, "\201\200\10\0" COLUMNS_GO "\20\4", ONE,
         "no columns of events"); /* 131,073 */
    SAYS(TRACE_EVENTS, "\1\0" COLUMNS_GO "\20\4\0", ONE, "no columns of events");
    SAYS(TRACE_EVENTS, "\1\0" COLUMNS_GO "\20", ONE, "no columns of events");
    SAYS(TRACE_EVENTS, "\1\0" COLUMNS_GO "\11\4", ONE, "impossible event"); /* op 9 */
    SAYS(TRACE_EVENTS, "\1\0" COLUMNS_GO "\26\4", ONE, "impossible event"); /* op 22 */
    SAYS(TRACE_EVENTS, "\1\0" COLUMNS_GO "\60\4", ONE, "impossible event"); /* a birth; none came */
    SAYS(TRACE_EVENTS, "\1\0" COLUMNS_GO "\0\4", ONE, "too short or too long");
    SAYS(TRACE_EVENTS, "\1\0" COLUMNS_COME "\0\4", ONE, "");
    SAYS(TRACE_EVENTS, "\1\0\1\1\0\0\0\0\0\0\0\0\1\0\20\1\4", ONE, "does not have"); /* thread 1 */
    SAYS(TRACE_EVENTS, "\1\0\1\3\0\0\0\0\0\0\0\0\1\0\20\200\200\4\4", ONE, "impossible event");
    SAYS(TRACE_EVENTS, "\1\0\1\0\0\0\1\0\0\0\0\0\1\0\20\2\4", ONE, "does not have"); /* stack 1 */
    SAYS(TRACE_EVENTS, "\1\0\1\0\0\0\1\0\0\0\0\0\1\0\20\1\4", ONE, "impossible event"); /* -1 */
    SAYS(TRACE_EVENTS, "\1\0\1\0\0\0\0\0\0\1\0\0\1\0\20\77\4", ONE, "");
    SAYS(TRACE_EVENTS, "\1\0\1\0\0\0\0\0\0\1\0\0\1\0\20\100\4", ONE, "impossible event"); /* 64 */
    SAYS(TRACE_EVENTS, "\1\0\1\0\1\0\0\0\0\0\0\0\1\0\20\0\4", ONE, "");
    SAYS(TRACE_EVENTS, "\1\377\377\377\377\377\377\377\377\377\1" COLUMNS_GO "\20\4", ONE,
         "impossible time");
    SAYS(TRACE_EVENTS, "\1\377\377\377\377\377\377\377\377\377\1\1\0\1\0\0\0\0\0\0\0\1\0\20\1\4",
         ONE, "impossible time"); /* would wrap */
    SAYS(TRACE_EVENTS, "\1\0\1\0\0\0\0\0\0\0\0\5\0\0\60\376\377\377\377\17", ONE,
         "impossible event");
    /* free of birth 0, guessed; then the same again, which is gone */
    SAYS(TRACE_EVENTS, "\3\0\3\0\0\0\0\0\0\0\0\2\0\0\40\60\60\0\0", "\3\0\0\1", "impossible event");
    SAYS(TRACE_EVENTS, "\2\0" COLUMNS_2 "\40\60\0\0", "\2\0\0\1", "too short or too long");
}
END_TEST

/* malloc; free of an address that is no birth puts nothing into a list; free of birth 0 does, and
 * the next malloc may name it as the first in its list, but not as the second. */
START_TEST(test_listed)
{
#define TWO "\3\0\0\1"
    SAYS(TRACE_EVENTS, "\3\0\3\0\0\0\0\0\0\0\0\1\0\1\40\60\100\0\0", TWO, "");
    SAYS(TRACE_EVENTS, "\3\0\3\0\0\0\0\0\0\0\0\1\0\1\40\60\100\0\1", TWO, "impossible event");
    SAYS(TRACE_EVENTS, "\3\0\3\0\0\0\0\0\0\0\0\1\0\1\40\60\100\0\40", TWO, "impossible event");
    SAYS(TRACE_EVENTS, "\3\0\3\0\0\0\0\0\0\0\0\1\0\1\40\60\140\0\0", TWO, "impossible event");
    SAYS(TRACE_EVENTS, "\2\0\2\0\0\0\0\0\0\0\0\1\0\1\40\160\0\0", "\2\0\0\1", "impossible event");
    SAYS(TRACE_EVENTS, "\3\0" COLUMNS_LIST "\0\20\100\4\4\0", TWO, "impossible event");
}
END_TEST

/* Frames that are shared take no bytes in the file, but in memory. */
START_TEST(test_frames_are_bounded)
{
    if (!memory_is_measurable()) return; /* half a GiB */
    struct rlimit most = {UINT64_C(1) << 30, UINT64_C(1) << 30};
    struct pki_bytes b = {0};
    EXPECT(pki_bytes_number(&b, 1) && pki_bytes_number(&b, 0) && pki_bytes_number(&b, 1024));
    for (int i = 0; i < 1024; i++) EXPECT(pki_bytes_number(&b, 0));
    for (uint64_t i = 2; i < 70000; i++) {
        EXPECT(pki_bytes_number(&b, i) && pki_bytes_number(&b, 1024) && pki_bytes_number(&b, 0));
    }
    EXPECT(setrlimit(RLIMIT_AS, &most) == 0);
    begin();
    CHUNK(TRACE_INFO, INFO "\0");
    chunk(TRACE_STACKS, b.at, b.n);
    ck_assert_uint_lt(sink.at, 1 << 20);
    ck_assert_ptr_nonnull(strstr(verdict(), "beyond the most frames"));
    pki_bytes_drop(&b);
}
END_TEST

/* 60 MiB of nothing in a few KB; three of them are more than a file may hold. */
START_TEST(test_names_are_bounded)
{
    if (!memory_is_measurable()) return;
    struct rlimit most = {UINT64_C(3) << 29, UINT64_C(3) << 29};
    size_t n = (size_t)60 << 20;
    char *text = malloc(n);
    EXPECT(text && setrlimit(RLIMIT_AS, &most) == 0);
    memset(text, 'a', n);
    memset(text, 0, 3);
    text[n - 1] = text[n - 2] = 0;
    begin();
    CHUNK(TRACE_INFO, INFO "\0");
    for (int i = 0; i < 3; i++) chunk(TRACE_MODULES, text, n);
    free(text);
    ck_assert_ptr_nonnull(strstr(verdict(), "beyond the most that names and stacks may take"));
}
END_TEST

/* A program with more stacks than fit: the writer leaves them out, and the file can be read. */
START_TEST(test_writer_stays_within)
{
    if (!memory_is_measurable()) return; /* half a GiB */
    static uint64_t frames[1024];
    struct trace_writer *w = test_create();
    for (uint32_t i = 1; i <= 150000; i++) {
        frames[0] = i;
        struct trace_event e = {.stack = i, .address = 16 * i};
        EXPECT_AT(trace_put_stack(w, i, frames, 1024) && trace_put(w, &e), i, 0);
    }
    test_close(w);
    struct trace *t = test_open();
    const uint64_t *kept;
    ck_assert_uint_eq(trace_events(t), 150000);
    ck_assert_uint_eq(trace_stack(t, 65536, &kept), 1024);
    ck_assert_uint_eq(trace_stack(t, 65537, &kept), 0);
    int n, last = 0;
    while ((n = trace_read(t, test_events(), test_why)) > 0) last = n;
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(test_events()[last - 1].stack, 0); /* 150,000 is out of reach */
    trace_end(t);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("trace contents");
    TCase *c = tcase_create("contents");
    tcase_add_checked_fixture(c, test_path_make, test_path_remove);
    ADD_CASE(s, c, 60, test_tables, test_totals, test_columns, test_listed, test_frames_are_bounded,
             test_names_are_bounded, test_writer_stays_within);
    return s;
}

TEST_MAIN(suite)
