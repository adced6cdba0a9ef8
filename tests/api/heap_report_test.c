/* SPDX-License-Identifier: MIT
 * heap_report_test.c: stats, walk, trim, check and audit tell the truth. */
#include "build.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "rng.h"
#include "rss.h"
#include "runner.h"

#include <poolkit/heap.h>

#define N_LIVE ((size_t)3000)

static struct {
    void *p;
    size_t n;
} live[N_LIVE];

static size_t a_size(rng *r)
{
    return rng_below(r, 50) ? rng_size(r, 4 * KIB) : rng_size(r, 3 * MIB);
}

static void put(rng *r, size_t i)
{
    live[i].n = a_size(r);
    live[i].p = pk_heap_alloc(heap, live[i].n);
    EXPECT_AT(live[i].p != NULL, live[i].n, i);
    pattern_fill(live[i].p, live[i].n, i);
}

static void drop(size_t i)
{
    EXPECT_AT(pattern_holds(live[i].p, live[i].n, live[i].n, i), live[i].n, i);
    pk_heap_free(live[i].p);
    live[i].p = NULL;
}

/* The figures against what the test itself holds. */
static void figures_agree(void)
{
    size_t count = 0, bytes = 0;
    for (size_t i = 0; i < N_LIVE; i++) {
        if (!live[i].p) continue;
        count++;
        bytes += pk_heap_usable(live[i].p);
    }
    pk_stats s = heap_figures(heap);
    EXPECT_AT(s.n_live == count, s.n_live, count);
    EXPECT_AT(s.live == bytes, s.live, bytes);
    EXPECT_AT(s.n_chunks > 0 || count == 0, s.n_chunks, count);
}

START_TEST(stats_agree_at_every_step)
{
    rng r = rng_make(rng_run_seed());
    size_t steps = scaled(2000);
    for (size_t step = 0; step < steps; step++) {
        size_t i = rng_below(&r, N_LIVE / 10);
        if (!live[i].p) {
            put(&r, i);
        } else if (rng_below(&r, 2)) {
            drop(i);
        } else {
            size_t n = a_size(&r), kept = n < live[i].n ? n : live[i].n;
            live[i].p = pk_heap_realloc(heap, live[i].p, n);
            EXPECT(live[i].p && pattern_holds(live[i].p, live[i].n, kept, i));
            live[i].n = n;
            pattern_fill(live[i].p, n, i);
        }
        if (step % 100 == 99) pk_heap_trim(heap, step % 200 == 99 ? 0 : MIB);
        figures_agree();
        EXPECT(pk_heap_check(heap));
    }
    for (size_t i = 0; i < N_LIVE; i++) {
        if (live[i].p) drop(i);
    }
    figures_agree();
}
END_TEST

START_TEST(stats_of_an_empty_heap_after_everything_was_freed)
{
    rng r = rng_make(rng_run_seed());
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < N_LIVE; i++) put(&r, i);
        figures_agree();
        uint64_t most = heap_figures(heap).committed;
        for (size_t i = 0; i < N_LIVE; i++) drop(i);
        pk_stats s = heap_figures(heap);
        ck_assert_uint_eq(s.live, 0);
        ck_assert_uint_eq(s.n_live, 0);
        ck_assert_uint_ge(s.committed_peak, most);
        heap_is_sound(heap);
    }
}
END_TEST

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;
    return x < y ? -1 : x > y;
}

typedef struct {
    void *seen[N_LIVE + 1];
    size_t n_seen, calls, stop_at, bytes;
} walk_record;

static bool record(void *arg, void *p, size_t n, bool is_live)
{
    walk_record *w = arg;
    w->calls++;
    EXPECT(p != NULL && n > 0);
    if (is_live) {
        EXPECT_AT(w->n_seen < N_LIVE, w->n_seen, 0);
        w->seen[w->n_seen++] = p;
        w->bytes += n;
    }
    return w->calls != w->stop_at;
}

static walk_record walked;

/* The set of live blocks that walk shows is the set that the test holds. */
static void walk_agrees(void)
{
    static void *mine[N_LIVE];
    size_t count = 0;
    walked.n_seen = walked.calls = walked.stop_at = walked.bytes = 0;
    ck_assert(pk_heap_walk(heap, record, &walked));
    for (size_t i = 0; i < N_LIVE; i++) {
        if (live[i].p) mine[count++] = live[i].p;
    }
    ck_assert_uint_eq(walked.n_seen, count);
    qsort(mine, count, sizeof *mine, by_address);
    qsort(walked.seen, count, sizeof *walked.seen, by_address);
    for (size_t i = 0; i < count; i++) EXPECT_AT(mine[i] == walked.seen[i], i, count);
    ck_assert_uint_eq(walked.bytes, heap_figures(heap).live);
}

START_TEST(walk_shows_exactly_the_live_blocks)
{
    rng r = rng_make(rng_run_seed());
    walk_agrees(); /* of an empty heap: none */
    for (size_t i = 0; i < N_LIVE; i++) put(&r, i);
    walk_agrees();
    for (size_t i = 0; i < N_LIVE; i += 1 + rng_below(&r, 3)) drop(i);
    walk_agrees();
    pk_heap_trim(heap, 0);
    walk_agrees();
    for (size_t i = 0; i < N_LIVE; i++) {
        if (live[i].p) drop(i);
    }
    walk_agrees();
}
END_TEST

START_TEST(walk_stops_when_told)
{
    rng r = rng_make(rng_run_seed());
    for (size_t i = 0; i < 50; i++) put(&r, i);
    for (size_t stop = 1; stop <= 50; stop++) {
        walked.n_seen = walked.calls = 0;
        walked.stop_at = stop;
        ck_assert(!pk_heap_walk(heap, record, &walked));
        ck_assert_uint_eq(walked.calls, stop);
    }
    for (size_t i = 0; i < 50; i++) drop(i);
}
END_TEST

/* 200 MB of 1,000-byte blocks, all freed: after trim at most a quarter of the peak is resident. */
START_TEST(trim_gives_memory_back)
{
    enum { N = 200000 };
    static void *p[N];
    for (size_t i = 0; i < N; i++) {
        p[i] = pk_heap_alloc(heap, 1000);
        EXPECT_AT(p[i] != NULL, i, 0);
        memset(p[i], 1, 1000);
    }
    for (size_t i = 0; i < N; i++) pk_heap_free(p[(i * 7919) % N]);
    pk_heap_trim(heap, SIZE_MAX);
    pk_heap_trim(heap, 64 * MIB);
    pk_heap_trim(heap, 0);
    if (memory_is_measurable()) EXPECT_AT(rss_now() < rss_peak() / 4, rss_now(), rss_peak());
    ck_assert_uint_eq(pk_heap_trim(heap, 0), 0);
    pk_stats s = heap_figures(heap);
    ck_assert_uint_eq(s.n_live, 0);
    heap_is_sound(heap);
}
END_TEST

START_TEST(trim_leaves_live_blocks_alone)
{
    rng r = rng_make(rng_run_seed());
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
    pk_heap_trim(heap, 0);
    for (size_t i = 0; i < N_LIVE; i++) put(&r, i);
    for (size_t keep = 0; keep <= 64 * MIB; keep = keep * 4 + 4096) {
        for (size_t i = rng_below(&r, 4); i < N_LIVE; i += 1 + rng_below(&r, 8)) {
            if (live[i].p) drop(i);
        }
        pk_heap_trim(heap, keep);
        figures_agree();
        heap_is_sound(heap);
        for (size_t i = 0; i < N_LIVE; i += 2) {
            if (!live[i].p) put(&r, i); /* memory that was given back is usable again */
        }
    }
    for (size_t i = 0; i < N_LIVE; i++) {
        if (live[i].p) drop(i);
    }
}
END_TEST

START_TEST(trim_then_zalloc_is_zero)
{
    for (int round = 0; round < 5; round++) {
        void *p[200];
        for (size_t i = 0; i < 200; i++) {
            p[i] = pk_heap_alloc(heap, 3000);
            EXPECT(p[i] != NULL);
            memset(p[i], 0xEE, 3000);
        }
        for (size_t i = 0; i < 200; i++) {
            if (i % 5 || round % 2) pk_heap_free(p[i]);
        }
        pk_heap_trim(heap, 0);
        for (size_t i = 0; i < 200; i++) {
            void *z = pk_heap_zalloc(heap, 3000);
            EXPECT_AT(z != NULL && pattern_zero(z, 3000, SIZE_MAX), i, round);
            memset(z, 0xDD, 3000);
        }
    }
}
END_TEST

START_TEST(audit_takes_any_buffer)
{
    char text[4] = "abc";
    void *p = pk_heap_alloc(heap, 10);
    ck_assert_uint_eq(pk_heap_audit(heap, NULL, 0), 0);
    ck_assert_uint_eq(pk_heap_audit(heap, NULL, 100), 0);
    ck_assert_uint_eq(pk_heap_audit(heap, text, 0), 0);
    ck_assert_str_eq(text, "abc");
    ck_assert_uint_eq(pk_heap_audit(heap, text, 1), 0);
    ck_assert(pk_heap_check(heap));
    pk_heap_free(p);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_report");
    ADD_CASE(suite, heap_case("stats"), 60, stats_agree_at_every_step,
             stats_of_an_empty_heap_after_everything_was_freed, audit_takes_any_buffer);
    ADD_CASE(suite, heap_case("walk"), 30, walk_shows_exactly_the_live_blocks,
             walk_stops_when_told);
    ADD_CASE(suite, heap_case("trim"), 60, trim_gives_memory_back, trim_leaves_live_blocks_alone,
             trim_then_zalloc_is_zero);
    return suite;
}

TEST_MAIN(make_suite)
