/* SPDX-License-Identifier: MIT
 * heap_end_test.c: a heap is destroyed while threads that used it are still there, idle. They then
 * use other heaps (one of which may have got the same memory) or exit. */
#include "build.h"
#include "heap_fixture.h"
#include "rss.h"
#include "runner.h"
#include "threads.h"

enum { THREADS = 4, KEEP = 100 };

static pthread_barrier_t meet;
static pk_heap *current; /* written by the main thread between two barriers */
static pk_heap *lasting;
static size_t rounds;
static uint64_t seed;

static void use(pk_heap *one, rng *r, parcel *keep)
{
    for (size_t i = 0; i < KEEP; i++) {
        parcel a = parcel_make(one, parcel_size(r), i);
        keep[i] = parcel_make(one, parcel_size(r), rng_next(r));
        parcel_free(&a);
        EXPECT(pk_heap_of(keep[i].p) == one);
    }
}

/* In each round: uses the current heap, waits for its end, and goes on with the lasting one. */
static void *user(void *arg)
{
    size_t me = (size_t)(uintptr_t)arg;
    rng r = rng_make(seed + me);
    parcel mine[KEEP], others[KEEP];
    for (size_t round = 0; round < rounds; round++) {
        pthread_barrier_wait(&meet);
        use(current, &r, others);
        use(lasting, &r, mine);
        pthread_barrier_wait(&meet); /* the main thread destroys `current` here */
        pthread_barrier_wait(&meet);
        for (size_t i = 0; i < KEEP; i++) parcel_free(&mine[i]);
        if (me == 3 && round % 2)
            use(lasting, &r, mine);
        else
            continue;
        for (size_t i = 0; i < KEEP; i++) parcel_free(&mine[i]);
    }
    return NULL;
}

static void new_current(size_t round)
{
    pk_heap_opts opts = {.size = sizeof opts, .name = round % 2 ? "odd" : "even"};
    EXPECT(pk_heap_create(&current, &opts) == PK_OK);
}

static void end_current(void)
{
    EXPECT_AT(heap_figures(current).n_live == THREADS * KEEP, heap_figures(current).n_live, 0);
    heap_is_sound(current);
    pk_heap_destroy(current);
}

START_TEST(heaps_end_while_their_users_live)
{
    pthread_t thread[THREADS];
    seed = rng_run_seed();
    rounds = scaled(400);
    lasting = heap;
    pthread_barrier_init(&meet, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) thread_start(&thread[i], user, (void *)(uintptr_t)i);
    size_t rss = 0, vm = 0;
    for (size_t round = 0; round < rounds; round++) {
        new_current(round);
        pthread_barrier_wait(&meet);
        pthread_barrier_wait(&meet);
        end_current();
        pthread_barrier_wait(&meet);
        if (round == rounds / 4) {
            rss = rss_now();
            vm = vm_now();
        }
    }
    for (size_t i = 0; i < THREADS; i++) thread_join(thread[i]);
    pthread_barrier_destroy(&meet);
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
    if (!memory_is_measurable()) return;
    EXPECT_AT(rss_now() < rss + 16 * MIB, rss_now(), rss);
    EXPECT_AT(vm_now() < vm + 64 * MIB, vm_now(), vm);
}
END_TEST

/* Uses a heap, sees it end, and exits without another call. */
static void *use_and_exit(void *arg)
{
    rng r = rng_make(seed + (size_t)(uintptr_t)arg);
    parcel keep[KEEP];
    use(current, &r, keep);
    pthread_barrier_wait(&meet);
    pthread_barrier_wait(&meet);
    return NULL;
}

START_TEST(users_exit_after_their_heap_ended)
{
    seed = rng_run_seed();
    pthread_barrier_init(&meet, NULL, THREADS + 1);
    for (size_t round = 0; round < scaled(300); round++) {
        pthread_t thread[THREADS];
        new_current(round);
        for (size_t i = 0; i < THREADS; i++) {
            thread_start(&thread[i], use_and_exit, (void *)(uintptr_t)i);
        }
        pthread_barrier_wait(&meet);
        end_current();
        if (round % 2) new_current(round); /* perhaps in the place of the old one */
        pthread_barrier_wait(&meet);
        for (size_t i = 0; i < THREADS; i++) thread_join(thread[i]);
        if (round % 2 == 0) continue;
        EXPECT(heap_figures(current).n_live == 0);
        heap_is_sound(current);
        pk_heap_destroy(current);
    }
    pthread_barrier_destroy(&meet);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_end");
    ADD_CASE(suite, heap_case("heap_end"), 60, heaps_end_while_their_users_live,
             users_exit_after_their_heap_ended);
    return suite;
}

TEST_MAIN(make_suite)
