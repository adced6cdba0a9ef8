/* SPDX-License-Identifier: MIT
 * compile_test.c: tapes against the events they are made of: the same operations in the same order,
 * slots that never serve two live blocks, turns that let parallel threads come to an end. */
#include "expect.h"
#include "recording.h"
#include "replay/tape.h"
#include "runner.h"

#include <unistd.h>

#define STEPS 20000

static char path[64], why[TRACE_WHY];
static struct trace *t;

static void record(unsigned threads)
{
    snprintf(path, sizeof path, "/tmp/poolkit-test-%ld.pkt", (long)getpid());
    ck_assert(recording_make(path, rng_run_seed(), threads, STEPS));
    t = trace_open(path, why);
    unlink(path);
    ck_assert_msg(t != NULL, "%s", why);
}

static struct replay_tape *tape_of(const struct replay_plan *plan, enum replay_mode mode)
{
    struct replay_tape *tape = replay_tape_make(t, plan, mode, why);
    ck_assert_msg(tape != NULL, "%s", why);
    return tape;
}

static unsigned expected_kind(const struct trace_event *e)
{
    if (e->op == TRACE_FREE) return TAPE_FREE;
    if (e->op == TRACE_REALLOC) return TAPE_REALLOC;
    if (e->op == TRACE_CALLOC) return TAPE_CALLOC;
    return e->align > 4 ? TAPE_ALIGNED : TAPE_MALLOC;
}

/* What the reference knows: which slot each address lives in, and who lives in each slot. */
struct reference {
    uint32_t slot[RECORDING_LIVE];
    bool live[RECORDING_LIVE], used[RECORDING_LIVE + 1];
};

static void follow(struct reference *ref, const struct trace_event *e, const struct tape_op *op)
{
    size_t i = (size_t)(e->address >> 24) - 1;
    unsigned kind = expected_kind(e);
    EXPECT_AT(tape_kind(op->word) == kind, tape_kind(op->word), kind);
    EXPECT_AT(op->slot <= RECORDING_LIVE, op->slot, 0);
    if (kind != TAPE_FREE) EXPECT_AT(tape_size(op->word) == e->size, op->word, e->size);
    if (kind == TAPE_ALIGNED) EXPECT(tape_align(op->word) == e->align);
    if (kind < TAPE_REALLOC) {
        EXPECT(!ref->used[op->slot]);
        ref->slot[i] = op->slot;
        ref->used[op->slot] = true;
    }
    EXPECT_AT(ref->slot[i] == op->slot, ref->slot[i], op->slot);
    if (kind == TAPE_FREE) ref->used[op->slot] = false;
}

START_TEST(a_merged_tape_is_the_recording)
{
    static struct reference ref;
    static struct trace_event events[TRACE_BLOCK];
    record(3);
    struct replay_tape *tape = tape_of(NULL, REPLAY_MERGED);
    const struct tape_op *op = tape_operations(tape->head), *end = op + tape->head->operations;
    trace_rewind(t);
    for (int n; (n = trace_read(t, events, why)) > 0;) {
        for (int i = 0; i < n; i++) {
            if (events[i].op == TRACE_REALLOC_TAKES) continue;
            EXPECT(op < end);
            follow(&ref, &events[i], op++);
        }
    }
    ck_assert_ptr_eq(op, end);
    ck_assert_uint_gt(replay_tape_operations(tape), STEPS - 1);
    replay_tape_end(tape);
    trace_end(t);
}
END_TEST

/* One round: each thread does what it can. Returns how many operations were done. */
static uint64_t advance(const struct replay_tape *tape, uint64_t *at, uint32_t *turns,
                        uint32_t *emptied_by)
{
    const struct tape_op *ops = tape_operations(tape->head);
    uint64_t done = 0;
    for (uint32_t k = 0; k < tape->head->threads; k++) {
        const struct tape_thread *thread = &tape_threads(tape->head)[k];
        for (; at[k] < thread->n; at[k]++, done++) {
            const struct tape_op *op = &ops[thread->first + at[k]];
            EXPECT_AT(op->slot < tape->head->slots, op->slot, tape->head->slots);
            if (turns[op->slot] != op->turn) break;
            bool comes = tape_kind(op->word) < TAPE_REALLOC;
            if (comes && op->turn > 0) EXPECT_AT(emptied_by[op->slot] == k, op->slot, k); /* T2 */
            if (tape_kind(op->word) == TAPE_FREE) emptied_by[op->slot] = k;
            turns[op->slot]++;
        }
    }
    return done;
}

START_TEST(parallel_threads_come_to_an_end)
{
    record(5);
    struct replay_tape *tape = tape_of(NULL, REPLAY_PARALLEL);
    uint64_t at[TAPE_THREADS_MOST] = {0}, done = 0, more;
    uint32_t *turns = calloc(tape->head->slots, sizeof *turns);
    uint32_t *emptied_by = calloc(tape->head->slots, sizeof *emptied_by);
    ck_assert_uint_eq(tape->head->threads, 5);
    while ((more = advance(tape, at, turns, emptied_by)) > 0) done += more;
    ck_assert_uint_eq(done, replay_tape_operations(tape));
    free(turns);
    free(emptied_by);
    replay_tape_end(tape);
    trace_end(t);
}
END_TEST

static struct replay_plan *plan_of(const char *json)
{
    struct replay_plan *plan = replay_plan_read(json, strlen(json), why);
    ck_assert_msg(plan != NULL, "%s", why);
    return plan;
}

/* How many blocks of a merged tape get each pool, and how many come at all. */
static uint64_t planned(const char *json, uint64_t *all)
{
    struct replay_plan *plan = plan_of(json);
    struct replay_tape *tape = tape_of(plan, REPLAY_MERGED);
    uint64_t n = replay_tape_planned(tape), counted = 0;
    *all = 0;
    for (uint64_t i = 0; i < tape->head->operations; i++) {
        const struct tape_op *op = &tape_operations(tape->head)[i];
        *all += tape_kind(op->word) < TAPE_REALLOC;
        counted += tape_kind(op->word) < TAPE_REALLOC && tape_pool(op->word) != 0;
    }
    ck_assert_uint_eq(n, counted);
    replay_tape_end(tape);
    replay_plan_end(plan);
    return n;
}

#define BLOCK "{\"pools\": [{\"id\": 7, \"kind\": \"block\", \"block_size\": 64}], "

START_TEST(rules_meet_stacks_by_number_and_by_name)
{
    uint64_t all;
    record(1);
    uint64_t two = planned(BLOCK "\"stacks\": [[2, 7]]}", &all);
    ck_assert_uint_gt(two, 0);
    ck_assert_uint_lt(two, all);
    ck_assert_uint_eq(planned(BLOCK "\"sites\": [{\"frames\": [\"leaf2\"], \"pool\": 7}]}", &all),
                      two);
    ck_assert_uint_eq(
        planned(BLOCK "\"sites\": [{\"frames\": [\"leaf2\", \"middle0\", \"main\"], \"pool\": 7}]}",
                &all),
        two);
    /* The caller is another one; the name is only the beginning of one; too deep. */
    ck_assert_uint_eq(
        planned(BLOCK "\"sites\": [{\"frames\": [\"leaf2\", \"middle1\"], \"pool\": 7}]}", &all),
        0);
    ck_assert_uint_eq(planned(BLOCK "\"sites\": [{\"frames\": [\"leaf\"], \"pool\": 7}]}", &all),
                      0);
    ck_assert_uint_eq(planned(BLOCK "\"sites\": [{\"frames\": [\"leaf2\", \"middle0\", \"main\", "
                                    "\"x\"], \"pool\": 7}]}",
                              &all),
                      0);
    /* An argument list may follow. */
    ck_assert_uint_gt(
        planned(BLOCK "\"sites\": [{\"frames\": [\"leaf3\", \"middle1\"], \"pool\": 7}]}", &all),
        0);
    ck_assert_uint_eq(planned(BLOCK "\"stacks\": [[[1, 8], 7]]}", &all), all);
    trace_end(t);
}
END_TEST

START_TEST(wrong_plans_are_refused)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"pools\": 1}",
        "{\"pools\": [1], \"stacks\": []}",
        "{\"pools\": [{\"id\": 1, \"kind\": \"block\", \"block_size\": 64}]}",
        "{\"pools\": [{\"id\": 1, \"kind\": \"bloc\", \"block_size\": 64}], \"stacks\": [[1, 1]]}",
        "{\"pools\": [{\"id\": 1, \"kind\": \"block\"}], \"stacks\": [[1, 1]]}",
        "{\"pools\": [{\"id\": 1, \"kind\": \"block\", \"blok_size\": 64}], \"stacks\": [[1, 1]]}",
        "{\"pools\": [{\"id\": 0, \"kind\": \"arena-chunks\"}], \"stacks\": [[1, 0]]}",
        "{\"pools\": [{\"id\": 1, \"kind\": \"arena-chunks\", \"chunk\": 5000}], \"stacks\": [[1, "
        "1]]}",
        "{\"pools\": [{\"id\": 1, \"kind\": \"arena-chunks\", \"scope\": \"f\"}], \"stacks\": [[1, "
        "1]]}",
        "{\"pools\": [{\"id\": 1, \"kind\": \"block\", \"block_size\": 64, \"align\": 3}], "
        "\"stacks\": [[1, 1]]}",
        "{\"pools\": [{\"id\": 1, \"kind\": \"arena-scope\"}, {\"id\": 1, \"kind\": "
        "\"arena-scope\"}], "
        "\"stacks\": [[1, 1]]}",
        BLOCK "\"stacks\": [[1, 8]]}",
        BLOCK "\"stacks\": [[0, 7]]}",
        BLOCK "\"stacks\": [[1]]}",
        BLOCK "\"stacks\": [[[3, 2], 7]]}",
        BLOCK "\"sites\": [{\"frames\": [], \"pool\": 7}]}",
        BLOCK "\"sites\": [{\"frames\": [1], \"pool\": 7}]}",
        BLOCK "\"stacks\": [[1, 7]]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        why[0] = '\0';
        struct replay_plan *plan = replay_plan_read(wrong[i], strlen(wrong[i]), why);
        ck_assert_msg(plan == NULL, "accepted: %s", wrong[i]);
        ck_assert_msg(why[0] != '\0' && strchr(why, '\n') == NULL, "no reason: %s", wrong[i]);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("compile");
    ADD_CASE(suite, tcase_create("tape"), 20, a_merged_tape_is_the_recording,
             parallel_threads_come_to_an_end);
    ADD_CASE(suite, tcase_create("plan"), 20, rules_meet_stacks_by_number_and_by_name,
             wrong_plans_are_refused);
    return suite;
}

TEST_MAIN(make_suite)
