/* SPDX-License-Identifier: MIT
 * shared_heap_test.c: random operations of four threads on one heap and on many, half of the
 * frees being of blocks that another thread allocated. */
#include "build.h"
#include "heap_fixture.h"
#include "rng.h"
#include "runner.h"
#include "threads.h"

enum { THREADS = 4, SLOTS = 1024, HEAPS = 12 };

/* The blocks of all threads: whoever holds a slot's lock owns the block in it. */
static struct {
    pthread_mutex_t lock;
    parcel block;
    pk_heap *home;
} shared[SLOTS];

static pk_heap *heaps[HEAPS];
static size_t n_heaps, ops_each;
static uint64_t seed;

static void renew_slot(rng *r, size_t i)
{
    if (shared[i].block.p) {
        EXPECT(pk_heap_of(shared[i].block.p) == shared[i].home);
        parcel_free(&shared[i].block);
    } else {
        shared[i].home = heaps[rng_below(r, n_heaps)];
        shared[i].block = parcel_make(shared[i].home, parcel_size(r), rng_next(r));
    }
}

static void realloc_slot(rng *r, size_t i)
{
    parcel *it = &shared[i].block;
    if (!it->p) return;
    size_t n = parcel_size(r), kept = n < it->n ? n : it->n;
    void *p = pk_heap_realloc(heaps[0], it->p, n);
    EXPECT_AT(p && pattern_holds(p, it->n, kept, it->tag), it->n, n);
    EXPECT(pk_heap_of(p) == shared[i].home);
    *it = (parcel){p, n, rng_next(r)};
    pattern_fill(p, n, it->tag);
}

/* Half of the time on blocks of its own, half on those of all. */
static void *random_ops(void *arg)
{
    size_t me = (size_t)(uintptr_t)arg;
    rng r = rng_make(seed + me);
    enum { OWN = 256 };
    parcel own[OWN] = {{NULL, 0, 0}};
    for (size_t op = 0; op < ops_each; op++) {
        size_t i = rng_below(&r, SLOTS), k = i % OWN;
        if (rng_below(&r, 2)) {
            pthread_mutex_lock(&shared[i].lock);
            if (rng_below(&r, 6))
                renew_slot(&r, i);
            else
                realloc_slot(&r, i);
            pthread_mutex_unlock(&shared[i].lock);
        } else if (own[k].p) {
            parcel_free(&own[k]);
        } else {
            own[k] = parcel_make(heaps[i % n_heaps], parcel_size(&r), op);
        }
        if (op % 20000 == 0) pk_heap_trim(heaps[i % n_heaps], op % 40000 ? 0 : MIB);
        if (op % 1000 == 0) EXPECT(pk_heap_check(heaps[i % n_heaps]));
        if (op % 5000 == 0) (void)heap_figures(heaps[i % n_heaps]);
    }
    for (size_t k = 0; k < OWN; k++) {
        if (own[k].p) parcel_free(&own[k]);
    }
    return NULL;
}

static size_t left_in(const pk_heap *one)
{
    size_t count = 0;
    for (size_t i = 0; i < SLOTS; i++) count += shared[i].block.p && shared[i].home == one;
    return count;
}

static void run_threads(void)
{
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        thread_start(&thread[i], random_ops, (void *)(uintptr_t)i);
    }
    for (size_t i = 0; i < THREADS; i++) thread_join(thread[i]);
    for (size_t i = 0; i < n_heaps; i++) {
        EXPECT_AT(heap_figures(heaps[i]).n_live == left_in(heaps[i]), heap_figures(heaps[i]).n_live,
                  left_in(heaps[i]));
        heap_is_sound(heaps[i]);
    }
}

static void run_all(size_t ops, size_t rounds)
{
    seed = rng_run_seed();
    ops_each = scaled(ops / rounds / THREADS);
    for (size_t i = 0; i < SLOTS; i++) pthread_mutex_init(&shared[i].lock, NULL);
    for (size_t round = 0; round < rounds; round++, seed += THREADS) run_threads();
    for (size_t i = 0; i < SLOTS; i++) {
        if (shared[i].block.p && i % 2) parcel_free(&shared[i].block);
        pthread_mutex_destroy(&shared[i].lock);
    }
}

START_TEST(four_threads_one_heap)
{
    n_heaps = 1;
    heaps[0] = heap;
    run_all(2000000, 4);
    for (size_t i = 0; i < SLOTS; i += 2) {
        if (shared[i].block.p) parcel_free(&shared[i].block);
    }
    ck_assert_uint_eq(heap_figures(heap).n_live, 0);
    pk_heap_trim(heap, 0);
}
END_TEST

START_TEST(four_threads_many_heaps)
{
    n_heaps = HEAPS;
    for (size_t i = 0; i < HEAPS - 1; i++) {
        ck_assert_int_eq(pk_heap_create(&heaps[i], NULL), PK_OK);
    }
    heaps[HEAPS - 1] = heap;
    run_all(1000000, 2);
    for (size_t i = 0; i < HEAPS - 1; i++) pk_heap_destroy(heaps[i]); /* with what is left */
}
END_TEST

/* Each thread makes and ends heaps of its own while the others do the same. */
static void *own_heaps(void *arg)
{
    rng r = rng_make(seed + (size_t)(uintptr_t)arg);
    for (size_t i = 0; i < ops_each; i++) {
        pk_heap *one;
        EXPECT(pk_heap_create(&one, NULL) == PK_OK);
        for (size_t k = 0; k < 50; k++) {
            parcel it = parcel_make(one, parcel_size(&r), k);
            EXPECT(pk_heap_of(it.p) == one);
            if (k % 2) parcel_free(&it);
        }
        EXPECT_AT(heap_figures(one).n_live == 25, heap_figures(one).n_live, i);
        if (i % 16 == 0) heap_is_sound(one);
        pk_heap_destroy(one);
    }
    return NULL;
}

START_TEST(threads_make_and_end_heaps_at_once)
{
    pthread_t thread[THREADS];
    seed = rng_run_seed();
    ops_each = scaled(2000);
    for (size_t i = 0; i < THREADS; i++) thread_start(&thread[i], own_heaps, (void *)(uintptr_t)i);
    for (size_t i = 0; i < THREADS; i++) thread_join(thread[i]);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("shared_heap");
    ADD_CASE(suite, heap_case("shared_heap"), 90, four_threads_one_heap, four_threads_many_heaps,
             threads_make_and_end_heaps_at_once);
    return suite;
}

TEST_MAIN(make_suite)
