/* SPDX-License-Identifier: MIT
 * thread_exit_test.c: threads that come and go, and what happens to the blocks they leave. */
#include "build.h"
#include "heap_fixture.h"
#include "rss.h"
#include "runner.h"
#include "threads.h"

enum { LEFT = 40 };

static uint64_t seed;

/* A short life: makes blocks, frees most, and leaves one of each kind of size behind. */
typedef struct {
    pk_heap *one;
    uint64_t seed;
    parcel left[LEFT];
} life;

static void *live_shortly(void *arg)
{
    life *l = arg;
    rng r = rng_make(l->seed);
    for (size_t i = 0; i < LEFT; i++) {
        parcel a = parcel_make(l->one, parcel_size(&r), i), b = parcel_make(l->one, i * 60, i);
        l->left[i] = parcel_make(l->one, parcel_size(&r), rng_next(&r));
        parcel_free(&a);
        parcel_free(&b);
    }
    return NULL;
}

static void run_life(life *l)
{
    pthread_t thread;
    thread_start(&thread, live_shortly, l);
    thread_join(thread);
}

static void clear_up(life *l)
{
    for (size_t i = 0; i < LEFT; i++) parcel_free(&l->left[i]);
}

START_TEST(blocks_outlive_their_thread)
{
    enum { N = 50 };
    static life lives[N];
    seed = rng_run_seed();
    for (size_t i = 0; i < N; i++) {
        lives[i].one = heap;
        lives[i].seed = seed + i;
        run_life(&lives[i]);
        ck_assert_uint_eq(heap_figures(heap).n_live, (i + 1) * LEFT);
    }
    heap_is_sound(heap);
    for (size_t i = 0; i < N; i++) clear_up(&lives[(i * 7) % N]);
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

/* 5,000 threads, four at a time, each leaves blocks that others free: all stays flat. */
static void churn(pk_heap *one, size_t rounds)
{
    static life lives[8];
    size_t rss = 0, vm = 0;
    bool used[8] = {false};
    for (size_t round = 0; round < rounds; round++) {
        pthread_t thread[4];
        size_t base = round % 2 * 4;
        for (size_t i = 0; i < 4; i++) {
            if (used[base + i]) clear_up(&lives[base + i]);
            used[base + i] = true;
            lives[base + i].one = one;
            lives[base + i].seed = seed + round * 4 + i;
            thread_start(&thread[i], live_shortly, &lives[base + i]);
        }
        for (size_t i = 0; i < 4; i++) thread_join(thread[i]);
        if (round == rounds / 2) {
            rss = rss_now();
            vm = vm_now();
        }
    }
    if (memory_is_measurable()) {
        EXPECT_AT(rss_now() < rss + 8 * MIB, rss_now(), rss);
        EXPECT_AT(vm_now() < vm + 64 * MIB, vm_now(), vm);
    }
    for (size_t i = 0; i < 8; i++) {
        if (used[i]) clear_up(&lives[i]);
    }
}

START_TEST(five_thousand_threads_leave_memory_flat)
{
    seed = rng_run_seed();
    churn(heap, scaled(1250));
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
    heap_is_sound(heap);
}
END_TEST

START_TEST(process_heap_outlives_its_threads)
{
    seed = rng_run_seed();
    uint64_t before = heap_figures(pk_heap_process()).n_live;
    churn(pk_heap_process(), scaled(400));
    ck_assert_uint_eq(heap_figures(pk_heap_process()).n_live, before);
    heap_is_sound(pk_heap_process());
}
END_TEST

/* A heap is destroyed with the blocks of threads that are gone. */
START_TEST(destroy_after_the_threads_ended)
{
    static life l;
    seed = rng_run_seed();
    for (size_t i = 0; i < scaled(400); i++) {
        pk_heap *one;
        ck_assert_int_eq(pk_heap_create(&one, NULL), PK_OK);
        l.one = one;
        l.seed = seed + i;
        run_life(&l);
        EXPECT_AT(heap_figures(one).n_live == LEFT, heap_figures(one).n_live, i);
        if (i % 3 == 0) clear_up(&l);
        if (i % 5 == 0) heap_is_sound(one);
        pk_heap_destroy(one);
    }
}
END_TEST

/* What ended threads left free is used by the ones that come after them. */
START_TEST(free_memory_of_ended_threads_is_adopted)
{
    static life l;
    seed = rng_run_seed();
    l.one = heap;
    for (size_t i = 0; i < scaled(200); i++) {
        l.seed = seed;
        run_life(&l);
        clear_up(&l);
    }
    uint64_t committed = heap_figures(heap).committed;
    for (size_t i = 0; i < scaled(1000); i++) {
        run_life(&l);
        clear_up(&l);
    }
    EXPECT_AT(heap_figures(heap).committed <= committed + 8 * MIB, heap_figures(heap).committed,
              committed);
}
END_TEST

/* Blocks freed in the destructor of a thread-specific key, as late as a thread can. */
static pthread_key_t late_key;

static void free_late(void *arg)
{
    parcel again = parcel_make(heap, 77, 7);
    pk_heap_free(arg);
    parcel_free(&again);
}

static void *exit_with_key(void *arg)
{
    EXPECT(pthread_setspecific(late_key, pk_heap_alloc(heap, 500)) == 0);
    pk_heap_free(pk_heap_alloc(heap, 100));
    return arg;
}

START_TEST(a_key_destructor_may_use_the_heap)
{
    ck_assert_int_eq(pthread_key_create(&late_key, free_late), 0);
    for (size_t i = 0; i < scaled(500); i++) {
        pthread_t thread;
        thread_start(&thread, exit_with_key, NULL);
        thread_join(thread);
    }
    pthread_key_delete(late_key);
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("thread_exit");
    ADD_CASE(suite, heap_case("thread_exit"), 90, blocks_outlive_their_thread,
             five_thousand_threads_leave_memory_flat, process_heap_outlives_its_threads,
             destroy_after_the_threads_ended, free_memory_of_ended_threads_is_adopted,
             a_key_destructor_may_use_the_heap);
    return suite;
}

TEST_MAIN(make_suite)
