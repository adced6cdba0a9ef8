/* SPDX-License-Identifier: MIT
 * remote_free_test.c: blocks that one thread allocates and another frees. */
#include "build.h"
#include "heap_fixture.h"
#include "rss.h"
#include "runner.h"
#include "threads.h"

static uint64_t seed;
static queue first_queue;

/* -- one allocates, the other frees -- */

static void *produce(void *arg)
{
    rng r = rng_make(seed);
    size_t n = *(const size_t *)arg;
    for (size_t i = 0; i < n; i++) queue_put(&first_queue, parcel_make(heap, parcel_size(&r), i));
    queue_close(&first_queue);
    return NULL;
}

static void *consume(void *arg)
{
    parcel it;
    (void)arg;
    while (queue_get(&first_queue, &it)) parcel_free(&it);
    return NULL;
}

static void produce_and_consume(size_t n)
{
    pthread_t a, b;
    queue_init(&first_queue);
    thread_start(&a, produce, &n);
    thread_start(&b, consume, NULL);
    thread_join(a);
    thread_join(b);
    queue_fini(&first_queue);
    EXPECT_AT(heap_figures(heap).n_live == 0, heap_figures(heap).n_live, n);
    heap_is_sound(heap);
}

START_TEST(one_allocates_another_frees)
{
    seed = rng_run_seed();
    produce_and_consume(scaled(300000));
    size_t before = rss_now();
    for (int round = 0; round < 4; round++) {
        seed++;
        produce_and_consume(scaled(300000));
    }
    if (!memory_is_measurable()) return;
    EXPECT_AT(rss_now() < before + 24 * MIB, rss_now(), before); /* freed blocks are used again */
}
END_TEST

/* The consumer lives on and does nothing: what it freed must not be lost to the producer. */
START_TEST(producer_goes_on_after_the_consumer_ended)
{
    seed = rng_run_seed();
    for (int round = 0; round < 20; round++) produce_and_consume(scaled(10000));
    pk_heap_trim(heap, 0);
    heap_is_sound(heap);
}
END_TEST

/* -- both ways at once -- */

#define SWAP 500

static struct {
    pthread_barrier_t meet;
    parcel made[2][SWAP];
    size_t rounds;
} swap;

static void *swap_side(void *arg)
{
    size_t me = (size_t)(uintptr_t)arg;
    rng r = rng_make(seed + me);
    for (size_t round = 0; round < swap.rounds; round++) {
        for (size_t i = 0; i < SWAP; i++) {
            swap.made[me][i] = parcel_make(heap, parcel_size(&r), rng_next(&r));
        }
        pthread_barrier_wait(&swap.meet);
        for (size_t i = 0; i < SWAP; i++) parcel_free(&swap.made[1 - me][i]);
        pthread_barrier_wait(&swap.meet);
    }
    return NULL;
}

START_TEST(two_threads_free_each_others_blocks)
{
    pthread_t a, b;
    seed = rng_run_seed();
    swap.rounds = scaled(600);
    pthread_barrier_init(&swap.meet, NULL, 2);
    thread_start(&a, swap_side, (void *)0);
    thread_start(&b, swap_side, (void *)1);
    thread_join(a);
    thread_join(b);
    pthread_barrier_destroy(&swap.meet);
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

/* -- a ring -- */

enum { RING = 6, TOKENS = 300 };

static queue ring[RING];
static size_t ring_hops;

/* Each gets blocks from the left and sends blocks of its own to the right. */
static void *ring_member(void *arg)
{
    size_t me = (size_t)(uintptr_t)arg;
    rng r = rng_make(seed + me);
    for (size_t i = 0; i < ring_hops; i++) {
        parcel it;
        EXPECT(queue_get(&ring[me], &it));
        if (i % 4 == 0) {
            parcel_look_at(&it); /* sent on as it is: the next one frees a block from far away */
        } else {
            parcel_free(&it);
            it = parcel_make(heap, parcel_size(&r), rng_next(&r));
        }
        queue_put(&ring[(me + 1) % RING], it);
    }
    return NULL;
}

START_TEST(a_ring_of_threads)
{
    pthread_t thread[RING];
    seed = rng_run_seed();
    ring_hops = scaled(60000);
    rng r = rng_make(seed);
    for (size_t i = 0; i < RING; i++) {
        queue_init(&ring[i]);
        for (size_t k = 0; k < TOKENS; k++) {
            queue_put(&ring[i], parcel_make(heap, parcel_size(&r), k));
        }
    }
    for (size_t i = 0; i < RING; i++) thread_start(&thread[i], ring_member, (void *)(uintptr_t)i);
    for (size_t i = 0; i < RING; i++) thread_join(thread[i]);
    ck_assert_uint_eq(heap_figures(heap).n_live, RING * TOKENS);
    heap_is_sound(heap);
    for (size_t i = 0; i < RING; i++) {
        parcel it;
        queue_close(&ring[i]);
        while (queue_get(&ring[i], &it)) parcel_free(&it);
        queue_fini(&ring[i]);
    }
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

/* -- realloc and resize by another thread -- */

static void *realloc_all(void *arg)
{
    parcel *all = arg;
    rng r = rng_make(seed);
    for (size_t i = 0; i < SWAP; i++) {
        size_t n = parcel_size(&r), kept = n < all[i].n ? n : all[i].n;
        void *p = pk_heap_realloc(heap, all[i].p, n);
        EXPECT_AT(p && pattern_holds(p, all[i].n, kept, all[i].tag), all[i].n, n);
        all[i] = (parcel){p, n, i};
        pattern_fill(p, n, i);
        (void)pk_heap_resize(p, n);
    }
    return NULL;
}

START_TEST(another_thread_reallocs)
{
    static parcel all[SWAP];
    seed = rng_run_seed();
    rng r = rng_make(seed);
    for (size_t i = 0; i < SWAP; i++) all[i] = parcel_make(heap, parcel_size(&r), rng_next(&r));
    for (size_t round = 0; round < scaled(40); round++, seed++) {
        pthread_t thread;
        thread_start(&thread, realloc_all, all);
        thread_join(thread);
        ck_assert_uint_eq(heap_figures(heap).n_live, SWAP);
    }
    for (size_t i = 0; i < SWAP; i++) parcel_free(&all[i]);
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("remote_free");
    ADD_CASE(suite, heap_case("remote_free"), 90, one_allocates_another_frees,
             producer_goes_on_after_the_consumer_ended, two_threads_free_each_others_blocks,
             a_ring_of_threads, another_thread_reallocs);
    return suite;
}

TEST_MAIN(make_suite)
