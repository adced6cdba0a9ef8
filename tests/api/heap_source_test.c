/* SPDX-License-Identifier: MIT
 * heap_source_test.c: heaps and shared pools on a page source of the caller's, which counts its calls
 * and lets the k-th one fail. */
#include "build.h"
#include "expect.h"
#include "runner.h"

#include <errno.h>
#include <poolkit/heap.h>
#include <poolkit/shared_pool.h>
#include <stdint.h>
#include <string.h>

enum { SLOTS = 400 };

typedef struct {
    size_t maps, unmaps, purges, bytes, fail_at;
} counter;

static void *map(void *ctx, size_t n, size_t align, unsigned *got)
{
    counter *c = ctx;
    void *p = NULL;
    *got = 0;
    EXPECT_AT(align <= 4 * MIB, align, n);
    if (++c->maps == c->fail_at || posix_memalign(&p, align, n) != 0) return NULL;
    c->bytes += n;
    return memset(p, 0xEE, n);
}

static void unmap(void *ctx, void *p, size_t n)
{
    counter *c = ctx;
    c->unmaps++;
    c->bytes -= n;
    memset(p, 0xCC, n);
    free(p);
}

static void purge(void *ctx, void *p, size_t n)
{
    ((counter *)ctx)->purges++;
    memset(p, 0xDD, n);
}

static const pk_page_source_ops with_purge = {
    .size = sizeof with_purge, .map = map, .unmap = unmap, .purge = purge};
static const pk_page_source_ops without_purge = {
    .size = sizeof without_purge, .map = map, .unmap = unmap};

static bool is_zero(const char *p, size_t n) { return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0; }

static void heap_is_sound(pk_heap *heap)
{
    char text[256] = "";
    ck_assert_msg(pk_heap_audit(heap, text, sizeof text) == 0, "%s", text);
}

/* Blocks of every kind; returns how many allocations were refused. */
static size_t use_heap(pk_heap *heap)
{
    static char *p[SLOTS];
    size_t refused = 0;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < SLOTS; i++) {
            size_t n = i % 50 == 0 ? i * 9000 + 1 : i * 37 + 1;
            errno = 0;
            p[i] = pk_heap_zalloc(heap, n);
            EXPECT_AT(p[i] ? is_zero(p[i], n) : errno == ENOMEM, i, n);
            refused += !p[i];
            if (!p[i]) continue;
            memset(p[i], 0xA5, n);
            char *to = i % 3 == 0 ? pk_heap_realloc(heap, p[i], n + n / 2) : p[i];
            refused += !to;
            if (to) p[i] = to;
            EXPECT_AT(p[i][0] == (char)0xA5 && p[i][n - 1] == (char)0xA5, i, n);
        }
        heap_is_sound(heap);
        for (size_t i = round % 2; i < SLOTS; i++) pk_heap_free(p[i]);
        if (round % 2) pk_heap_free(p[0]);
        pk_heap_trim(heap, 0);
    }
    return refused;
}

START_TEST(heap_gives_all_back)
{
    counter c = {0};
    pk_heap *heap;
    pk_heap_opts opts = {.source = {_i ? &with_purge : &without_purge, &c}};
    ck_assert_int_eq(pk_heap_create(&heap, &opts), PK_OK);
    ck_assert_uint_eq(use_heap(heap), 0);
    ck_assert(c.maps > 0 && (c.purges > 0) == (_i == 1));
    ck_assert_ptr_nonnull(pk_heap_alloc(heap, 100));
    char *aligned = pk_heap_alloc_aligned(heap, 100, 4 * MIB);
    ck_assert(aligned && (uintptr_t)aligned % (4 * MIB) == 0);
    errno = 0;
    ck_assert_ptr_null(pk_heap_alloc_aligned(heap, 100, 8 * MIB));
    ck_assert_int_eq(errno, ENOMEM);
    pk_stats s;
    pk_heap_stats(heap, &s);
    ck_assert_uint_le(s.committed, c.bytes);
    pk_heap_destroy(heap);
    ck_assert_uint_eq(c.maps, c.unmaps);
    ck_assert_uint_eq(c.bytes, 0);
}
END_TEST

/* The heap tries twice: one map that fails need not show. */
START_TEST(heap_each_map_fails)
{
    counter c = {0};
    size_t k = 1;
    do {
        pk_heap *heap;
        c = (counter){.fail_at = k};
        pk_heap_opts opts = {.source = {&with_purge, &c}};
        ck_assert_int_eq(pk_heap_create(&heap, &opts), PK_OK);
        (void)use_heap(heap);
        void *p = pk_heap_alloc(heap, 2 * MIB);
        ck_assert(p || c.maps == k);
        pk_heap_destroy(heap);
        ck_assert_uint_eq(c.bytes, 0);
    } while (k++ <= c.maps && k < 100);
    ck_assert_uint_gt(k, 3);
}
END_TEST

START_TEST(pool_each_map_fails)
{
    static const size_t sizes[] = {100, 40000, 2 << 20};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 1; k <= 5; k++) {
            counter c = {.fail_at = k};
            pk_shared_pool *pool;
            pk_block_pool_opts opts = {.block_size = sizes[i], .source = {&with_purge, &c}};
            ck_assert_int_eq(pk_shared_pool_create(&pool, &opts, (pk_threading)_i), PK_OK);
            size_t got = 0;
            for (size_t n = 0; n < 200000 && c.maps < 6; n++) {
                char *p = pk_shared_pool_alloc(pool);
                if (p) p[0] = p[sizes[i] - 1] = 1;
                got += p != NULL;
            }
            EXPECT_AT(c.maps >= 6, c.maps, k);
            char text[256] = "";
            ck_assert_msg(pk_shared_pool_audit(pool, text, sizeof text) == 0, "%s", text);
            EXPECT_AT(pk_shared_pool_destroy(pool) == got, got, k);
            EXPECT_AT(c.bytes == 0 && c.unmaps == c.maps - 1, c.unmaps, c.maps);
        }
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_source");
    TCase *tcase = tcase_create("sources");
    tcase_set_timeout(tcase, memory_is_measurable() ? 30 : 110);
    tcase_add_loop_test(tcase, heap_gives_all_back, 0, 2);
    tcase_add_test(tcase, heap_each_map_fails);
    tcase_add_loop_test(tcase, pool_each_map_fails, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

TEST_MAIN(make_suite)
