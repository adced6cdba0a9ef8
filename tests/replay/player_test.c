/* SPDX-License-Identifier: MIT
 * player_test.c: what players tell: the same memory each time, every block as it was written, on
 * malloc and in pools of each kind, with one thread and with several. */
#include "recording.h"
#include "replay/replay.h"
#include "runner.h"

#include <unistd.h>

#define STEPS 20000

static char why[TRACE_WHY];

static const char all_kinds[] =
    "{\"pools\": [{\"id\": 1, \"kind\": \"block\", \"block_size\": 256, \"align\": 128},"
    " {\"id\": 2, \"kind\": \"object\", \"block_size\": 256},"
    " {\"id\": 3, \"kind\": \"arena-scope\"}, {\"id\": 4, \"kind\": \"arena-chunks\", \"chunk\": "
    "4096},"
    " {\"id\": 5, \"kind\": \"thread-local\", \"block_size\": 500},"
    " {\"id\": 6, \"kind\": \"arena-scope\", \"scope\": \"leaf6\"}],"
    " \"stacks\": [[1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [6, 6]]}";

static struct replay_tape *tape_of(unsigned threads, const char *json, enum replay_mode mode)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/poolkit-test-%ld.pkt", (long)getpid());
    ck_assert(recording_make(path, rng_run_seed(), threads, STEPS));
    struct trace *t = trace_open(path, why);
    unlink(path);
    ck_assert_msg(t != NULL, "%s", why);
    struct replay_plan *plan = json ? replay_plan_read(json, strlen(json), why) : NULL;
    ck_assert_msg(!json || plan, "%s", why);
    struct replay_tape *tape = replay_tape_make(t, plan, mode, why);
    ck_assert_msg(tape != NULL, "%s", why);
    replay_plan_end(plan);
    trace_end(t);
    return tape;
}

static struct replay_result measure(const struct replay_tape *tape,
                                    const struct replay_options *options)
{
    struct replay_subject subject = {.name = "glibc", .tape = tape};
    struct replay_result result;
    int code = replay_measure(&subject, 1, options, &result, why);
    ck_assert_msg(code == 0, "%d: %s", code, why);
    ck_assert_uint_eq(result.failed, 0);
    return result;
}

START_TEST(merged_memory_is_the_same_each_time)
{
    struct replay_tape *tape = tape_of(3, NULL, REPLAY_MERGED);
    struct replay_result r = measure(tape, &(struct replay_options){.memory_only = true});
    ck_assert_double_eq(r.peak.low, r.peak.high);
    ck_assert_double_eq(r.mean.low, r.mean.high);
    ck_assert_double_eq(r.footprint.low, r.footprint.high);
    /* All that is live was written to; and nothing of the player's own counts. */
    ck_assert_double_ge(r.peak.median, 0.98 * r.live_peak);
    ck_assert_double_le(r.peak.median, 2 * r.live_peak + (1 << 20));
    ck_assert_double_ge(r.footprint.median, r.peak.median);
    ck_assert_uint_gt(r.points, 100);
    ck_assert_uint_eq(r.curve[r.points - 1].operation, replay_tape_operations(tape));
    ck_assert_uint_eq(r.rounds, 0);
    replay_result_end(&r);
    replay_tape_end(tape);
}
END_TEST

START_TEST(untouched_memory_is_not_resident)
{
    struct replay_tape *tape = tape_of(1, NULL, REPLAY_MERGED);
    struct replay_result all = measure(tape, &(struct replay_options){.memory_only = true});
    struct replay_result none =
        measure(tape, &(struct replay_options){.memory_only = true, .touch = REPLAY_TOUCH_NONE});
    ck_assert_double_lt(none.peak.median, all.peak.median);
    replay_result_end(&all);
    replay_result_end(&none);
    replay_tape_end(tape);
}
END_TEST

START_TEST(time_and_calls_are_measured)
{
    struct replay_tape *tape = tape_of(1, NULL, REPLAY_MERGED);
    struct replay_result r =
        measure(tape, &(struct replay_options){.rounds = 3, .system_calls = true});
    ck_assert_uint_eq(r.rounds, 3);
    ck_assert_double_gt(r.ns_per_event.low, 0);
    ck_assert_double_le(r.ns_per_event.low, r.ns_per_event.median);
    ck_assert_double_le(r.ns_per_event.median, r.ns_per_event.high);
    ck_assert_int_gt(r.system_calls, 0);
    ck_assert_int_lt(r.system_calls, STEPS);
    replay_result_end(&r);
    replay_tape_end(tape);
}
END_TEST

static void check_pools(enum replay_mode mode, unsigned threads)
{
    struct replay_tape *tape = tape_of(threads, all_kinds, mode);
    struct replay_result r =
        measure(tape, &(struct replay_options){.memory_only = true, .check = true});
    uint64_t blocks = 0;
    ck_assert_uint_eq(r.n_pools, 6);
    for (size_t i = 0; i < r.n_pools; i++) {
        ck_assert_uint_eq(r.pools[i].id, i + 1);
        ck_assert_uint_gt(r.pools[i].blocks, 100);
        blocks += r.pools[i].blocks + r.pools[i].refused;
    }
    ck_assert_uint_eq(blocks, replay_tape_planned(tape));
    ck_assert_uint_gt(r.pools[0].refused, 0); /* larger than 256 */
    ck_assert_uint_gt(r.pools[1].moved, 0);   /* grew beyond 256 */
    ck_assert_uint_eq(r.pools[2].overdue, 0);
    ck_assert_uint_gt(r.pools[5].overdue, 0); /* blocks outlive this scope */
    ck_assert_uint_eq(r.threads, mode == REPLAY_PARALLEL ? threads : 1);
    replay_result_end(&r);
    replay_tape_end(tape);
}

START_TEST(each_kind_of_pool_keeps_every_block) { check_pools(REPLAY_MERGED, 3); }
END_TEST

START_TEST(threads_share_pools_and_blocks) { check_pools(REPLAY_PARALLEL, 6); }
END_TEST

START_TEST(paced_threads_take_their_time)
{
    struct replay_tape *tape = tape_of(2, NULL, REPLAY_PARALLEL);
    /* 100 ns an event, a hundredth as fast. */
    struct replay_result r = measure(tape, &(struct replay_options){.rounds = 1, .pace = 0.01});
    ck_assert_double_gt(r.wall_ns, 0.9 * STEPS * 100 * 100);
    replay_result_end(&r);
    replay_tape_end(tape);
}
END_TEST

START_TEST(a_missing_player_is_told)
{
    struct replay_tape *tape = tape_of(1, NULL, REPLAY_MERGED);
    struct replay_subject subject = {.name = "x", .tape = tape};
    struct replay_result r;
    setenv("POOLKIT_LIB", "/", 1);
    ck_assert_int_eq(replay_measure(&subject, 1, &(struct replay_options){0}, &r, why), 125);
    ck_assert_ptr_nonnull(strstr(why, "poolkit-replay-player"));
    replay_result_end(&r);
    replay_tape_end(tape);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("player");
    ADD_CASE(suite, tcase_create("measure"), 60, merged_memory_is_the_same_each_time,
             untouched_memory_is_not_resident, time_and_calls_are_measured,
             paced_threads_take_their_time, a_missing_player_is_told);
    ADD_CASE(suite, tcase_create("pools"), 60, each_kind_of_pool_keeps_every_block,
             threads_share_pools_and_blocks);
    return suite;
}

TEST_MAIN(make_suite)
