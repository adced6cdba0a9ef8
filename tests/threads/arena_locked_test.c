/* SPDX-License-Identifier: MIT
 * arena_locked_test.c: a locked arena, whose blocks any thread may ask for, and arenas of threads of
 * their own on the system's pages. */
#include "arena_fixture.h"
#include "build.h"
#include "pattern.h"
#include "rng.h"
#include "runner.h"
#include "threads.h"

enum { THREADS = 4, KEPT = 2000 };

static pk_arena shared;

typedef struct {
    uint64_t seed;
    size_t ops, defers;
    pk_arena *arena;
    parcel kept[KEPT];
} worker;

static worker workers[THREADS];
static size_t cleaned;

static void count(void *arg)
{
    (void)arg;
    cleaned++;
}

static void *work(void *arg)
{
    worker *w = arg;
    rng r = rng_make(w->seed);
    w->defers = 0;
    for (size_t i = 0; i < w->ops; i++) {
        size_t n = rng_below(&r, 1000) ? rng_below(&r, 100) : rng_below(&r, 20000);
        unsigned char *p;
        switch (rng_below(&r, 8)) {
        case 0:
            p = pk_arena_zalloc(w->arena, n);
            EXPECT_AT(pattern_zero(p, n, SIZE_MAX), n, i);
            break;
        case 1:
            p = (unsigned char *)pk_arena_printf(w->arena, "%*zu", (int)n, i);
            EXPECT_AT(strtoull((char *)p, NULL, 10) == i && strlen((char *)p) >= n, n, i);
            break;
        case 2:
            p = pk_arena_alloc_aligned(w->arena, n, 64);
            break;
        case 3:
            p = pk_arena_alloc(w->arena, n);
            pattern_fill(p, n, i);
            size_t more = n + rng_below(&r, 50);
            p = pk_arena_realloc(w->arena, p, n, more);
            EXPECT_AT(pattern_holds(p, n, n, i), n, more);
            n = more;
            break;
        default:
            p = pk_arena_alloc(w->arena, n);
        }
        EXPECT_AT(p && (uintptr_t)p % 16 == 0, n, i);
        parcel *slot = &w->kept[i % KEPT];
        if (i >= KEPT) parcel_look_at(slot);
        *slot = (parcel){p, n, w->seed + i};
        pattern_fill(p, n, slot->tag);
        if (i % 100 == 0) {
            EXPECT(pk_arena_defer(w->arena, count, NULL) == PK_OK);
            w->defers++;
        }
    }
    for (size_t i = 0; i < KEPT && i < w->ops; i++) parcel_look_at(&w->kept[i]);
    return NULL;
}

static void run_all(uint64_t seed, pk_arena *const *arenas)
{
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].seed = seed + i * 1000000007u;
        workers[i].ops = scaled(100000);
        workers[i].arena = arenas[i];
        thread_start(&thread[i], work, &workers[i]);
    }
    for (size_t i = 0; i < THREADS; i++) thread_join(thread[i]);
}

START_TEST(four_threads_in_one_arena)
{
    uint64_t seed = rng_run_seed();
    ck_assert_int_eq(pk_arena_init(&shared, &(pk_arena_opts){.locked = true}), PK_OK);
    for (int round = 0; round < 2; round++) {
        run_all(seed + (uint64_t)round, (pk_arena *const[]){&shared, &shared, &shared, &shared});
        arena_figures(&shared);
        size_t defers = 0;
        for (size_t i = 0; i < THREADS; i++) {
            defers += workers[i].defers;
            for (size_t k = 0; k < KEPT && k < workers[i].ops; k++) {
                parcel_look_at(&workers[i].kept[k]); /* still, after all are done */
                EXPECT_AT(k % 100 || pk_arena_owns(&shared, workers[i].kept[k].p), i, k);
            }
        }
        cleaned = 0;
        pk_arena_reset(&shared);
        ck_assert_uint_eq(cleaned, defers);
        ck_assert_uint_eq(arena_figures(&shared).live, 0);
    }
    pk_arena_fini(&shared);
}
END_TEST

static void *life_after_life(void *arg)
{
    rng r = rng_make(*(uint64_t *)arg);
    for (size_t i = 0; i < scaled(5000); i++) {
        pk_arena one = {0};
        for (size_t k = rng_below(&r, 60); k > 0; k--) {
            size_t n = rng_size(&r, 3000);
            unsigned char *p = pk_arena_zalloc(&one, n);
            EXPECT_AT(p && pattern_zero(p, n, SIZE_MAX), n, i);
            memset(p, 0xFF, n);
        }
        pk_arena_fini(&one);
    }
    return NULL;
}

START_TEST(an_arena_for_each_thread)
{
    uint64_t seed = rng_run_seed(), seeds[THREADS];
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        seeds[i] = seed + i;
        thread_start(&thread[i], life_after_life, &seeds[i]);
    }
    for (size_t i = 0; i < THREADS; i++) thread_join(thread[i]);
}
END_TEST

static void *make_children(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < scaled(5000); i++) {
        pk_arena child;
        EXPECT(pk_arena_init(&child, &(pk_arena_opts){.parent = &shared}) == PK_OK);
        EXPECT(pk_arena_alloc(&child, 100) != NULL);
        pk_arena_fini(&child);
    }
    return NULL;
}

START_TEST(children_of_a_locked_arena)
{
    pthread_t thread[THREADS];
    ck_assert_int_eq(pk_arena_init(&shared, &(pk_arena_opts){.locked = true}), PK_OK);
    for (size_t i = 0; i < THREADS; i++) thread_start(&thread[i], make_children, NULL);
    for (size_t i = 0; i < THREADS; i++) thread_join(thread[i]);
    pk_arena_fini(&shared);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("arena_locked");
    TCase *tcase = tcase_create("locked");
    ADD_CASE(suite, tcase, 30, four_threads_in_one_arena, an_arena_for_each_thread,
             children_of_a_locked_arena);
    return suite;
}

TEST_MAIN(make_suite)
