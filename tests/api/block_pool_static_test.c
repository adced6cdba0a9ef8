/* SPDX-License-Identifier: MIT
 * block_pool_static_test.c: pools in static storage: what they need, wherever the buffer lies, and what
 * becomes of a buffer that is larger or smaller. */
#include "block_fixture.h"
#include "runner.h"

static pk_block_pool pool;
static _Alignas(128) char memory[300 * 1024];

static const size_t sizes[] = {1, 16, 17, 48, 100, 1000, 4096};
static const size_t aligns[] = {0, 1, 16, 64, 4096, 65536};
enum { SIZES = 7, ALIGNS = 6 };

/* Takes all blocks that there are; each lies in the buffer, and bytes around the buffer stay. */
static size_t use_up(char *begin, size_t size, size_t block_size, size_t align)
{
    size_t n = 0;
    char *p;
    while ((p = pk_block_pool_alloc(&pool)) != NULL) {
        EXPECT_AT(p >= begin && p + block_size <= begin + size, p - begin, size);
        EXPECT_AT((uintptr_t)p % (align < PK_ALIGN ? PK_ALIGN : align) == 0, align, n);
        memset(p, 0x5A, pk_block_pool_block_size(&pool));
        n++;
    }
    EXPECT_AT(errno == ENOMEM, errno, n);
    EXPECT_AT(block_sound(&pool).n_live == n, n, size);
    EXPECT_AT(block_figures(&pool).committed == size, size, n);
    return n;
}

/* A pool in memory[at .. at + size); returns how many blocks it has, 0 if it is refused. */
static size_t try_buffer(size_t at, size_t size, pk_block_pool_opts opts)
{
    EXPECT_AT(at + size <= sizeof memory, at, size);
    memset(memory, 0x33, sizeof memory);
    opts.buffer = memory + at;
    opts.buffer_size = size;
    pk_status status = pk_block_pool_init(&pool, &opts);
    if (status != PK_OK) {
        EXPECT_AT(status == PK_EINVAL, at, size);
        return 0;
    }
    size_t n = use_up(memory + at, size, opts.block_size, opts.align);
    EXPECT_AT(n > 0, at, size);
    EXPECT_AT(pk_block_pool_fini(&pool) == n, at, size);
    for (size_t i = 0; i < 64; i++) {
        EXPECT_AT(at < 64 || memory[at - 1 - i] == 0x33, at, i);
        EXPECT_AT(at + size + i >= sizeof memory || memory[at + size + i] == 0x33, at, i);
    }
    return n;
}

START_TEST(what_is_needed_is_enough_wherever_it_lies)
{
    for (int i = 0; i < SIZES * ALIGNS; i++) {
        pk_block_pool_opts opts = {
            .block_size = sizes[i % SIZES], .align = aligns[i / SIZES], .flags = (unsigned)_i};
        for (size_t n = 1; n <= 10; n += 3) {
            size_t need = pk_block_pool_need(&opts, n);
            if (need + 128 > sizeof memory) continue;
            for (size_t at = 0; at < 128; at += n == 4 ? 1 : 17)
                EXPECT_AT(try_buffer(at, need, opts) >= n, i, at);
        }
    }
}
END_TEST

START_TEST(the_macro_is_never_less)
{
    for (int i = 0; i < SIZES * ALIGNS; i++) {
        size_t size = sizes[i % SIZES], align = aligns[i / SIZES];
        pk_block_pool_opts opts = {.block_size = size, .align = align, .flags = (unsigned)_i};
        for (size_t n = 1; n < 3000; n += n < 300 ? 1 : 101) {
            size_t need = pk_block_pool_need(&opts, n);
            EXPECT_AT(need > n * size, n, size);
            EXPECT_AT(PK_BLOCK_POOL_BYTES(n, size, align) >= need, n, i);
        }
    }
}
END_TEST

START_TEST(sizes_around_the_need)
{
    static const size_t size[] = {1, 40, 200};
    for (int i = 0; i < 3; i++) {
        pk_block_pool_opts opts = {.block_size = size[i], .flags = (unsigned)_i};
        size_t one = pk_block_pool_need(&opts, 1), five = pk_block_pool_need(&opts, 5), last = 0;
        for (size_t at = 0; at < 64; at += 21) {
            for (size_t n = one - 200; n < five + 100; n++) {
                size_t got = try_buffer(at, n, opts);
                EXPECT_AT(n < one || got >= 1, n, at);
                EXPECT_AT(n < five || got >= 5, n, at);
                EXPECT_AT(n == one - 200 || got >= last, n, at); /* never fewer with more room */
                last = got;
            }
        }
        for (size_t n = 1; n < 300; n++) EXPECT_AT(try_buffer(3, n, opts) == 0, n, i);
    }
}
END_TEST

START_TEST(needs_that_are_impossible)
{
    pk_block_pool_opts opts = {.block_size = 64};
    ck_assert_uint_eq(pk_block_pool_need(NULL, 1), 0);
    ck_assert_uint_eq(pk_block_pool_need(&opts, 0), 0);
    ck_assert_uint_eq(pk_block_pool_need(&opts, SIZE_MAX), 0);
    ck_assert_uint_eq(pk_block_pool_need(&opts, SIZE_MAX / 64), 0);
    ck_assert_uint_eq(pk_block_pool_need(&opts, SIZE_MAX / 64 + 2), 0);
    ck_assert_uint_ne(pk_block_pool_need(&opts, 1000000), 0);
    opts.block_size = 0;
    ck_assert_uint_eq(pk_block_pool_need(&opts, 1), 0);
    opts = (pk_block_pool_opts){.block_size = 64, .align = 48};
    ck_assert_uint_eq(pk_block_pool_need(&opts, 1), 0);
}
END_TEST

START_TEST(the_buffer_is_all_that_is_used)
{
    test_source source;
    pk_block_pool_opts opts = {.block_size = 100,
                               .buffer = memory + 5,
                               .buffer_size = 20000,
                               .flags = (unsigned)_i,
                               .source = test_source_make(&source)};
    block_open(&pool, opts);
    size_t n = use_up(memory + 5, 20000, 100, 0);
    ck_assert_int_eq(pk_block_pool_reserve(&pool, 1), PK_ELIMIT);
    ck_assert_uint_eq(pk_block_pool_trim(&pool, 0), 0);
    for (int round = 0; round < 3; round++) {
        pk_block_pool_reset(&pool);
        ck_assert_uint_eq(pk_block_pool_trim(&pool, 0), 0);
        ck_assert_uint_eq(use_up(memory + 5, 20000, 100, 0), n);
    }
    ck_assert_uint_eq(pk_block_pool_fini(&pool), n);
    ck_assert_uint_eq(source.calls, 0);
}
END_TEST

START_TEST(beyond_the_buffer_with_max_blocks)
{
    static void *p[2000];
    test_source source;
    pk_block_pool_opts opts = {.block_size = 100,
                               .buffer = memory + 5,
                               .buffer_size = 20000,
                               .max_blocks = 2000,
                               .flags = (unsigned)_i,
                               .source = test_source_make(&source)};
    block_open(&pool, opts);
    for (int round = 0; round < 3; round++) {
        ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, 2000, 2000), 2000);
        block_refused(&pool, ENOMEM);
        pk_stats s = block_sound(&pool);
        ck_assert(s.n_chunks >= 2 && s.committed == source.bytes + 20000);
        for (int i = 0; i < 2000; i++) EXPECT(pk_block_pool_owns(&pool, p[i]));
        pk_block_pool_free_n(&pool, p, 2000);
        (void)pk_block_pool_trim(&pool, 0);
        ck_assert_uint_eq(block_sound(&pool).n_chunks, 1);
    }
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
    test_source_is_even(&source);
}
END_TEST

START_TEST(fewer_than_the_buffer_holds)
{
    void *p[3];
    block_open(&pool, (pk_block_pool_opts){.block_size = 100,
                                           .buffer = memory,
                                           .buffer_size = 20000,
                                           .max_blocks = 3,
                                           .flags = (unsigned)_i});
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, 3, 3), 3);
    block_refused(&pool, ENOMEM);
    pk_block_pool_free(&pool, p[1]);
    (void)block_get(&pool);
    block_refused(&pool, ENOMEM);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 3);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("block_pool_static");
    TCase *each = tcase_create("each combination of flags");
    const TTest *const looped[] = {what_is_needed_is_enough_wherever_it_lies,
                                   the_macro_is_never_less,
                                   sizes_around_the_need,
                                   the_buffer_is_all_that_is_used,
                                   beyond_the_buffer_with_max_blocks,
                                   fewer_than_the_buffer_holds};
    tcase_set_timeout(each, memory_is_measurable() ? 20 : 100);
    for (size_t i = 0; i < sizeof looped / sizeof *looped; i++)
        tcase_add_loop_test(each, looped[i], 0, BLOCK_FLAGS);
    suite_add_tcase(suite, each);
    ADD_CASE(suite, tcase_create("once"), 10, needs_that_are_impossible);
    return suite;
}

TEST_MAIN(make_suite)
