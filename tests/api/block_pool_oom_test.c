/* SPDX-License-Identifier: MIT
 * block_pool_oom_test.c: what a block pool's on_oom may do besides freeing blocks: not return, trim, end
 * the pool. */
#include "expect.h"
#include "runner.h"

#include <poolkit/block_pool.h>

#include <errno.h>
#include <setjmp.h>

static pk_block_pool pool;
static jmp_buf out_of_memory;
static unsigned asked;

static bool jump(void *arg, size_t need, pk_status why)
{
    (void)arg, (void)need, (void)why;
    asked++;
    longjmp(out_of_memory, 1);
}

START_TEST(on_oom_may_jump)
{
    static void *block[3];
    pk_block_pool_opts opts = {
        .block_size = 64, .max_blocks = 3, .on_oom = jump, .flags = (unsigned)_i};
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_OK);
    for (int i = 0; i < 3; i++) ck_assert_ptr_nonnull(block[i] = pk_block_pool_alloc(&pool));
    for (unsigned round = 1; round <= 3; round++) {
        if (setjmp(out_of_memory) == 0) {
            pk_block_pool_alloc(&pool);
            ck_abort_msg("on_oom returned");
        }
        ck_assert_uint_eq(asked, round);
        pk_block_pool_free(&pool, block[0]);
        ck_assert_ptr_nonnull(block[0] = pk_block_pool_alloc(&pool));
        ck_assert_uint_eq(pk_block_pool_audit(&pool, NULL, 0), 0);
        pk_block_pool_trim(&pool, 0);
    }
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 3);
}
END_TEST

static bool reset_it(void *arg, size_t need, pk_status why)
{
    (void)arg, (void)need, (void)why;
    pk_block_pool_reset(&pool);
    pk_block_pool_trim(&pool, 0);
    return ++asked < 2;
}

static bool end_it(void *arg, size_t need, pk_status why)
{
    (void)arg, (void)need, (void)why;
    pk_block_pool_fini(&pool);
    return true;
}

START_TEST(on_oom_may_reset_or_end_the_pool)
{
    pk_block_pool_opts opts = {.block_size = 64, .max_blocks = 1, .on_oom = reset_it};
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_OK);
    ck_assert_ptr_nonnull(pk_block_pool_alloc(&pool));
    ck_assert_ptr_nonnull(pk_block_pool_alloc(&pool));
    ck_assert_uint_eq(asked, 1);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1);

    opts.on_oom = end_it;
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_OK);
    ck_assert_ptr_nonnull(pk_block_pool_alloc(&pool));
    errno = 0;
    ck_assert_ptr_null(pk_block_pool_alloc(&pool));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("block pool out of memory");
    TCase *jumps = tcase_create("jumps");
    tcase_add_loop_test(jumps, on_oom_may_jump, 0, 3);
    suite_add_tcase(s, jumps);
    ADD_CASE(s, tcase_create("the pool"), 5, on_oom_may_reset_or_end_the_pool);
    return s;
}

TEST_MAIN(suite)
