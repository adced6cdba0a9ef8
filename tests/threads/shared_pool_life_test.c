/* SPDX-License-Identifier: MIT
 * shared_pool_life_test.c: shared pools over the lives of threads and processes: short threads by the
 * thousand, many at once, forks, bounds, and an end by another thread. */
#include "build.h"
#include "rss.h"
#include "runner.h"
#include "threads.h"

#include <poolkit/shared_pool.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { SIZE = 96, MANY = 16, BOUND = 1000 };

static pk_shared_pool *make(size_t max_blocks, int threading)
{
    pk_shared_pool *pool = NULL;
    pk_block_pool_opts opts = {.block_size = SIZE, .max_blocks = max_blocks};
    EXPECT(pk_shared_pool_create(&pool, &opts, (pk_threading)threading) == PK_OK);
    return pool;
}

static pk_stats figures(pk_shared_pool *pool)
{
    char text[256] = "";
    ck_assert_msg(pk_shared_pool_audit(pool, text, sizeof text) == 0, "%s", text);
    pk_stats s;
    pk_shared_pool_stats(pool, &s);
    return s;
}

static void *some_blocks(void *pool)
{
    void *p[200];
    for (size_t i = 0; i < 200; i++) {
        EXPECT((p[i] = pk_shared_pool_alloc(pool)) != NULL);
        pattern_fill(p[i], SIZE, i);
    }
    for (size_t i = 0; i < 200; i++) {
        EXPECT_AT(pattern_holds(p[i], SIZE, SIZE, i), i, 0);
        pk_shared_pool_free(p[i]);
    }
    return NULL;
}

static void run_threads(size_t n, void *(*run)(void *), void *arg)
{
    pthread_t t[MANY];
    for (size_t i = 0; i < n; i++) thread_start(&t[i], run, arg);
    for (size_t i = 0; i < n; i++) thread_join(t[i]);
}

START_TEST(short_threads_by_the_thousand)
{
    pk_shared_pool *pool = make(0, _i);
    size_t rss = 0;
    for (size_t i = 0; i < scaled(1000) + 20; i++) {
        run_threads(4, some_blocks, pool);
        if (i == 19) rss = rss_now();
    }
    pk_stats s = figures(pool);
    ck_assert_uint_eq(s.n_live, 0);
    ck_assert_uint_le(s.n_owners, 6);
    ck_assert_uint_le(s.n_chunks, 2);
    if (memory_is_measurable()) ck_assert_uint_le(rss_now(), rss + MIB);
    ck_assert_uint_eq(pk_shared_pool_destroy(pool), 0);
}
END_TEST

static void *many_rounds(void *pool)
{
    for (size_t i = 0; i < scaled(500) + 5; i++) some_blocks(pool);
    return NULL;
}

START_TEST(sixteen_threads)
{
    pk_shared_pool *pool = make(0, _i);
    run_threads(MANY, many_rounds, pool);
    pk_shared_pool_trim(pool, 0);
    pk_stats s = figures(pool);
    ck_assert_uint_eq(s.n_live, 0);
    ck_assert_uint_eq(s.committed, 0);
    ck_assert_int_eq(pk_shared_pool_destroy_if_empty(pool), PK_OK);
}
END_TEST

/* ---- a bound ---- */

static _Atomic size_t held, most_held;

static void note_held(void)
{
    size_t now = atomic_fetch_add(&held, 1) + 1, most = atomic_load(&most_held);
    while (now > most && !atomic_compare_exchange_weak(&most_held, &most, now)) continue;
}

static void *grab(void *pool)
{
    void *p[BOUND];
    for (size_t round = 0; round < scaled(200) + 5; round++) {
        size_t n = 0;
        for (; n < BOUND && (p[n] = pk_shared_pool_alloc(pool)) != NULL; n++) note_held();
        while (n > 0) {
            atomic_fetch_sub(&held, 1);
            pk_shared_pool_free(p[--n]);
        }
    }
    pk_shared_pool_flush(pool);
    return NULL;
}

static size_t take_all(pk_shared_pool *pool)
{
    size_t n = 0;
    while (pk_shared_pool_alloc(pool) != NULL) n++;
    return n;
}

START_TEST(never_more_than_the_bound)
{
    pk_shared_pool *pool = make(BOUND, _i);
    run_threads(8, grab, pool);
    ck_assert_uint_le(most_held, BOUND);
    ck_assert_uint_gt(most_held, 0);
    ck_assert_uint_eq(take_all(pool), BOUND);
    ck_assert_uint_eq(pk_shared_pool_destroy(pool), BOUND);
}
END_TEST

/* ---- fork ---- */

static _Atomic int stage;

/* Leaves 100 free blocks in its stack until the process ends or stage is 2. */
static void *keep_free_blocks(void *pool)
{
    void *p[100];
    for (size_t i = 0; i < 100; i++) EXPECT((p[i] = pk_shared_pool_alloc(pool)) != NULL);
    for (size_t i = 0; i < 100; i++) pk_shared_pool_free(p[i]);
    atomic_store(&stage, 1);
    while (atomic_load(&stage) != 2) sched_yield();
    return NULL;
}

START_TEST(child_of_threads_can_have_all)
{
    pk_shared_pool *pool = make(BOUND, _i);
    pthread_t t;
    void *mine[50];
    atomic_store(&stage, 0);
    for (size_t i = 0; i < 50; i++) EXPECT((mine[i] = pk_shared_pool_alloc(pool)) != NULL);
    thread_start(&t, keep_free_blocks, pool);
    while (atomic_load(&stage) != 1) sched_yield();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < 50; i++) pk_shared_pool_free(mine[i]);
        _exit(take_all(pool) == BOUND ? 0 : 3);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    atomic_store(&stage, 2);
    thread_join(t);
    for (size_t i = 0; i < 50; i++) pk_shared_pool_free(mine[i]);
    ck_assert_uint_eq(take_all(pool), BOUND);
    ck_assert_uint_eq(pk_shared_pool_destroy(pool), BOUND);
}
END_TEST

/* ---- the end ---- */

static void *destroy(void *pool)
{
    ck_assert_uint_eq(pk_shared_pool_destroy(pool), 1);
    return NULL;
}

/* A thread that used a pool lives on, and meets another pool at the same place. */
START_TEST(destroyed_by_another_thread)
{
    for (size_t i = 0; i < scaled(1000) + 5; i++) {
        pk_shared_pool *pool = make(0, _i);
        some_blocks(pool);
        EXPECT(pk_shared_pool_alloc(pool) != NULL);
        run_threads(1, i % 4 == 0 ? some_blocks : destroy, pool);
        if (i % 4 == 0) ck_assert_uint_eq(pk_shared_pool_destroy(pool), 1);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("shared_pool_life");
    TCase *tcase = tcase_create("both");
    tcase_set_timeout(tcase, memory_is_measurable() ? 40 : 110);
    tcase_add_loop_test(tcase, short_threads_by_the_thousand, 0, 2);
    tcase_add_loop_test(tcase, sixteen_threads, 0, 2);
    tcase_add_loop_test(tcase, never_more_than_the_bound, 0, 2);
    tcase_add_loop_test(tcase, child_of_threads_can_have_all, 0, 2);
    tcase_add_loop_test(tcase, destroyed_by_another_thread, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

TEST_MAIN(make_suite)
