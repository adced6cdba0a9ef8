/* SPDX-License-Identifier: MIT
 * block_pool_memory_test.c: reserve, trim, keep and reset; what goes to the page source and comes back,
 * also when it refuses. */
#include "block_fixture.h"
#include "rng.h"
#include "runner.h"

static pk_block_pool pool;
static test_source source;

static void open_counted(pk_block_pool_opts opts)
{
    opts.source = test_source_make(&source);
    block_open(&pool, opts);
}

static void close_even(size_t live)
{
    ck_assert_uint_eq(pk_block_pool_fini(&pool), live);
    test_source_is_even(&source);
}

/* ---- reserve ---- */

START_TEST(reserved_blocks_need_no_page_source)
{
    static void *p[3000];
    open_counted((pk_block_pool_opts){.block_size = 300, .per_chunk = 50, .flags = (unsigned)_i});
    for (size_t n = 1; n <= 3000; n = n * 5 + 1) {
        ck_assert_int_eq(pk_block_pool_reserve(&pool, n), PK_OK);
        size_t maps = source.maps;
        ck_assert_int_eq(pk_block_pool_reserve(&pool, n), PK_OK);
        source.fail_all = true;
        ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, n, n), n);
        ck_assert_uint_eq(source.maps, maps);
        block_sound(&pool);
        pk_block_pool_free_n(&pool, p, n);
        source.fail_all = false;
    }
    ck_assert_int_eq(pk_block_pool_reserve(&pool, 0), PK_OK);
    close_even(0);
}
END_TEST

START_TEST(reserve_gets_as_many_as_can_be_had)
{
    static void *p[3000];
    open_counted((pk_block_pool_opts){
        .block_size = 300, .max_blocks = 100, .per_chunk = 10, .flags = (unsigned)_i});
    void *one = block_get(&pool);
    ck_assert_int_eq(pk_block_pool_reserve(&pool, 100), PK_ELIMIT);
    source.fail_all = true;
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, 100, 99), 99);
    block_sound(&pool);
    pk_block_pool_free_n(&pool, p, 99);
    pk_block_pool_free(&pool, one);
    close_even(0);

    open_counted((pk_block_pool_opts){.block_size = 300, .flags = (unsigned)_i});
    source.fail_at = source.calls + 3;
    ck_assert_int_eq(pk_block_pool_reserve(&pool, 3000), PK_ENOMEM);
    ck_assert_uint_eq(block_sound(&pool).n_chunks, 2);
    close_even(0);
}
END_TEST

START_TEST(reserve_within_a_limit)
{
    open_counted((pk_block_pool_opts){.block_size = 100, .limit = MIB, .flags = (unsigned)_i});
    ck_assert_int_eq(pk_block_pool_reserve(&pool, 100000), PK_ELIMIT);
    pk_stats s = block_sound(&pool);
    ck_assert_uint_eq(s.n_chunks, 3);
    ck_assert_uint_eq(s.untouched, s.committed - s.overhead);
    close_even(0);
}
END_TEST

/* ---- trim ---- */

enum { MANY = 1000000, PIECES = 4096 };

typedef struct {
    uintptr_t begin;
    size_t size, live;
} piece;

static piece pieces[PIECES];
static size_t n_pieces;
static void **blocks;

static void *pieces_map(void *ctx, size_t n, size_t align, unsigned *got)
{
    pk_page_source os = pk_os_pages();
    void *p = os.ops->map(os.ctx, n, align, got);
    (void)ctx;
    EXPECT(p != NULL && n_pieces < PIECES);
    pieces[n_pieces++] = (piece){.begin = (uintptr_t)p, .size = n};
    return p;
}

static void pieces_unmap(void *ctx, void *p, size_t n)
{
    pk_page_source os = pk_os_pages();
    size_t i = 0;
    (void)ctx;
    while (i < n_pieces && pieces[i].begin != (uintptr_t)p) i++;
    EXPECT_AT(i < n_pieces && pieces[i].size == n, i, n);
    pieces[i] = pieces[--n_pieces];
    os.ops->unmap(os.ctx, p, n);
}

static pk_page_source pieces_source(void)
{
    static const pk_page_source_ops ops = {
        .size = sizeof ops, .map = pieces_map, .unmap = pieces_unmap};
    return (pk_page_source){&ops, NULL};
}

/* The piece that a block lies in, by a search of its own. */
static piece *piece_of(const void *p)
{
    static size_t last;
    if (last < n_pieces && (uintptr_t)p - pieces[last].begin < pieces[last].size)
        return &pieces[last];
    for (last = 0; last < n_pieces; last++)
        if ((uintptr_t)p - pieces[last].begin < pieces[last].size) return &pieces[last];
    EXPECT_AT(last < n_pieces, p, 0);
    return NULL;
}

static size_t count_live_by_piece(size_t n)
{
    size_t with_live = 0;
    for (size_t i = 0; i < n_pieces; i++) pieces[i].live = 0;
    for (size_t i = 0; i < n; i++)
        if (blocks[i] != NULL && piece_of(blocks[i])->live++ == 0) with_live++;
    return with_live;
}

/* Chunks without a live block are gone, all others are there. */
static void trim_and_look(size_t n)
{
    size_t with_live = count_live_by_piece(n), bytes = 0, given;
    for (size_t i = 0; i < n_pieces; i++) bytes += pieces[i].size;
    given = pk_block_pool_trim(&pool, 0);
    for (size_t i = 0; i < n_pieces; i++) bytes -= pieces[i].size;
    EXPECT_AT(given == bytes, given, bytes);
    EXPECT_AT(count_live_by_piece(n) == with_live, with_live, n_pieces);
    EXPECT_AT(block_sound(&pool).n_chunks == with_live, with_live, n_pieces);
}

START_TEST(trim_gives_back_each_chunk_without_a_live_block)
{
    size_t n = scaled(MANY);
    rng r = rng_make(rng_run_seed());
    blocks = calloc(n, sizeof *blocks);
    ck_assert_ptr_nonnull(blocks);
    n_pieces = 0;
    block_open(&pool, (pk_block_pool_opts){.block_size = 64,
                                           .per_chunk = (unsigned)_i / 2 % 2 ? 20 : 0,
                                           .max_blocks = _i >= 4 ? n + 1 : 0,
                                           .flags = _i % 2 ? PK_CHECKED : 0,
                                           .source = pieces_source()});
    if (_i / 2 % 2) n = n / 50 + 1; /* many small chunks: PIECES is enough for these */
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, blocks, n, n), n);
    for (size_t i = 0; i < n; i++) {
        if (rng_below(&r, 10) == 0) continue;
        pk_block_pool_free(&pool, blocks[i]);
        blocks[i] = NULL;
    }
    trim_and_look(n);

    /* One live block in each chunk pins exactly its own. */
    for (size_t i = 0; i < n; i++) {
        if (blocks[i] == NULL || piece_of(blocks[i])->live == 1) continue;
        piece_of(blocks[i])->live--;
        pk_block_pool_free(&pool, blocks[i]);
        blocks[i] = NULL;
    }
    size_t pinned = count_live_by_piece(n);
    ck_assert_uint_eq(pk_block_pool_trim(&pool, 0), 0);
    ck_assert_uint_eq(block_sound(&pool).n_live, pinned);
    for (size_t i = 0; i < n; i++) {
        if (blocks[i] == NULL) continue;
        pk_block_pool_free(&pool, blocks[i]);
        blocks[i] = NULL;
        if (i % 3 == 0) trim_and_look(n);
    }
    trim_and_look(n);
    ck_assert_uint_eq(block_figures(&pool).n_chunks, 0);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
    ck_assert_uint_eq(n_pieces, 0);
    free(blocks);
}
END_TEST

START_TEST(trim_keeps_as_many_as_told)
{
    static void *p[1000];
    for (size_t keep = 0; keep <= 1100; keep += 90) {
        open_counted(
            (pk_block_pool_opts){.block_size = 100, .per_chunk = 10, .flags = (unsigned)_i});
        ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, 1000, 1000), 1000);
        pk_stats before = block_sound(&pool);
        pk_block_pool_free_n(&pool, p, 1000);
        (void)pk_block_pool_trim(&pool, keep);
        pk_stats s = block_sound(&pool);
        size_t stride = (size_t)before.live / 1000;
        size_t had = (size_t)(before.live + before.free_in_chunks + before.untouched) / stride;
        size_t per_chunk = had / (size_t)before.n_chunks;
        size_t left = (size_t)(s.free_in_chunks + s.untouched) / stride;
        EXPECT_AT(left >= (keep < had ? keep : had), left, keep);
        EXPECT_AT(left < keep + per_chunk || left == had, left, keep);
        close_even(0);
    }
}
END_TEST

/* What trim leaves is pinned; a chunk in which nothing is in use pins nothing. */
START_TEST(pinned_by_live)
{
    static void *p[500];
    open_counted((pk_block_pool_opts){.block_size = 100, .per_chunk = 10, .flags = (unsigned)_i});
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, p, 500, 500), 500);
    for (int i = 0; i < 500; i++)
        if (i % 70 != 0) pk_block_pool_free(&pool, p[i]);
    pk_stats s = block_sound(&pool);
    ck_assert_uint_lt(s.pinned_by_live, s.free_in_chunks + s.untouched);
    uint64_t pinned = s.pinned_by_live;
    (void)pk_block_pool_trim(&pool, 0);
    s = block_sound(&pool);
    ck_assert_uint_eq(s.pinned_by_live, pinned);
    ck_assert_uint_eq(s.pinned_by_live, s.free_in_chunks + s.untouched);
    for (int i = 0; i < 500; i += 70) pk_block_pool_free(&pool, p[i]);
    ck_assert_uint_eq(block_sound(&pool).pinned_by_live, 0);
    close_even(0);
}
END_TEST

START_TEST(keep_gives_chunks_back_by_itself)
{
    static void *p[2000];
    open_counted((pk_block_pool_opts){
        .block_size = 100, .per_chunk = 10, .keep = 50, .flags = (unsigned)_i | PK_CHECKED});
    (void)pk_block_pool_alloc_n(&pool, p, 2000, 2000);
    for (size_t i = 2000; i-- > 0;) {
        pk_block_pool_free(&pool, p[i]);
        pk_stats s = block_figures(&pool);
        size_t unused =
            (size_t)((s.free_in_chunks + s.untouched) / (s.live ? s.live / s.n_live : 1));
        if (s.n_live > 0) EXPECT_AT(unused < 50 + 3 * 20, unused, i);
    }
    pk_stats s = block_sound(&pool);
    ck_assert(s.n_chunks >= 1 && s.n_chunks <= 6);
    ck_assert_uint_ge(s.free_in_chunks + s.untouched, 50 * 100); /* so many stay */
    close_even(0);

    open_counted((pk_block_pool_opts){.block_size = 100, .per_chunk = 10, .keep = 50});
    for (int round = 0; round < 20; round++) {
        (void)pk_block_pool_alloc_n(&pool, p, 2000, 2000);
        pk_block_pool_free_n(&pool, p, 2000);
    }
    (void)pk_block_pool_next_live(&pool, NULL); /* the stack goes home: only what is kept is left */
    s = block_sound(&pool);
    ck_assert_uint_lt(s.n_chunks, 10);
    close_even(0);
}
END_TEST

START_TEST(reset_frees_all_and_keeps_the_memory)
{
    static void *p[500];
    open_counted((pk_block_pool_opts){.block_size = 70, .per_chunk = 20, .flags = (unsigned)_i});
    for (int round = 0; round < 5; round++) {
        (void)pk_block_pool_alloc_n(&pool, p, 500, 500);
        for (int i = round; i < 500; i += 7) pk_block_pool_free(&pool, p[i]);
        size_t maps = source.maps;
        pk_block_pool_reset(&pool);
        pk_stats s = block_sound(&pool);
        ck_assert(s.n_live == 0 && source.bytes == s.committed);
        ck_assert_ptr_null(pk_block_pool_next_live(&pool, NULL));
        for (int i = 0; i < 500; i++) EXPECT(!pk_block_pool_owns(&pool, p[i]));
        (void)pk_block_pool_alloc_n(&pool, p, 500, 500);
        ck_assert_uint_eq(source.maps, maps);
        pk_block_pool_reset(&pool);
    }
    pk_block_pool_reset(&pool);
    block_sound(&pool);
    (void)block_get(&pool);
    close_even(1);
}
END_TEST

/* ---- a source that refuses ---- */

enum { STEPS = 700 };

/* Takes and gives so that the stack, the directory and the chunks grow. Returns how many it had. */
static size_t some_work(void **p, size_t *refused)
{
    size_t had = 0;
    for (size_t i = 0; i < STEPS; i++) {
        pk_stats before = block_figures(&pool);
        errno = 0;
        p[i] = pk_block_pool_alloc(&pool);
        pk_stats after = block_figures(&pool);
        if (p[i] == NULL) {
            EXPECT_AT(errno == ENOMEM && after.n_live == before.n_live, errno, i);
            EXPECT_AT(after.n_chunks == before.n_chunks, before.n_chunks, after.n_chunks);
            ++*refused;
        } else {
            memset(p[i], 1, 100);
            had++;
        }
        EXPECT_AT(after.committed == source.bytes, after.committed, source.bytes);
    }
    for (size_t i = 0; i < STEPS; i++) {
        errno = 77;
        pk_block_pool_free(&pool, p[i]);
        EXPECT_AT(errno == 77, errno, i);
    }
    return had;
}

START_TEST(a_source_whose_kth_map_fails)
{
    static void *p[STEPS];
    size_t needed = 0;
    for (size_t k = 0; k <= needed; k++) { /* 0: none fails */
        size_t refused = 0;
        pk_block_pool_opts opts = {.block_size = 100, .per_chunk = 2, .flags = (unsigned)_i};
        opts.source = test_source_make(&source);
        source.fail_at = k;
        pk_status status = pk_block_pool_init(&pool, &opts);
        EXPECT_AT(status == (k == 1 ? PK_ENOMEM : PK_OK), k, -status);
        if (status != PK_OK) {
            block_refused(&pool, EINVAL);
            test_source_is_even(&source);
            continue;
        }
        size_t had = some_work(p, &refused);
        EXPECT_AT(had + refused == STEPS && refused <= 1, k, refused);
        block_sound(&pool);
        if (k == 0) needed = source.calls;
        (void)pk_block_pool_trim(&pool, 0);
        EXPECT_AT(block_sound(&pool).n_chunks == 0, k, 0);
        close_even(0);
    }
    ck_assert_uint_gt(needed, 10);
}
END_TEST

START_TEST(init_of_a_source_with_nothing)
{
    pk_block_pool_opts opts = {.block_size = 100, .source = test_source_make(&source)};
    source.fail_all = true;
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_ENOMEM);
    block_refused(&pool, EINVAL);
    source.fail_all = false;
    ck_assert_int_eq(pk_block_pool_init(&pool, &opts), PK_OK);
    source.fail_all = true;
    block_refused(&pool, ENOMEM);
    ck_assert_int_eq(pk_block_pool_reserve(&pool, 1), PK_ENOMEM);
    source.fail_all = false;
    (void)block_get(&pool);
    close_even(1);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("block_pool_memory");
    TCase *each = tcase_create("each combination of flags");
    const TTest *const looped[] = {reserved_blocks_need_no_page_source,
                                   reserve_gets_as_many_as_can_be_had,
                                   reserve_within_a_limit,
                                   trim_gives_back_each_chunk_without_a_live_block,
                                   trim_keeps_as_many_as_told,
                                   pinned_by_live,
                                   keep_gives_chunks_back_by_itself,
                                   reset_frees_all_and_keeps_the_memory,
                                   a_source_whose_kth_map_fails};
    tcase_set_timeout(each, memory_is_measurable() ? 20 : 100);
    for (size_t i = 0; i < sizeof looped / sizeof *looped; i++)
        tcase_add_loop_test(each, looped[i], 0, BLOCK_FLAGS);
    suite_add_tcase(suite, each);
    ADD_CASE(suite, tcase_create("once"), 10, init_of_a_source_with_nothing);
    return suite;
}

TEST_MAIN(make_suite)
