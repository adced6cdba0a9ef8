/* SPDX-License-Identifier: MIT
 * bad_input_test.c: one test for each row of docs/design/bad-input.md: what a call with bad input does,
 * the same for all kinds of pools as far as it makes sense for them. */
#include "block_fixture.h"
#include "fault_log.h"
#include "runner.h"

#include <poolkit/poolkit.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static fault_log faults;
static pk_block_pool blocks, others;
static pk_arena arena;
static pk_heap *heap, *other_heap;
static pk_shared_pool *shared[2], *other_shared;
static int a_static[16];

static void setup(void)
{
    pk_block_pool_opts opts = {.block_size = 64, .name = "blocks", .flags = PK_CHECKED};
    memset(&faults, 0, sizeof faults);
    pk_on_fault(fault_log_add, &faults);
    block_open(&blocks, opts);
    block_open(&others, opts);
    opts.flags = 0;
    EXPECT(pk_shared_pool_create(&shared[0], &opts, PK_PER_THREAD) == PK_OK);
    EXPECT(pk_shared_pool_create(&shared[1], &opts, PK_LOCKED) == PK_OK);
    EXPECT(pk_shared_pool_create(&other_shared, &opts, PK_LOCKED) == PK_OK);
    EXPECT(pk_heap_create(&heap, NULL) == PK_OK && pk_heap_create(&other_heap, NULL) == PK_OK);
    EXPECT(pk_arena_init(&arena, NULL) == PK_OK);
}

static void teardown(void)
{
    block_sound(&blocks);
    block_sound(&others);
    EXPECT(pk_heap_audit(heap, NULL, 0) == 0 && pk_shared_pool_audit(shared[0], NULL, 0) == 0);
    EXPECT(pk_shared_pool_audit(shared[1], NULL, 0) == 0);
    (void)pk_block_pool_fini(&blocks);
    (void)pk_block_pool_fini(&others);
    for (int i = 0; i < 2; i++) (void)pk_shared_pool_destroy(shared[i]);
    (void)pk_shared_pool_destroy(other_shared);
    pk_heap_destroy(heap);
    pk_heap_destroy(other_heap);
    pk_arena_fini(&arena);
    EXPECT_AT(faults.count == 0, faults.count, faults.kind);
    pk_on_fault(NULL, NULL);
}

/* The compiler is not to know what it is that gets freed. */
static void *hidden(const void *p)
{
    const void *volatile v = p;
    return (void *)(uintptr_t)v;
}

static void told(pk_fault_kind kind, const void *p)
{
    EXPECT_AT(faults.count == 1 && faults.kind == kind, faults.count, faults.kind);
    EXPECT_AT(faults.ptr == p, (uintptr_t)faults.ptr, (uintptr_t)p);
    memset(&faults, 0, sizeof faults);
}

static size_t live_in_heap(void)
{
    pk_stats s;
    pk_heap_stats(heap, &s);
    return (size_t)s.n_live;
}

/* The calls that must come to nothing. */
#define FAILS_WITH(error, expression)                                                              \
    do {                                                                                           \
        errno = 0;                                                                                 \
        EXPECT_AT((expression) == NULL, __LINE__, 0);                                              \
        EXPECT_AT(errno == (error), errno, __LINE__);                                              \
    } while (0)

/* ---- create ---- */

START_TEST(create_with_bad_arguments)
{
    static const pk_block_pool_opts bad[] = {{.block_size = 0},
                                             {.block_size = SIZE_MAX},
                                             {.block_size = 8, .align = 24},
                                             {.block_size = 8, .align = 131072},
                                             {.block_size = 8, .per_chunk = SIZE_MAX},
                                             {.block_size = 8, .flags = 64},
                                             {.size = 9999, .block_size = 8}};
    pk_block_pool pool;
    pk_shared_pool *out = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT_AT(pk_block_pool_init(&pool, &bad[i]) == PK_EINVAL, i, 0);
        EXPECT_AT(pk_shared_pool_create(&out, &bad[i], PK_LOCKED) == PK_EINVAL, i, 0);
    }
    pk_arena none;
    pk_heap *no_heap = NULL;
    ck_assert_int_eq(pk_arena_init(&none, &(pk_arena_opts){.limit = 10}), PK_EINVAL);
    ck_assert_int_eq(pk_arena_init(&none, &(pk_arena_opts){.size = 9999}), PK_EINVAL);
    ck_assert_int_eq(pk_heap_create(&no_heap, &(pk_heap_opts){.size = 9999}), PK_EINVAL);
    ck_assert_int_eq(pk_heap_create(NULL, NULL), PK_EINVAL);
    ck_assert(no_heap == NULL && out == NULL);
}
END_TEST

START_TEST(create_with_alignment_0)
{
    pk_block_pool pool;
    block_open(&pool, (pk_block_pool_opts){.block_size = 17, .name = NULL});
    for (int i = 0; i < 9; i++) ck_assert_uint_eq((uintptr_t)block_get(&pool) % PK_ALIGN, 0);
    (void)pk_block_pool_fini(&pool);
}
END_TEST

START_TEST(create_with_a_size_that_is_rounded)
{
    pk_block_pool pool;
    block_open(&pool, (pk_block_pool_opts){.block_size = 1, .align = 64});
    size_t real = pk_block_pool_block_size(&pool);
    ck_assert_uint_eq(real, pools_are_watched() ? 1 : 64);
    (void)block_get(&pool);
    ck_assert_uint_ge(block_figures(&pool).live, 64);
    (void)pk_block_pool_fini(&pool);
}
END_TEST

START_TEST(create_in_a_buffer_that_is_too_small)
{
    static char memory[4096];
    pk_block_pool pool;
    pk_block_pool_opts opts = {.block_size = 64};
    size_t need = pk_block_pool_need(&opts, 1);
    ck_assert(need > 64 && need <= sizeof memory);
    opts.buffer = memory;
    opts.buffer_size = 200;
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_EINVAL);
    opts.buffer = NULL;
    opts.buffer_size = need;
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_EINVAL);
    opts.buffer = memory;
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_OK);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
}
END_TEST

START_TEST(create_in_a_misaligned_buffer)
{
    static _Alignas(64) char memory[8192];
    pk_block_pool pool;
    pk_block_pool_opts opts = {.block_size = 64, .align = 64};
    for (size_t at = 0; at < 64; at++) {
        opts.buffer = memory + at;
        opts.buffer_size = pk_block_pool_need(&opts, 3);
        block_open(&pool, opts);
        for (int i = 0; i < 3; i++) EXPECT_AT((uintptr_t)block_get(&pool) % 64 == 0, at, i);
        (void)pk_block_pool_fini(&pool);
        opts.buffer = NULL;
        opts.buffer_size = 0;
    }
}
END_TEST

START_TEST(create_with_a_limit_below_one_chunk)
{
    pk_block_pool pool;
    pk_block_pool_opts opts = {.block_size = 64, .limit = 100};
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_ELIMIT);
    ck_assert_int_eq(pk_arena_init(&arena, &(pk_arena_opts){.limit = 100}), PK_EINVAL);
}
END_TEST

/* ---- alloc ---- */

static void from_null_block_pool(void) { (void)pk_block_pool_alloc(hidden(NULL)); }
static void from_null_arena(void) { (void)pk_arena_alloc(hidden(NULL), 8); }

static bool survives(void (*fn)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        (void)freopen("/dev/null", "w", stderr); /* a sanitizer's report */
        fn();
        _exit(0);
    }
    EXPECT(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

START_TEST(alloc_from_a_pool_that_is_null)
{
    ck_assert(!survives(from_null_block_pool));
    ck_assert(!survives(from_null_arena));
    ck_assert_int_eq(pk_block_pool_reserve(NULL, 1), PK_EINVAL);
}
END_TEST

START_TEST(alloc_of_0_bytes)
{
    pk_allocator view[] = {pk_arena_as_alloc(&arena), pk_heap_as_alloc(heap),
                           pk_block_pool_as_alloc(&blocks), pk_shared_pool_as_alloc(shared[0])};
    for (int i = 0; i < 4; i++) {
        void *a = pk_get(view[i], 0, 1), *b = pk_get(view[i], 0, 1);
        EXPECT_AT(a != NULL && b != NULL && a != b, i, 0);
        pk_put(view[i], b, 0, 1);
        pk_put(view[i], a, 0, 1);
    }
}
END_TEST

START_TEST(alloc_of_more_than_a_block)
{
    FAILS_WITH(EINVAL, pk_get(pk_block_pool_as_alloc(&blocks), 65, 8));
    for (int i = 0; i < 2; i++) {
        FAILS_WITH(EINVAL, pk_get(pk_shared_pool_as_alloc(shared[i]), 65, 8));
        FAILS_WITH(EINVAL, pk_get(pk_shared_pool_as_alloc(shared[i]), SIZE_MAX, 8));
    }
}
END_TEST

START_TEST(alloc_of_sizes_that_overflow)
{
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < 4; i++) {
        volatile size_t n = huge[i];
        FAILS_WITH(ENOMEM, pk_arena_alloc(&arena, n));
        FAILS_WITH(ENOMEM, pk_arena_alloc_aligned(&arena, n, 4096));
        FAILS_WITH(ENOMEM, pk_arena_array(&arena, n, 3, 8));
        FAILS_WITH(ENOMEM, pk_heap_alloc(heap, n));
        FAILS_WITH(ENOMEM, pk_heap_zalloc(heap, n));
        FAILS_WITH(ENOMEM, pk_heap_alloc_aligned(heap, n, 4096));
        FAILS_WITH(ENOMEM, pk_get_array(pk_heap_as_alloc(heap), n, 3, 8));
    }
}
END_TEST

START_TEST(alloc_at_bad_alignments)
{
    static const size_t bad[] = {0, 3, 24, SIZE_MAX};
    for (int i = 0; i < 4; i++) {
        volatile size_t align = bad[i];
        FAILS_WITH(EINVAL, pk_arena_alloc_aligned(&arena, 8, align));
        FAILS_WITH(EINVAL, pk_heap_alloc_aligned(heap, 8, align));
        FAILS_WITH(EINVAL, pk_get(pk_block_pool_as_alloc(&blocks), 8, align));
        FAILS_WITH(EINVAL, pk_get(pk_shared_pool_as_alloc(shared[0]), 8, align));
        FAILS_WITH(EINVAL, pk_get(pk_libc(), 8, align));
    }
}
END_TEST

static unsigned asked;

static bool ask_twice(void *arg, size_t need, pk_status why)
{
    EXPECT(arg == &asked && need > 0 && why == PK_ELIMIT);
    return ++asked % 3 != 0;
}

START_TEST(alloc_beyond_the_limit)
{
    pk_block_pool pool;
    block_open(&pool,
               (pk_block_pool_opts){
                   .block_size = 64, .max_blocks = 1, .on_oom = ask_twice, .oom_arg = &asked});
    void *p = block_get(&pool);
    block_refused(&pool, ENOMEM);
    ck_assert_uint_eq(asked, 3);
    pk_block_pool_free(&pool, p);
    (void)block_get(&pool);
    (void)pk_block_pool_fini(&pool);

    pk_arena small;
    pk_arena_opts opts = {.limit = 8192, .on_oom = ask_twice, .oom_arg = &asked};
    ck_assert_int_eq(pk_arena_init(&small, &opts), PK_OK);
    FAILS_WITH(ENOMEM, pk_arena_alloc(&small, 10000));
    ck_assert_uint_eq(asked, 6);
    ck_assert_ptr_nonnull(pk_arena_alloc(&small, 100));
    pk_arena_fini(&small);

    pk_heap *bounded;
    pk_heap_opts heap_opts = {.limit = MIB, .on_oom = ask_twice, .oom_arg = &asked};
    ck_assert_int_eq(pk_heap_create(&bounded, &heap_opts), PK_OK);
    FAILS_WITH(ENOMEM, pk_heap_alloc(bounded, 2 * MIB));
    ck_assert_uint_eq(asked, 9);
    ck_assert_ptr_nonnull(pk_heap_alloc(bounded, 100));
    pk_heap_destroy(bounded);
}
END_TEST

static void *give_back(void *arg)
{
    pk_block_pool_free(&blocks, arg);
    return block_get(&blocks);
}

START_TEST(alloc_in_another_thread)
{
    pthread_t thread;
    void *p = block_get(&blocks), *q = NULL; /* one after the other: allowed */
    ck_assert_int_eq(pthread_create(&thread, NULL, give_back, p), 0);
    ck_assert_int_eq(pthread_join(thread, &q), 0);
    ck_assert(q == p && pk_block_pool_owns(&blocks, q));
}
END_TEST

static unsigned refusals;

static void destroy_that_allocates(void *block, void *arg)
{
    (void)block;
    block_refused(arg, EDEADLK);
    refusals++;
}

static bool construct_that_allocates(void *block, void *arg)
{
    destroy_that_allocates(block, arg);
    return true;
}

static bool oom_that_allocates(void *arg, size_t need, pk_status why)
{
    (void)need, (void)why;
    destroy_that_allocates(NULL, arg);
    return false;
}

START_TEST(alloc_inside_a_callback)
{
    pk_block_pool pool;
    block_open(&pool, (pk_block_pool_opts){.block_size = 64,
                                           .max_blocks = 1,
                                           .on_oom = oom_that_allocates,
                                           .oom_arg = &pool});
    (void)block_get(&pool);
    block_refused(&pool, ENOMEM);
    ck_assert_uint_eq(refusals, 1);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1);
    refusals = 0;
    block_open(&pool, (pk_block_pool_opts){.block_size = 64,
                                           .construct = construct_that_allocates,
                                           .destroy = destroy_that_allocates,
                                           .object_arg = &pool});
    (void)block_get(&pool);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1);
    ck_assert_uint_eq(refusals, 2);
}
END_TEST

#include "bad_input_rest.h"

static Suite *make_suite(void)
{
    Suite *suite = suite_create("bad_input");
    TCase *tcase = tcase_create("rows");
    tcase_add_checked_fixture(tcase, setup, teardown);
    ADD_CASE(suite, tcase, 10, create_with_bad_arguments, create_with_alignment_0,
             create_with_a_size_that_is_rounded, create_in_a_buffer_that_is_too_small,
             create_in_a_misaligned_buffer, create_with_a_limit_below_one_chunk,
             alloc_from_a_pool_that_is_null, alloc_of_0_bytes, alloc_of_more_than_a_block,
             alloc_of_sizes_that_overflow, alloc_at_bad_alignments, alloc_beyond_the_limit,
             alloc_in_another_thread, alloc_inside_a_callback, free_of_null, free_twice,
             free_inside_a_block, free_of_another_pools_block, free_of_no_pools_memory,
             free_after_the_end, free_on_an_arena, free_with_a_wrong_size, realloc_of_null_and_to_0,
             realloc_of_no_block, questions_about_no_block, reset_with_blocks_in_use,
             rewind_to_a_bad_mark, destroy_with_blocks_in_use, destroy_of_null_and_twice,
             construct_that_fails, destroy_that_frees_its_object, thread_exit_with_live_blocks,
             fork_in_any_state, null_for_results, options_in_the_environment);
    return suite;
}

int main(int argc, char **argv)
{
    (void)argv;
    return argc > 1 ? 0 : run_suite(make_suite()); /* for options_in_the_environment */
}
