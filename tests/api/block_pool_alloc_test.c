/* SPDX-License-Identifier: MIT
 * block_pool_alloc_test.c: blocks of all sizes and alignments, in all orders; bounds; many at once;
 * zeroed blocks; arguments that are refused. */
#include "block_fixture.h"
#include "pattern.h"
#include "runner.h"

static pk_block_pool pool;

/* ---- sizes ---- */

/* `n` blocks that lie apart, at their alignment, and can be used from end to end. */
static void try_size(size_t size, size_t align, unsigned flags, unsigned n)
{
    void *p[40];
    block_open(&pool, (pk_block_pool_opts){.block_size = size, .align = align, .flags = flags});
    size_t real = pk_block_pool_block_size(&pool);
    EXPECT_AT(real >= size && (pools_are_watched() || real % PK_ALIGN == 0), size, real);
    for (unsigned i = 0; i < n; i++) {
        p[i] = block_get(&pool);
        EXPECT_AT((uintptr_t)p[i] % (align < PK_ALIGN ? PK_ALIGN : align) == 0, size, align);
        EXPECT_AT((flags & PK_ZERO) == 0 || pattern_zero(p[i], real, 65536), size, align);
        pattern_fill(p[i], real, i);
    }
    for (unsigned i = 0; i < n; i++) EXPECT_AT(pattern_holds(p[i], real, real, i), size, align);
    EXPECT_AT(block_figures(&pool).n_live == n, size, align);
    for (unsigned i = 0; i < n; i++) pk_block_pool_free(&pool, p[i]);
    EXPECT_AT(block_sound(&pool).n_live == 0, size, align);
    EXPECT_AT(pk_block_pool_fini_if_empty(&pool) == PK_OK, size, align);
}

START_TEST(sizes_from_1_to_300)
{
    for (size_t size = 1; size <= 300; size++) try_size(size, 0, (unsigned)_i, 40);
}
END_TEST

START_TEST(sizes_up_to_64_mib)
{
    for (size_t size = 512; size <= 64 * MIB; size *= 2) {
        unsigned n = size > MIB ? 3 : 10;
        try_size(size, 0, (unsigned)_i, n);
        try_size(size - 1, 0, (unsigned)_i, n);
        if (size < 64 * MIB) try_size(size + 1, 0, (unsigned)_i, n);
    }
}
END_TEST

START_TEST(alignments_up_to_65536)
{
    static const size_t sizes[] = {1, 16, 17, 100, 4096, 65535, 65537, 300000};
    for (size_t align = 1; align <= 65536; align *= 2) {
        for (size_t i = 0; i < 8; i++) try_size(sizes[i], align, (unsigned)_i, 10);
    }
}
END_TEST

START_TEST(the_largest_size_is_1_gib)
{
    block_open(&pool, (pk_block_pool_opts){.block_size = 1024 * MIB});
    char *p = pk_block_pool_alloc(&pool);
    if (p != NULL) {
        p[0] = p[1024 * MIB - 1] = 1;
        ck_assert(pk_block_pool_owns(&pool, p));
        ck_assert(!pk_block_pool_owns(&pool, p + 512 * MIB));
    }
    ck_assert_uint_eq(pk_block_pool_fini(&pool), p != NULL);
}
END_TEST

/* Chunks of more than 4 GiB: a block's place no longer fits in 32 bits. */
START_TEST(far_blocks_of_a_huge_chunk)
{
    enum { N = 70000 };
    static void *block[N];
    if (pools_are_watched()) return; /* the shadow of so much memory is too much */
    block_open(&pool, (pk_block_pool_opts){
                          .block_size = 1, .align = 65536, .per_chunk = N, .flags = (unsigned)_i});
    if ((_i & PK_ZERO) == 0) { /* else each block would be written to */
        size_t n = pk_block_pool_alloc_n(&pool, block, N, 1);
        for (size_t i = 0; i < n; i++) {
            EXPECT_AT(pk_block_pool_owns(&pool, block[i]), i, n);
            if (i > 0 && i % 1000) continue;
            EXPECT_AT(!pk_block_pool_owns(&pool, (char *)block[i] + 16), i, n);
        }
        pk_block_pool_free_n(&pool, block, n);
        block_sound(&pool);
    }
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
}
END_TEST

/* ---- orders ---- */

static unsigned swap_next(unsigned *order, unsigned n)
{
    unsigned i = n - 1, k = n - 1;
    while (i > 0 && order[i - 1] >= order[i]) i--;
    if (i == 0) return 0;
    while (order[k] <= order[i - 1]) k--;
    unsigned t = order[i - 1];
    order[i - 1] = order[k], order[k] = t;
    for (k = n - 1; i < k; i++, k--) t = order[i], order[i] = order[k], order[k] = t;
    return 1;
}

START_TEST(all_orders_of_freeing_6_blocks)
{
    unsigned order[6] = {0, 1, 2, 3, 4, 5}, orders = 0;
    block_open(&pool, (pk_block_pool_opts){.block_size = 40, .flags = (unsigned)_i});
    do {
        void *p[6];
        for (unsigned i = 0; i < 6; i++) memset(p[i] = block_get(&pool), (int)i + 1, 40);
        for (unsigned i = 0; i < 6; i++) {
            const unsigned char *b = p[order[i]];
            EXPECT_AT(b[0] == order[i] + 1 && b[39] == order[i] + 1, i, orders);
            pk_block_pool_free(&pool, p[order[i]]);
            EXPECT_AT(block_figures(&pool).n_live == 5 - i, i, orders);
        }
        block_sound(&pool);
        orders++;
    } while (swap_next(order, 6));
    ck_assert_uint_eq(orders, 720);
    ck_assert_uint_eq(block_figures(&pool).n_chunks, 1);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
}
END_TEST

START_TEST(a_freed_block_comes_next_with_its_contents)
{
    block_open(&pool, (pk_block_pool_opts){.block_size = 64});
    char *p = block_get(&pool);
    memset(p, 7, 64);
    pk_block_pool_free(&pool, p);
    char *q = block_get(&pool);
    ck_assert_ptr_eq(p, q);
    if (!pools_are_watched()) ck_assert(q[0] == 7 && q[63] == 7);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1);
}
END_TEST

START_TEST(a_checked_pool_gives_the_lowest_free_address)
{
    void *p[100];
    block_open(&pool, (pk_block_pool_opts){.block_size = 64, .flags = PK_CHECKED});
    for (int i = 0; i < 100; i++) p[i] = block_get(&pool);
    pk_block_pool_free(&pool, p[70]);
    pk_block_pool_free(&pool, p[3]);
    pk_block_pool_free(&pool, p[40]);
    ck_assert_ptr_eq(block_get(&pool), p[3]);
    ck_assert_ptr_eq(block_get(&pool), p[40]);
    ck_assert_ptr_eq(block_get(&pool), p[70]);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 100);
}
END_TEST

/* ---- bounds ---- */

START_TEST(max_blocks_is_exact)
{
    static void *p[1000];
    for (size_t most = 1; most <= 1000; most = most * 3 + 1) {
        block_open(&pool, (pk_block_pool_opts){
                              .block_size = 100, .max_blocks = most, .flags = (unsigned)_i});
        for (int round = 0; round < 3; round++) {
            for (size_t i = 0; i < most; i++) p[i] = block_get(&pool);
            block_refused(&pool, ENOMEM);
            pk_block_pool_free(&pool, p[most / 2]);
            p[most / 2] = block_get(&pool);
            block_refused(&pool, ENOMEM);
            pk_block_pool_free_n(&pool, p, most);
            if (round == 1) block_sound(&pool);
        }
        ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
    }
}
END_TEST

START_TEST(the_limit_is_exact)
{
    test_source source;
    for (size_t limit = 64 * KIB; limit <= MIB; limit += 37 * KIB) {
        pk_block_pool_opts opts = {.block_size = 500,
                                   .per_chunk = 30,
                                   .limit = limit,
                                   .flags = (unsigned)_i,
                                   .source = test_source_make(&source)};
        block_open(&pool, opts);
        while (pk_block_pool_alloc(&pool) != NULL) EXPECT_AT(source.bytes <= limit, limit, 0);
        block_refused(&pool, ENOMEM);
        pk_stats s = block_sound(&pool);
        EXPECT_AT(s.limit == limit && s.committed == source.bytes, limit, s.committed);
        size_t chunk = source.piece[source.n_pieces - 1].n;
        EXPECT_AT(limit - source.bytes < chunk, limit, source.bytes);
        ck_assert_uint_eq(pk_block_pool_fini(&pool), s.n_live);
        EXPECT_AT(source.most <= limit, source.most, limit);
        test_source_is_even(&source);
    }
}
END_TEST

START_TEST(a_limit_below_one_chunk_is_refused)
{
    static const size_t limits[] = {1, 4095, 4096, 4097, 100000, 262144, 262145};
    for (size_t i = 0; i < 7; i++) {
        pk_block_pool_opts opts = {.block_size = 64, .limit = limits[i]};
        ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_ELIMIT);
        block_refused(&pool, EINVAL);
    }
}
END_TEST

/* ---- many at once ---- */

START_TEST(many_at_once)
{
    void *p[300];
    block_open(&pool,
               (pk_block_pool_opts){.block_size = 32, .max_blocks = 200, .flags = (unsigned)_i});
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, 0, 0), 0);
    errno = 0;
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, 300, 201), 0);
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_eq(block_sound(&pool).n_live, 0);
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, 300, 300), 0);
    ck_assert_uint_eq(block_sound(&pool).n_live, 0);
    errno = 0;
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, 300, 200), 200);
    ck_assert_int_eq(errno, ENOMEM);
    for (int i = 0; i < 200; i++) ck_assert(pk_block_pool_owns(&pool, p[i]));
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p + 200, 5, 0), 0);
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p + 200, 5, 1), 0);
    for (int i = 0; i < 200; i += 3) {
        pk_block_pool_free(&pool, p[i]);
        p[i] = NULL;
    }
    pk_block_pool_free_n(&pool, p, 200);
    pk_block_pool_free_n(&pool, p, 0);
    pk_block_pool_free_n(&pool, NULL, 0);
    errno = 0;
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, 200, 200), 200);
    ck_assert_int_eq(errno, 0);
    pk_block_pool_free_n(&pool, p, 200);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
}
END_TEST

/* ---- zero ---- */

START_TEST(zeroed_blocks_are_zero_after_any_use)
{
    static const size_t sizes[] = {1, 16, 100, 4096, 100000};
    static _Alignas(64) char buffer[200000];
    unsigned flags = (unsigned)_i | PK_ZERO;
    for (int k = 0; k < 15; k++) {
        test_source source;
        pk_block_pool_opts opts = {.block_size = sizes[k % 5], .flags = flags};
        if (k / 5 == 1) opts.source = test_source_make(&source); /* not zero */
        if (k / 5 == 2) opts.buffer = buffer, opts.buffer_size = sizeof buffer;
        memset(buffer, 0x77, sizeof buffer);
        block_open(&pool, opts);
        size_t n = pk_block_pool_block_size(&pool);
        for (int round = 0; round < 20; round++) {
            void *p[20];
            size_t got = pk_block_pool_alloc_n(&pool, p, 20, 1);
            EXPECT_AT(got > 0, k, round);
            for (size_t i = 0; i < got; i++) {
                EXPECT_AT(pattern_zero(p[i], n, 200000), k, round);
                memset(p[i], 0xA5, n);
            }
            pk_block_pool_free_n(&pool, p, got);
            if (round % 5 == 3) pk_block_pool_reset(&pool);
            if (round % 5 == 4) (void)pk_block_pool_trim(&pool, 0);
        }
        ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
    }
}
END_TEST

/* ---- refused ---- */

static bool construct(void *block, void *arg) { return block != arg; }

START_TEST(options_that_are_refused)
{
    static char x[16];
    const pk_block_pool_opts bad[] = {
        {.block_size = 0},
        {.block_size = 1024 * MIB + 1},
        {.block_size = SIZE_MAX},
        {.block_size = 8, .align = 3},
        {.block_size = 8, .align = 24},
        {.block_size = 8, .align = 131072},
        {.block_size = 8, .align = SIZE_MAX},
        {.block_size = 8, .flags = 8},
        {.block_size = 8, .flags = ~0u},
        {.block_size = 8, .flags = PK_ZERO, .construct = construct},
        {.block_size = 8, .buffer = x},
        {.block_size = 8, .buffer_size = 4096},
        {.block_size = 8, .buffer = x, .buffer_size = sizeof x},
        {.block_size = 8, .per_chunk = SIZE_MAX},
        {.size = sizeof(pk_block_pool_opts) + 1, .block_size = 8},
        {.size = 1, .block_size = 8},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(&pool, 0xEE, sizeof pool);
        EXPECT_AT(pk_block_pool_init(&pool, &bad[i]) == PK_EINVAL, i, 0);
        block_refused(&pool, EINVAL);
        EXPECT_AT(pk_block_pool_fini(&pool) == 0, i, 0);
        bool by_buffer = bad[i].buffer != NULL || bad[i].buffer_size != 0;
        EXPECT_AT((pk_block_pool_need(&bad[i], 10) != 0) == by_buffer, i, 0);
    }
    ck_assert_int_eq(pk_block_pool_init(&pool, NULL), PK_EINVAL);
    ck_assert_int_eq(pk_block_pool_init(NULL, &(pk_block_pool_opts){.block_size = 8}), PK_EINVAL);
    ck_assert_int_eq(pk_block_pool_init(NULL, NULL), PK_EINVAL);
}
END_TEST

/* NULL, a pool that has ended, one that was refused: each call has an answer. */
START_TEST(pools_that_are_none)
{
    pk_block_pool ended, refused;
    block_open(&ended, (pk_block_pool_opts){.block_size = 8});
    (void)pk_block_pool_fini(&ended);
    ck_assert_int_eq(pk_block_pool_init(&refused, NULL), PK_EINVAL);
    pk_block_pool zero = {0}, *none[] = {NULL, &zero, &ended, &refused};
    for (int i = 0; i < 4; i++) {
        pk_block_pool *p = none[i];
        pk_stats s;
        char text[8] = "as is";
        pk_handle handle = pk_block_pool_handle(p, &pool);
        ck_assert(handle.index == 0 && handle.generation == 0);
        ck_assert_ptr_null(pk_block_pool_at(p, (pk_handle){1, 1}));
        ck_assert(!pk_block_pool_owns(p, &pool) && !pk_block_pool_owns(p, NULL));
        ck_assert_ptr_null(pk_block_pool_next_live(p, NULL));
        ck_assert_uint_eq(pk_block_pool_block_size(p), 0);
        ck_assert_uint_eq(pk_block_pool_trim(p, 0), 0);
        ck_assert_int_eq(pk_block_pool_reserve(p, 1), PK_EINVAL);
        ck_assert_uint_eq(pk_block_pool_audit(p, text, sizeof text), 0);
        ck_assert_str_eq(text, "as is");
        pk_block_pool_stats(p, &s);
        ck_assert(s.size == sizeof s && s.committed == 0 && s.name != NULL);
        pk_block_pool_stats(p, NULL);
        pk_block_pool_reset(p);
        ck_assert_int_eq(pk_block_pool_fini_if_empty(p), PK_OK);
        ck_assert_uint_eq(pk_block_pool_fini(p), 0);
        if (i < 2) continue;
        block_refused(p, EINVAL);
        pk_block_pool_free(p, NULL);
        void *out;
        ck_assert_uint_eq(pk_block_pool_alloc_n(p, &out, 1, 0), 0);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("block_pool_alloc");
    TCase *each = tcase_create("each combination of flags");
    const TTest *const looped[] = {sizes_from_1_to_300,
                                   sizes_up_to_64_mib,
                                   alignments_up_to_65536,
                                   far_blocks_of_a_huge_chunk,
                                   all_orders_of_freeing_6_blocks,
                                   max_blocks_is_exact,
                                   the_limit_is_exact,
                                   many_at_once,
                                   zeroed_blocks_are_zero_after_any_use};
    tcase_set_timeout(each, memory_is_measurable() ? 20 : 100);
    for (size_t i = 0; i < sizeof looped / sizeof *looped; i++)
        tcase_add_loop_test(each, looped[i], 0, BLOCK_FLAGS);
    suite_add_tcase(suite, each);
    ADD_CASE(suite, tcase_create("once"), 10, the_largest_size_is_1_gib,
             a_freed_block_comes_next_with_its_contents,
             a_checked_pool_gives_the_lowest_free_address, a_limit_below_one_chunk_is_refused,
             options_that_are_refused, pools_that_are_none);
    return suite;
}

TEST_MAIN(make_suite)
