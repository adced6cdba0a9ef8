/* SPDX-License-Identifier: MIT
 * block_pool_edges_test.c: what a block pool's limit leaves for blocks, and how a request for several
 * blocks fails. */
#include "expect.h"
#include "runner.h"

#include <poolkit/block_pool.h>

#include <errno.h>

enum { BURST = 5000 };

static size_t blocks_until_full(pk_block_pool *pool)
{
    size_t n = 0;
    while (pk_block_pool_alloc(pool) != NULL) n++;
    return n;
}

START_TEST(frees_leave_the_limit_to_blocks)
{
    static void *block[BURST];
    pk_block_pool_opts opts = {.block_size = 64, .limit = 4096 + 2 * 256 * 1024};
    pk_block_pool pool;
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_OK);
    size_t n = blocks_until_full(&pool);
    ck_assert_uint_gt(n, BURST);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), n);

    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_OK);
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, block, 3000, 3000), 3000);
    pk_block_pool_free_n(&pool, block, 3000);
    ck_assert_uint_eq(blocks_until_full(&pool), n);
    ck_assert_uint_eq(pk_block_pool_audit(&pool, NULL, 0), 0);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), n);
}
END_TEST

START_TEST(fewer_than_asked_for_sets_errno)
{
    void *block[3];
    pk_block_pool pool;
    ck_assert_int_eq(
        pk_block_pool_init(&pool, &(pk_block_pool_opts){.block_size = 64, .max_blocks = 2}), PK_OK);
    errno = 0;
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, block, 3, 2), 2);
    ck_assert_int_eq(errno, ENOMEM);
    pk_block_pool_free_n(&pool, block, 2);
    errno = 0;
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, block, 2, 3), 0); /* can never be */
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
}
END_TEST

/* To empty the stack would make a pair of alloc and owns some 40 µs. */
START_TEST(owns_leaves_the_stack)
{
    pk_block_pool pool;
    ck_assert_int_eq(pk_block_pool_init(&pool, &(pk_block_pool_opts){.block_size = 64}), PK_OK);
    void *block = pk_block_pool_alloc(&pool);
    void **top = pool.top;
    bool stacked = top[-1] != NULL; /* not under a memory checker */
    ck_assert(pk_block_pool_owns(&pool, block));
    ck_assert(pool.top == top && (top[-1] != NULL) == stacked);
    ck_assert(!stacked || !pk_block_pool_owns(&pool, top[-1]));
    pk_block_pool_free(&pool, block);
    ck_assert(!pk_block_pool_owns(&pool, block) && !pk_block_pool_owns(&pool, NULL));
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("block pool edges");
    ADD_CASE(s, tcase_create("edges"), 5, frees_leave_the_limit_to_blocks,
             fewer_than_asked_for_sets_errno, owns_leaves_the_stack);
    return s;
}

TEST_MAIN(suite)
