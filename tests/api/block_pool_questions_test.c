/* SPDX-License-Identifier: MIT
 * block_pool_questions_test.c: owns, next_live and handles: right for each address and each number, and
 * after everything that makes one stale. */
#include "block_fixture.h"
#include "rng.h"
#include "runner.h"

#include <sys/mman.h>

static pk_block_pool pool;
static void *block[3000];
static pk_handle handle[3000];

/* ---- owns ---- */

START_TEST(owns_only_blocks_in_use)
{
    static int a_static;
    int local;
    pk_block_pool other;
    pk_block_pool_opts opts = {.block_size = 48, .per_chunk = 20, .flags = (unsigned)_i};
    block_open(&pool, opts);
    block_open(&other, opts);
    void *libc = malloc(48), *foreign = block_get(&other);
    char *mapped = mmap(NULL, MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(mapped, MAP_FAILED);
    (void)pk_block_pool_alloc_n(&pool, block, 100, 100);
    const void *none[] = {NULL,
                          &local,
                          &a_static,
                          libc,
                          foreign,
                          mapped,
                          mapped + 4096,
                          &pool,
                          pool.ext,
                          (const void *)(uintptr_t)owns_only_blocks_in_use,
                          (void *)(uintptr_t)1,
                          (void *)(uintptr_t)16,
                          (void *)(uintptr_t)0x800000000000,
                          (void *)(UINTPTR_MAX - 15),
                          (void *)UINTPTR_MAX};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        EXPECT_AT(!pk_block_pool_owns(&pool, none[i]), i, 0);
    for (int i = 0; i < 100; i++) {
        char *p = block[i];
        EXPECT_AT(pk_block_pool_owns(&pool, p) && !pk_block_pool_owns(&other, p), i, 0);
        for (int at = 1; at < 48; at++) EXPECT_AT(!pk_block_pool_owns(&pool, p + at), i, at);
        uintptr_t chunk = (uintptr_t)p & ~(uintptr_t)2047;
        EXPECT_AT(!pk_block_pool_owns(&pool, (void *)chunk), i, 0); /* the chunk's head */
    }
    for (int i = 0; i < 100; i += 2) pk_block_pool_free(&pool, block[i]);
    for (int i = 0; i < 100; i++)
        EXPECT_AT(pk_block_pool_owns(&pool, block[i]) == (i % 2 == 1), i, 0);
    munmap(mapped, MIB);
    ck_assert(!pk_block_pool_owns(&pool, mapped));
    free(libc);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 50);
    ck_assert_uint_eq(pk_block_pool_fini(&other), 1);
}
END_TEST

/* All addresses of a small pool's chunks: as many are owned as are in use. */
START_TEST(owns_is_exact)
{
    static _Alignas(64) char memory[20000];
    block_open(&pool, (pk_block_pool_opts){.block_size = 40,
                                           .buffer = memory,
                                           .buffer_size = sizeof memory,
                                           .flags = (unsigned)_i});
    (void)pk_block_pool_alloc_n(&pool, block, 100, 100);
    for (int i = 0; i < 100; i += 3) pk_block_pool_free(&pool, block[i]);
    size_t owned = 0;
    for (size_t at = 0; at < sizeof memory; at++) owned += pk_block_pool_owns(&pool, memory + at);
    ck_assert_uint_eq(owned, 66);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 66);
}
END_TEST

/* ---- next_live ---- */

START_TEST(next_live_shows_each_once)
{
    block_open(&pool,
               (pk_block_pool_opts){.block_size = 48, .per_chunk = 70, .flags = (unsigned)_i});
    ck_assert_ptr_null(pk_block_pool_next_live(&pool, NULL));
    for (size_t n = 1; n <= 3000; n = n * 3 + 1) {
        (void)pk_block_pool_alloc_n(&pool, block, n, n);
        for (size_t i = 0; i < n; i++) *(size_t *)block[i] = 0;
        size_t seen = 0;
        for (size_t *p = NULL; (p = pk_block_pool_next_live(&pool, p)) != NULL; seen++) ++*p;
        EXPECT_AT(seen == n, seen, n);
        for (size_t i = 0; i < n; i++) EXPECT_AT(*(size_t *)block[i] == 1, i, n);
        pk_block_pool_free_n(&pool, block, n);
        ck_assert_ptr_null(pk_block_pool_next_live(&pool, NULL));
    }
    int local;
    ck_assert_ptr_null(pk_block_pool_next_live(&pool, &local));
    ck_assert_ptr_null(pk_block_pool_next_live(&pool, (void *)16));
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
}
END_TEST

/* Those in use throughout are all shown, once. */
START_TEST(next_live_while_blocks_come_and_go)
{
    enum { N = 1000 };
    rng r = rng_make(rng_run_seed());
    block_open(&pool,
               (pk_block_pool_opts){.block_size = 48, .per_chunk = 30, .flags = (unsigned)_i});
    for (int round = 0; round < 20; round++) {
        (void)pk_block_pool_alloc_n(&pool, block, N, N);
        for (size_t i = 0; i < N; i++) *(size_t *)block[i] = i % 2; /* 1 stays throughout */
        size_t kept = 0;
        for (size_t *p = NULL; (p = pk_block_pool_next_live(&pool, p)) != NULL;) {
            size_t *fresh = rng_below(&r, 3) ? NULL : block_get(&pool);
            if (fresh != NULL) *fresh = 2;
            if (*p == 1)
                kept++, *p = 3;
            else
                pk_block_pool_free(&pool, p);
        }
        EXPECT_AT(kept == N / 2, kept, round);
        pk_block_pool_reset(&pool);
    }
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
}
END_TEST

START_TEST(next_live_frees_all)
{
    block_open(&pool, (pk_block_pool_opts){.block_size = 48, .flags = (unsigned)_i});
    (void)pk_block_pool_alloc_n(&pool, block, 3000, 3000);
    for (void *p = NULL; (p = pk_block_pool_next_live(&pool, p)) != NULL;)
        pk_block_pool_free(&pool, p);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
}
END_TEST

/* ---- handles ---- */

static bool is_none(pk_handle h) { return h.index == 0 && h.generation == 0; }

static void open_handles(size_t per_chunk)
{
    block_open(&pool,
               (pk_block_pool_opts){.block_size = 64, .per_chunk = per_chunk, .flags = PK_HANDLES});
}

static void take_with_handles(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        block[i] = block_get(&pool);
        handle[i] = pk_block_pool_handle(&pool, block[i]);
        EXPECT_AT(!is_none(handle[i]), i, n);
    }
}

static void all_stale(size_t n)
{
    for (size_t i = 0; i < n; i++) EXPECT_AT(pk_block_pool_at(&pool, handle[i]) == NULL, i, n);
}

START_TEST(handles_name_blocks_in_use)
{
    int local;
    open_handles(20);
    take_with_handles(3000);
    for (size_t i = 0; i < 3000; i++) {
        EXPECT_AT(pk_block_pool_at(&pool, handle[i]) == block[i], i, 0);
        EXPECT(is_none(pk_block_pool_handle(&pool, (char *)block[i] + 16)));
    }
    ck_assert(is_none(pk_block_pool_handle(&pool, NULL)));
    ck_assert(is_none(pk_block_pool_handle(&pool, &local)));
    ck_assert_ptr_null(pk_block_pool_at(&pool, (pk_handle){0, 0}));
    for (size_t i = 0; i < 3000; i += 2) pk_block_pool_free(&pool, block[i]);
    for (size_t i = 0; i < 3000; i++) {
        void *right = i % 2 ? block[i] : NULL;
        EXPECT_AT(pk_block_pool_at(&pool, handle[i]) == right, i, 0);
        EXPECT_AT(is_none(pk_block_pool_handle(&pool, block[i])) == (right == NULL), i, 0);
    }
    pk_handle old[3] = {handle[0], handle[2], handle[4]};
    take_with_handles(1500); /* the same blocks again */
    for (int i = 0; i < 3; i++) ck_assert_ptr_null(pk_block_pool_at(&pool, old[i]));
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 3000);
    ck_assert_ptr_null(pk_block_pool_at(&pool, old[0]));
}
END_TEST

START_TEST(handles_are_stale_after_reset_and_trim)
{
    open_handles(20);
    take_with_handles(1000);
    pk_block_pool_reset(&pool);
    all_stale(1000);
    (void)pk_block_pool_alloc_n(&pool, block, 3000, 3000);
    all_stale(1000);
    pk_block_pool_reset(&pool);
    take_with_handles(1000);
    pk_block_pool_free_n(&pool, block, 1000);
    all_stale(1000);
    (void)pk_block_pool_trim(&pool, 0);
    all_stale(1000);
    (void)pk_block_pool_alloc_n(&pool, block, 3000, 3000);
    all_stale(1000);
    block_sound(&pool);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 3000);
}
END_TEST

START_TEST(random_numbers_are_no_handles)
{
    rng r = rng_make(rng_run_seed());
    size_t rounds = scaled(2000000);
    open_handles(20);
    take_with_handles(3000);
    for (size_t i = 0; i < 3000; i += 2) pk_block_pool_free(&pool, block[i]);
    for (size_t i = 0; i < rounds; i++) {
        uint64_t bits = rng_next(&r);
        pk_handle h = {(uint32_t)bits, (uint32_t)(bits >> 32)};
        if (i % 3 == 1) h.index %= 4000; /* some that are nearly right */
        if (i % 3 == 2) h.index %= 4000, h.generation %= 4000;
        void *p = pk_block_pool_at(&pool, h);
        if (p == NULL) continue;
        pk_handle right = pk_block_pool_handle(&pool, p);
        EXPECT_AT(right.index == h.index && right.generation == h.generation, h.index, i);
    }
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1500);
}
END_TEST

START_TEST(no_handles_without_the_flag)
{
    unsigned flags = (unsigned)_i & ~(unsigned)PK_HANDLES;
    block_open(&pool, (pk_block_pool_opts){.block_size = 64, .flags = flags});
    ck_assert(is_none(pk_block_pool_handle(&pool, block_get(&pool))));
    for (uint32_t i = 0; i < 10; i++)
        ck_assert_ptr_null(pk_block_pool_at(&pool, (pk_handle){i, i}));
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1);
}
END_TEST

START_TEST(handles_in_static_storage)
{
    static char memory[30000];
    block_open(&pool, (pk_block_pool_opts){.block_size = 64,
                                           .buffer = memory,
                                           .buffer_size = sizeof memory,
                                           .max_blocks = 3000,
                                           .flags = PK_HANDLES});
    take_with_handles(3000);
    for (size_t i = 0; i < 3000; i++)
        EXPECT_AT(pk_block_pool_at(&pool, handle[i]) == block[i], i, 0);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 3000);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("block_pool_questions");
    TCase *each = tcase_create("each combination of flags");
    const TTest *const looped[] = {owns_only_blocks_in_use,   owns_is_exact,
                                   next_live_shows_each_once, next_live_while_blocks_come_and_go,
                                   next_live_frees_all,       no_handles_without_the_flag};
    tcase_set_timeout(each, memory_is_measurable() ? 20 : 100);
    for (size_t i = 0; i < sizeof looped / sizeof *looped; i++)
        tcase_add_loop_test(each, looped[i], 0, BLOCK_FLAGS);
    suite_add_tcase(suite, each);
    ADD_CASE(suite, tcase_create("handles"), 10, handles_name_blocks_in_use,
             handles_are_stale_after_reset_and_trim, random_numbers_are_no_handles,
             handles_in_static_storage);
    return suite;
}

TEST_MAIN(make_suite)
