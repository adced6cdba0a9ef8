/* SPDX-License-Identifier: MIT
 * shared_pool_oom_test.c: every call to the system fails once, and for ever from then on, while two
 * threads use a shared pool. A block is whole or was refused with ENOMEM; the pool works afterwards, and
 * all that was freed can be had again. */
#include "each_call.h"
#include "pattern.h"
#include "runner.h"
#include "threads.h"

#include <errno.h>
#include <poolkit/shared_pool.h>
#include <sys/mman.h>

/* Blocks of 20,000 bytes: 3 in a slab, 189 in a chunk. */
enum { SLOTS = 260, BLOCK = 20000 };

static pk_shared_pool *pool;
static pk_threading threading;
static pk_block_pool_opts opts;
static unsigned char *block[SLOTS];
static size_t refused;

static void sound(void)
{
    char text[256] = "";
    bool armed = faults_arm(false);
    for (size_t i = 0; i < SLOTS; i++) {
        EXPECT_AT(!block[i] || pattern_holds(block[i], BLOCK, BLOCK, i), i, refused);
    }
    size_t broken = pk_shared_pool_audit(pool, text, sizeof text);
    if (broken != 0) fprintf(stderr, "audit: %s\n", text);
    EXPECT_AT(broken == 0, broken, 0);
    faults_arm(armed);
}

static void take(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (block[i]) continue;
        errno = 0;
        block[i] = pk_shared_pool_alloc(pool);
        EXPECT_AT(block[i] || errno == ENOMEM, errno, i);
        EXPECT_AT(!block[i] || (uintptr_t)block[i] % PK_ALIGN == 0, i, 0);
        if (!block[i]) {
            refused++;
            continue;
        }
        EXPECT_AT((opts.flags & PK_ZERO) == 0 || pattern_zero(block[i], BLOCK, BLOCK), i, 0);
        pattern_fill(block[i], BLOCK, i);
    }
}

static void give(size_t from, size_t step)
{
    for (size_t i = from; i < SLOTS; i += step) {
        errno = 4711;
        pk_shared_pool_free(block[i]);
        EXPECT_AT(errno == 4711, errno, i);
        block[i] = NULL;
    }
}

static void *another_thread(void *unused)
{
    (void)unused;
    give(0, 3);
    take(0, 120);
    pk_shared_pool_flush(pool);
    return NULL;
}

static void script(void)
{
    pthread_t thread;
    take(0, 200);
    sound();
    thread_start(&thread, another_thread, NULL);
    thread_join(thread);
    sound();
    give(1, 2);
    (void)pk_shared_pool_trim(pool, 0);
    take(0, SLOTS);
    sound();
    give(0, 1);
    (void)pk_shared_pool_trim(pool, MIB);
    sound();
    take(100, SLOTS); /* what could not be purged is not zero */
    sound();
    give(0, 1);
}

static void all_is_there(void)
{
    pk_stats s;
    pk_shared_pool_stats(pool, &s);
    EXPECT_AT(s.n_live == 0 && s.live == 0, s.n_live, s.live);
    EXPECT_AT(s.committed == s.free_in_chunks + s.untouched + s.overhead, s.committed, 0);
    size_t most = opts.max_blocks ? opts.max_blocks : SLOTS, before = refused;
    take(0, most);
    EXPECT_AT(refused == before, refused, before);
    sound();
    if (opts.max_blocks) {
        errno = 0;
        EXPECT(!pk_shared_pool_alloc(pool) && errno == ENOMEM);
    }
}

static bool made(void)
{
    pk_shared_pool *none = pool = NULL;
    pk_status status = pk_shared_pool_create(&pool, &opts, threading);
    EXPECT_AT(status == PK_OK || (status == PK_ENOMEM && pool == none), -status, 0);
    return status == PK_OK;
}

static void life(void)
{
    refused = 0;
    faults_arm(true);
    if (!made()) {
        faults_arm(false);
        EXPECT(atomic_load(&faults.fired) && made());
        faults_arm(true);
    }
    script();
    faults_arm(false);
    all_is_there();
    give(0, 7);
    faults_arm(true);
    size_t left = pk_shared_pool_destroy(pool);
    faults_arm(false);
    EXPECT_AT(left > 0, left, 0);
}

static const struct {
    pk_threading threading;
    pk_block_pool_opts opts;
} kinds[] = {{PK_PER_THREAD, {.block_size = BLOCK}},
             {PK_PER_THREAD, {.block_size = BLOCK, .flags = PK_ZERO, .max_blocks = 220}},
             {PK_LOCKED, {.block_size = BLOCK, .flags = PK_ZERO}},
             {PK_LOCKED, {.block_size = BLOCK, .max_blocks = 220}}};

static void choose(int kind)
{
    threading = kinds[kind].threading;
    opts = kinds[kind].opts;
}

START_TEST(each_call_fails_once)
{
    choose(_i);
    each_kind(life, false);
}
END_TEST

START_TEST(each_call_fails_for_ever)
{
    choose(_i);
    each_kind(life, true);
}
END_TEST

/* -- a thread that starts when there is nothing left -- */

static void *short_of_memory(void *unused)
{
    (void)unused;
    faults_arm(true);
    take(0, 50);
    give(0, 1);
    faults_arm(false);
    return NULL;
}

/* Its record, its stacks and its outboxes cannot be had; what is free in the pool can. */
START_TEST(a_thread_starts_without_memory)
{
    choose(_i);
    EXPECT(made());
    take(0, 150);
    pthread_t thread;
    for (size_t at = 1; at < 12; at++) {
        faults_plan(CALL_MMAP, at, true);
        thread_start(&thread, short_of_memory, NULL);
        thread_join(thread);
        sound();
        take(0, 150);
    }
    give(0, 1);
    all_is_there();
    (void)pk_shared_pool_destroy(pool);
}
END_TEST

static Suite *make_suite(void)
{
    int n = (int)(sizeof kinds / sizeof *kinds);
    Suite *suite = suite_create("shared_pool_oom");
    TCase *tcase = tcase_create("calls");
    tcase_set_timeout(tcase, memory_is_measurable() ? 60 : 480);
    tcase_add_loop_test(tcase, each_call_fails_once, 0, n);
    tcase_add_loop_test(tcase, each_call_fails_for_ever, 0, n);
    tcase_add_loop_test(tcase, a_thread_starts_without_memory, 0, n);
    suite_add_tcase(suite, tcase);
    return suite;
}

TEST_MAIN(make_suite)
