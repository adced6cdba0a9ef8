/* SPDX-License-Identifier: MIT
 * report_test.c: src/slab/report.c: figures and walks against what the test itself holds, also
 * while other threads allocate. */
#include "build.h"
#include "os/process.h"
#include "owner_fixture.h"
#include "rng.h"
#include "runner.h"

enum { SLOTS = 300, BUSY_MS = 500 };

static struct {
    char *p;
    size_t n; /* usable */
} held[SLOTS];

static size_t n_seen, n_free_seen;

static bool is_held(void *unused, void *p, size_t n, bool live)
{
    (void)unused;
    n_free_seen += !live;
    for (size_t i = 0; i < SLOTS && live; i++) {
        if (held[i].p != p) continue;
        EXPECT_AT(held[i].n == n, held[i].n, n);
        n_seen++;
        return true;
    }
    EXPECT_AT(!live, (uintptr_t)p, n);
    return true;
}

static void figures_are_right(void)
{
    size_t live = 0, n = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        live += held[i].p ? held[i].n : 0;
        n += held[i].p != NULL;
    }
    pk_stats s = heap_figures(heap);
    EXPECT_AT(s.n_live == n && s.live == live, s.n_live, n);
    n_seen = 0;
    EXPECT(pk_heap_walk(heap, is_held, NULL) && n_seen == n);
    s = heap_figures(heap); /* the walk emptied the stacks */
    EXPECT_AT(s.n_live == n && s.live == live, s.n_live, n);
}

static void random_step(rng *r)
{
    size_t i = rng_below(r, SLOTS);
    if (held[i].p) {
        pk_heap_free(held[i].p);
        held[i].p = NULL;
        return;
    }
    size_t n = rng_below(r, 200) ? rng_size(r, 100 * KIB) : rng_size(r, 5 * MIB);
    held[i].p = rng_below(r, 9) ? pk_heap_alloc(heap, n) : pk_heap_alloc_aligned(heap, n, 4096);
    held[i].n = pk_heap_usable(held[i].p);
    EXPECT_AT(held[i].p && held[i].n >= n, n, held[i].n);
}

START_TEST(figures_and_walks)
{
    rng r = rng_make(rng_run_seed());
    for (size_t i = 0; i < scaled(30000) + 100; i++) {
        random_step(&r);
        if (i % 50 == 0) figures_are_right();
        if (i % 500 == 0) pk_heap_trim(heap, rng_below(&r, MIB));
    }
    EXPECT(n_free_seen > 0);
}
END_TEST

static bool stop_at_third(void *n, void *p, size_t size, bool live)
{
    EXPECT(p && size && live);
    return ++*(size_t *)n < 3;
}

START_TEST(walk_stops_when_told)
{
    size_t n = 0;
    for (size_t i = 0; i < 10; i++) held[i].p = pk_heap_alloc(heap, 40);
    pki_owner_flush(owner_of_me(heap));
    EXPECT(!pk_heap_walk(heap, stop_at_third, &n) && n == 3);
}
END_TEST

/* -- while other threads are busy -- */

static _Atomic bool stop;

static void *allocate_and_free(void *seed)
{
    enum { N = 3000 };
    static _Thread_local void *p[N];
    rng r = rng_make((uintptr_t)seed);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        size_t n = rng_size(&r, 2000);
        for (size_t i = 0; i < N; i++) EXPECT((p[i] = pk_heap_alloc(heap, n)) != NULL);
        for (size_t i = 0; i < N; i++) pk_heap_free(p[i]);
    }
    return NULL;
}

static void *_Atomic in_hand[64];

static void *free_each_others(void *seed)
{
    rng r = rng_make((uintptr_t)seed);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        void *p = pk_heap_alloc(heap, rng_size(&r, 2000));
        pk_heap_free(atomic_exchange(&in_hand[rng_below(&r, 64)], p));
    }
    return NULL;
}

static void *resize_large(void *seed)
{
    rng r = rng_make((uintptr_t)seed);
    void *p = pk_heap_alloc(heap, 2 * MIB);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        p = pk_heap_realloc(heap, p, 2 * MIB + rng_below(&r, 20 * MIB));
        EXPECT(p != NULL);
    }
    pk_heap_free(p);
    return NULL;
}

/* Two threads do `work`; no figure ever is what nothing can explain: below 0, or above `most`. */
static void figures_stay_possible(void *(*work)(void *seed), size_t most)
{
    pthread_t thread[2];
    atomic_store(&stop, false);
    for (uintptr_t i = 0; i < 2; i++) thread_start(&thread[i], work, (void *)(i + 1));
    for (uint64_t begin = pki_os_milliseconds(); pki_os_milliseconds() - begin < BUSY_MS;) {
        pk_stats s = heap_figures(heap);
        EXPECT_AT(s.n_live <= most, s.n_live, most);
        EXPECT_AT(s.live <= s.committed && s.free_in_chunks <= s.committed, s.live, s.committed);
        EXPECT_AT(s.untouched <= s.committed && s.overhead <= s.committed, s.untouched, 0);
        EXPECT(pk_heap_check(heap));
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < 2; i++) thread_join(thread[i]);
}

START_TEST(figures_while_stacks_are_flushed) { figures_stay_possible(allocate_and_free, 20000); }
END_TEST

START_TEST(figures_while_mail_is_sent) { figures_stay_possible(free_each_others, 20000); }
END_TEST

START_TEST(figures_while_large_blocks_change) { figures_stay_possible(resize_large, 2); }
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("report");
    ADD_CASE(suite, heap_case("alone"), 30, figures_and_walks, walk_stops_when_told);
    ADD_CASE(suite, heap_case("busy"), 60, figures_while_stacks_are_flushed,
             figures_while_mail_is_sent, figures_while_large_blocks_change);
    return suite;
}

TEST_MAIN(make_suite)
