/* SPDX-License-Identifier: MIT
 * block_pool_names_test.c: handles when the chunk in the caller's buffer has far more blocks than those
 * that the pool grows by: indices run out long before the blocks of the small chunks are 2^32. */
#include "expect.h"
#include "runner.h"

#include <poolkit/block_pool.h>

#include <stdlib.h>

enum { IN_BUFFER = 1 << 22, MOST = 8192 };

START_TEST(each_block_has_a_handle_of_its_own)
{
    pk_block_pool_opts opts = {
        .block_size = 16, .flags = PK_HANDLES, .per_chunk = 1, .max_blocks = IN_BUFFER + MOST};
    pk_block_pool pool;
    opts.buffer_size = pk_block_pool_need(&opts, IN_BUFFER);
    opts.buffer = malloc(opts.buffer_size);
    ck_assert_ptr_nonnull(opts.buffer);
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_OK);
    size_t n = 0;
    for (void *block; n < IN_BUFFER + MOST && (block = pk_block_pool_alloc(&pool)) != NULL; n++) {
        pk_handle handle = pk_block_pool_handle(&pool, block);
        EXPECT_AT(pk_block_pool_at(&pool, handle) == block, n, handle.index);
    }
    ck_assert_uint_gt(n, IN_BUFFER + 1000);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), n);
    free(opts.buffer);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("block pool names");
    ADD_CASE(s, tcase_create("handles"), 15, each_block_has_a_handle_of_its_own);
    return s;
}

TEST_MAIN(suite)
