/* SPDX-License-Identifier: MIT
 * pages_test.c: pinned memory and the analysis of random recordings, against plain counting.
 */
#include "analysis/analysis.h"
#include "analysis/pages.h"
#include "trace/trace.h"

#include "runner.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPACE = 1 << 20, BLOCKS = 200, STEPS = 4000 };

static uint64_t state;

static uint64_t chance(uint64_t below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % below;
}

/* Bytes of the units that hold at least one byte of a block, byte by byte. */
static uint64_t pinned(const unsigned char *live, size_t unit)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < SPACE; i += unit) {
        bool any = false;
        for (size_t k = 0; k < unit && i + k < SPACE && !any; k++) {
            any = live[i + k] != 0;
        }
        sum += any ? unit : 0;
    }
    return sum;
}

static bool is_free(const unsigned char *live, size_t at, size_t size)
{
    for (size_t i = at; i < at + size; i++) {
        if (live[i]) return false;
    }
    return true;
}

START_TEST(pages_are_counted_as_by_hand)
{
    static unsigned char live[SPACE];
    size_t at[BLOCKS] = {0}, size[BLOCKS] = {0};
    struct pages pages;
    memset(live, 0, sizeof live);
    state = 1;
    ck_assert(pages_create(&pages));
    for (int step = 0; step < STEPS; step++) {
        size_t i = (size_t)chance(BLOCKS);
        if (size[i]) {
            ck_assert(pages_remove(&pages, at[i], size[i]));
            memset(live + at[i], 0, size[i]);
            size[i] = 0;
        } else {
            size_t n = 1 + (size_t)chance(chance(8) ? 300 : 20000),
                   where = (size_t)chance(SPACE - n);
            if (is_free(live, where, n)) {
                ck_assert(pages_add(&pages, where, n));
                memset(live + where, 1, n);
                at[i] = where;
                size[i] = n;
            }
        }
        if (step % 100 == 0) {
            ck_assert_uint_eq(pages.pinned[UNIT_4K], pinned(live, 4096));
            ck_assert_uint_eq(pages.pinned[UNIT_64K], pinned(live, 65536));
        }
    }
    pages_destroy(&pages);
}
END_TEST

/* ---- a recording of which everything is known ---- */

struct known {
    uint64_t allocations, frees, bytes, peak_live, end_live, short_lived, cross;
};

static char path[] = "/tmp/poolkit-analysis-XXXXXX";

static void put(struct trace_writer *w, uint64_t time, uint64_t address, uint64_t size, uint8_t op,
                uint16_t thread)
{
    struct trace_event event = {.time = time,
                                .address = address,
                                .size = size,
                                .stack = trace_comes(op) ? 1 : 0,
                                .thread = thread,
                                .op = op};
    ck_assert(trace_put(w, &event));
}

static struct known record_random(void)
{
    char why[TRACE_WHY];
    struct known known = {0};
    uint64_t size[BLOCKS] = {0}, born[BLOCKS] = {0}, live = 0;
    uint16_t owner[BLOCKS] = {0};
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    struct trace_info info = {.command = "test",
                              .program = "/test",
                              .host = "h",
                              .allocator = "glibc 2.36",
                              .stacks = "cfi",
                              .base_anonymous = 0};
    struct trace_writer *w = trace_create(path, &info, why);
    ck_assert_msg(w != NULL, "%s", why);
    uint64_t frames[] = {0x1000, 0x2000};
    ck_assert(trace_put_stack(w, 1, frames, 2));
    ck_assert_int_eq(trace_put_thread(w, &(struct trace_thread){1, "one"}), 0);
    ck_assert_int_eq(trace_put_thread(w, &(struct trace_thread){2, "two"}), 1);
    state = 7;
    for (uint64_t step = 0; step < STEPS; step++) {
        size_t i = (size_t)chance(BLOCKS);
        uint16_t thread = (uint16_t)chance(2);
        uint64_t address = 0x100000 + i * 0x10000;
        if (size[i]) {
            put(w, step * 1000, address, 0, TRACE_FREE, thread);
            known.frees++;
            known.short_lived += known.allocations - born[i] <= SHORT_LIVED;
            known.cross += thread != owner[i];
            live -= size[i];
            size[i] = 0;
        } else {
            size[i] = 1 + chance(5000);
            put(w, step * 1000, address, size[i], TRACE_MALLOC, thread);
            known.bytes += size[i];
            born[i] = ++known.allocations;
            owner[i] = thread;
            live += size[i];
            known.peak_live = live > known.peak_live ? live : known.peak_live;
        }
    }
    known.end_live = live;
    ck_assert(trace_close(w, true, why));
    return known;
}

START_TEST(an_analysis_counts_as_by_hand)
{
    char why[TRACE_WHY];
    struct known known = record_random();
    struct trace *t = trace_open(path, why);
    ck_assert_msg(t != NULL, "%s", why);
    struct analysis *a = analysis_make(t, why);
    ck_assert_msg(a != NULL, "%s", why);
    ck_assert_uint_eq(a->all.allocations, known.allocations);
    ck_assert_uint_eq(a->all.frees, known.frees);
    ck_assert_uint_eq(a->all.bytes, known.bytes);
    ck_assert_uint_eq(a->peak_live, known.peak_live);
    ck_assert_uint_eq(a->live_at_end, known.end_live);
    ck_assert_uint_eq(a->all.short_lived, known.short_lived);
    ck_assert_uint_eq(a->all.cross_thread, known.cross);
    ck_assert_uint_eq(a->n_sites, 1);
    ck_assert_uint_eq(a->sites[0].did.peak_live, known.peak_live);
    ck_assert_uint_eq(a->sites[0].did.live, known.end_live);
    uint64_t matrix = 0;
    for (int i = 0; i < 2; i++) {
        matrix += a->matrix[i][0] + a->matrix[i][1];
    }
    ck_assert_uint_eq(matrix, known.frees);
    /* Nobody else lives on the blocks' pages: all waste in pinned pages is this site's. */
    double waste = (double)a->at_peak.pinned - (double)a->at_peak.live;
    ck_assert_double_eq_tol(a->sites[0].did.pinned, waste, 1);
    analysis_end(a);
    trace_end(t);
    unlink(path);
}
END_TEST

START_TEST(sizes_are_rounded_as_glibc_does)
{
    ck_assert_uint_eq(analysis_usable(0), 32);
    ck_assert_uint_eq(analysis_usable(24), 32);
    ck_assert_uint_eq(analysis_usable(25), 48);
    ck_assert_uint_eq(analysis_usable(40), 48);
    ck_assert_uint_eq(analysis_usable(1000), 1008);
    ck_assert_uint_eq(analysis_bucket(0), 0);
    ck_assert_uint_eq(analysis_bucket(1), 1);
    ck_assert_uint_eq(analysis_bucket(2), 2);
    ck_assert_uint_eq(analysis_bucket(3), 2);
    ck_assert_uint_eq(analysis_bucket(4), 3);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("pages");
    ADD_CASE(suite, tcase_create("pages"), 20, pages_are_counted_as_by_hand);
    ADD_CASE(suite, tcase_create("analysis"), 20, an_analysis_counts_as_by_hand,
             sizes_are_rounded_as_glibc_does);
    return suite;
}

TEST_MAIN(make_suite)
