/* SPDX-License-Identifier: MIT
 * lock_test.c: src/os/lock.h with threads that want it at once. */
#include "os/lock.h"
#include "build.h"
#include "runner.h"
#include "threads.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

enum { THREADS = 4 };

static pki_lock lock;
static size_t counter; /* [lock] */
static size_t tries_failed;

static void nap(long microseconds)
{
    struct timespec time = {0, microseconds * 1000};
    nanosleep(&time, NULL);
}

static void *count_up(void *rounds)
{
    for (size_t i = 0; i < *(size_t *)rounds; i++) {
        pki_lock_take(&lock);
        EXPECT(pki_lock_is_mine(&lock));
        counter++;
        pki_lock_give(&lock);
        EXPECT(!pki_lock_is_mine(&lock));
    }
    return NULL;
}

START_TEST(excludes_each_other)
{
    pthread_t thread[THREADS];
    size_t rounds = scaled(400000);
    for (int i = 0; i < THREADS; i++) thread_start(&thread[i], count_up, &rounds);
    for (int i = 0; i < THREADS; i++) thread_join(thread[i]);
    ck_assert_uint_eq(counter, THREADS * rounds);
    ck_assert_uint_eq(atomic_load(&lock.word), 0);
}
END_TEST

static void *count_up_by_try(void *rounds)
{
    for (size_t i = 0; i < *(size_t *)rounds; i++) {
        while (!pki_lock_try(&lock)) sched_yield();
        counter++;
        pki_lock_give(&lock);
    }
    return NULL;
}

START_TEST(tries_exclude_takes)
{
    pthread_t thread[THREADS];
    size_t rounds = scaled(100000);
    for (int i = 0; i < THREADS; i++)
        thread_start(&thread[i], i % 2 ? count_up : count_up_by_try, &rounds);
    for (int i = 0; i < THREADS; i++) thread_join(thread[i]);
    ck_assert_uint_eq(counter, THREADS * rounds);
}
END_TEST

static void *try_once(void *unused)
{
    (void)unused;
    EXPECT(!pki_lock_is_mine(&lock));
    if (!pki_lock_try(&lock)) {
        tries_failed++;
        return NULL;
    }
    pki_lock_give(&lock);
    return NULL;
}

static bool others_get_it(void)
{
    pthread_t thread;
    size_t failed = tries_failed;
    thread_start(&thread, try_once, NULL);
    thread_join(thread);
    return tries_failed == failed;
}

START_TEST(only_its_holder_calls_it_his)
{
    EXPECT(!pki_lock_is_mine(&lock) && others_get_it());
    EXPECT(pki_lock_try(&lock) && pki_lock_is_mine(&lock));
    EXPECT(!pki_lock_try(&lock)); /* a try never takes it twice, not even by its holder */
    EXPECT(!others_get_it());
    pki_lock_give(&lock);
    EXPECT(!pki_lock_is_mine(&lock) && others_get_it());
}
END_TEST

/* The thread that forks may take it again; taken three times it must be given three times. */
START_TEST(holder_may_take_it_again)
{
    atomic_store(&pki_lock_forking, pki_lock_me());
    for (uintptr_t i = 0; i < 3; i++) {
        pki_lock_take(&lock);
        EXPECT_AT(lock.depth == i, lock.depth, i);
    }
    for (int i = 0; i < 2; i++) {
        pki_lock_give(&lock);
        EXPECT(pki_lock_is_mine(&lock) && !others_get_it());
    }
    pki_lock_give(&lock);
    atomic_store(&pki_lock_forking, 0);
    EXPECT(lock.depth == 0 && !pki_lock_is_mine(&lock) && others_get_it());
}
END_TEST

/* Anybody else who would wait for himself is told so in one line. */
START_TEST(taking_it_twice_aborts)
{
    pki_lock_take(&lock);
    pki_lock_take(&lock);
}
END_TEST

START_TEST(interrupted_unless_forking)
{
    EXPECT(!pki_lock_is_interrupted(&lock));
    pki_lock_take(&lock);
    EXPECT(pki_lock_is_interrupted(&lock));
    atomic_store(&pki_lock_forking, pki_lock_me());
    EXPECT(!pki_lock_is_interrupted(&lock));
    atomic_store(&pki_lock_forking, (uintptr_t)&lock); /* another thread forks */
    EXPECT(pki_lock_is_interrupted(&lock));
    atomic_store(&pki_lock_forking, 0);
    pki_lock_give(&lock);
    EXPECT(!pki_lock_is_interrupted(&lock));
}
END_TEST

START_TEST(reset_frees_it_whoever_held_it)
{
    atomic_store(&pki_lock_forking, pki_lock_me());
    pki_lock_take(&lock);
    pki_lock_take(&lock);
    atomic_store(&pki_lock_forking, 0);
    atomic_fetch_or(&lock.word, 1);
    pki_lock_reset(&lock);
    EXPECT(lock.depth == 0 && !pki_lock_is_mine(&lock) && others_get_it());
}
END_TEST

static void *wait_long(void *unused)
{
    (void)unused;
    errno = 4711;
    pki_lock_take(&lock);
    EXPECT(errno == 4711 && pki_lock_is_mine(&lock));
    counter++;
    pki_lock_give(&lock);
    EXPECT(errno == 4711);
    return NULL;
}

/* Long enough to send them to sleep: all must be woken, one after the other. */
START_TEST(sleepers_are_woken)
{
    pthread_t thread[THREADS];
    pki_lock_take(&lock);
    for (int i = 0; i < THREADS; i++) thread_start(&thread[i], wait_long, NULL);
    for (int i = 0; i < 1000 && (atomic_load(&lock.word) & 1) == 0; i++) nap(1000);
    nap(20000);
    EXPECT((atomic_load(&lock.word) & 1) == 1 && counter == 0);
    errno = 815;
    pki_lock_give(&lock);
    EXPECT(errno == 815);
    for (int i = 0; i < THREADS; i++) thread_join(thread[i]);
    EXPECT(counter == THREADS && atomic_load(&lock.word) == 0);
}
END_TEST

static void clear(void)
{
    memset(&lock, 0, sizeof lock);
    counter = tries_failed = 0;
}

static Suite *make_suite(void)
{
    Suite *suite = suite_create("lock");
    TCase *tcase = tcase_create("lock");
    tcase_add_checked_fixture(tcase, clear, NULL);
    ADD_CASE(suite, tcase, 30, excludes_each_other, tries_exclude_takes,
             only_its_holder_calls_it_his, holder_may_take_it_again, interrupted_unless_forking,
             reset_frees_it_whoever_held_it, sleepers_are_woken);
    TCase *deadly = tcase_create("deadly");
    tcase_add_test_raise_signal(deadly, taking_it_twice_aborts, SIGABRT);
    suite_add_tcase(suite, deadly);
    return suite;
}

TEST_MAIN(make_suite)
