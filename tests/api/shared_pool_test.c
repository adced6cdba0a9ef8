/* SPDX-License-Identifier: MIT
 * shared_pool_test.c: each call of shared_pool.h in one thread, for both kinds of threading. */
#include "expect.h"
#include "fault_log.h"
#include "runner.h"

#include <errno.h>
#include <poolkit/heap.h>
#include <poolkit/shared_pool.h>
#include <stdint.h>
#include <string.h>

static pk_shared_pool *make(pk_block_pool_opts opts, int threading)
{
    pk_shared_pool *pool = NULL;
    ck_assert_int_eq(pk_shared_pool_create(&pool, &opts, (pk_threading)threading), PK_OK);
    return pool;
}

static void is_sound(pk_shared_pool *pool)
{
    char text[256] = "";
    size_t broken = pk_shared_pool_audit(pool, text, sizeof text);
    ck_assert_msg(broken == 0, "%s", text);
    pk_stats s;
    pk_shared_pool_stats(pool, &s);
    ck_assert_uint_eq(s.committed, s.live + s.free_in_chunks + s.untouched + s.overhead);
}

START_TEST(sizes)
{
    static const size_t size[] = {1, 16, 17, 1000, 32768, 32769, 1 << 20, (1 << 20) + 1, 9 << 20};
    static const size_t align[] = {0, 64, 4096, 65536};
    for (unsigned i = 0; i < 36; i++) {
        size_t a = align[i % 4];
        pk_shared_pool *pool =
            make((pk_block_pool_opts){.block_size = size[i / 4], .align = a}, _i);
        char *p[40];
        for (unsigned k = 0; k < 40; k++) {
            p[k] = pk_shared_pool_alloc(pool);
            EXPECT(p[k] && (uintptr_t)p[k] % (a ? a : 16) == 0);
            p[k][0] = p[k][pk_shared_pool_block_size(pool) - 1] = (char)k;
            EXPECT(pk_shared_pool_of(p[k]) == pool && pk_heap_of(p[k]) == NULL);
        }
        is_sound(pool);
        for (unsigned k = 0; k < 39; k++) {
            EXPECT(p[k][0] == (char)k && p[k][pk_shared_pool_block_size(pool) - 1] == (char)k);
            pk_shared_pool_free(p[k]);
        }
        ck_assert_int_eq(pk_shared_pool_destroy_if_empty(pool), PK_EBUSY);
        pk_shared_pool_flush(pool);
        is_sound(pool);
        ck_assert_uint_eq(pk_shared_pool_destroy(pool), 1);
    }
}
END_TEST

static bool construct(void *block, void *arg) { return block != arg; }

START_TEST(bad_options)
{
    static int x;
    pk_shared_pool *pool = NULL;
    const pk_block_pool_opts bad[] = {
        {.block_size = 0},
        {.block_size = ((size_t)1 << 30) + 1},
        {.block_size = 8, .align = 24},
        {.block_size = 8, .align = 131072},
        {.block_size = 8, .flags = PK_CHECKED},
        {.block_size = 8, .buffer = &x},
        {.block_size = 8, .per_chunk = 1},
        {.block_size = 8, .keep = 1},
        {.block_size = 8, .construct = construct},
        {.size = 4096, .block_size = 8},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(pk_shared_pool_create(&pool, &bad[i], PK_PER_THREAD), PK_EINVAL);
    pk_block_pool_opts good = {.block_size = 8};
    ck_assert_int_eq(pk_shared_pool_create(NULL, &good, PK_LOCKED), PK_EINVAL);
    ck_assert_int_eq(pk_shared_pool_create(&pool, NULL, PK_LOCKED), PK_EINVAL);
    ck_assert_int_eq(pk_shared_pool_create(&pool, &good, (pk_threading)7), PK_EINVAL);
    ck_assert_ptr_null(pool);
}
END_TEST

START_TEST(bounds)
{
    for (size_t size = 100; size < 3000000; size *= 30) {
        pk_shared_pool *pool = make((pk_block_pool_opts){.block_size = size, .max_blocks = 10}, _i);
        void *p[10];
        for (unsigned round = 0; round < 3; round++) {
            for (unsigned k = 0; k < 10; k++) EXPECT((p[k] = pk_shared_pool_alloc(pool)) != NULL);
            errno = 0;
            ck_assert_ptr_null(pk_shared_pool_alloc(pool));
            ck_assert_int_eq(errno, ENOMEM);
            for (unsigned k = 0; k < 10; k++) pk_shared_pool_free(p[k]);
        }
        is_sound(pool);
        ck_assert_int_eq(pk_shared_pool_destroy_if_empty(pool), PK_OK);
    }
    size_t size = pools_are_watched() ? 32768 - 16 : 32768; /* and a gap */
    pk_shared_pool *pool = make((pk_block_pool_opts){.block_size = size, .limit = 131072}, _i);
    for (unsigned k = 0; k < 4; k++) ck_assert_ptr_nonnull(pk_shared_pool_alloc(pool));
    ck_assert_ptr_null(pk_shared_pool_alloc(pool));
    ck_assert_uint_eq(pk_shared_pool_destroy(pool), 4);
}
END_TEST

START_TEST(zero)
{
    for (size_t size = 48; size < 3000000; size *= 30) {
        pk_shared_pool *pool = make((pk_block_pool_opts){.block_size = size, .flags = PK_ZERO}, _i);
        size_t n = pk_shared_pool_block_size(pool);
        for (unsigned round = 0; round < 300; round++) {
            char *p[3];
            for (unsigned k = 0; k < 3; k++) {
                p[k] = pk_shared_pool_alloc(pool);
                EXPECT(p[k] && p[k][0] == 0 && memcmp(p[k], p[k] + 1, n - 1) == 0);
                memset(p[k], 0xA5, n);
            }
            pk_shared_pool_free(p[1]);
            pk_shared_pool_free(p[round % 2 * 2]);
            if (size < 100000) continue;
            pk_shared_pool_free(p[2 - round % 2 * 2]);
        }
        is_sound(pool);
        pk_shared_pool_destroy(pool);
    }
}
END_TEST

START_TEST(faults)
{
    fault_log log = {0};
    pk_on_fault(fault_log_add, &log);
    pk_shared_pool *pool = make((pk_block_pool_opts){.block_size = 64, .name = "mine"}, _i);
    pk_heap *heap;
    ck_assert_int_eq(pk_heap_create(&heap, NULL), PK_OK);
    void *block = pk_shared_pool_alloc(pool), *other = pk_heap_alloc(heap, 64);
    pk_heap_free(block);
    ck_assert_int_eq(log.kind, PK_FAULT_OTHER_POOL);
    ck_assert_ptr_nonnull(strstr(log.text, "belongs to mine"));
    ck_assert_ptr_null(pk_heap_realloc(heap, block, 10));
    pk_shared_pool_free(other);
    ck_assert_uint_eq(log.count, 3);
    ck_assert_ptr_nonnull(strstr(log.text, "belongs to heap"));
    ck_assert_ptr_null(pk_shared_pool_of(other));
    pk_shared_pool_free(&log);
    ck_assert_int_eq(log.kind, PK_FAULT_FOREIGN);
    pk_shared_pool_free(block);
    pk_shared_pool_free(block);
    pk_shared_pool_flush(pool);
    ck_assert_int_eq(log.kind, PK_FAULT_DOUBLE_FREE);
    pk_shared_pool_free(NULL);
    is_sound(pool);
    ck_assert_uint_eq(log.count, 5);
    ck_assert_uint_eq(pk_shared_pool_destroy(pool), 0);
    ck_assert_uint_eq(pk_shared_pool_destroy(pool), 0);
    ck_assert_int_eq(log.kind, PK_FAULT_ENDED);
    ck_assert_ptr_nonnull(strstr(log.text, "destroy of"));
    pk_shared_pool_free(block);
    ck_assert_int_eq(log.kind, PK_FAULT_FOREIGN);
    ck_assert_uint_eq(pk_shared_pool_destroy(NULL), 0);
    pk_heap_destroy(heap);
}
END_TEST

/* ---- a source ---- */

static struct {
    size_t maps, unmaps, purges, fail_at;
} calls;

static void *map(void *ctx, size_t n, size_t align, unsigned *got)
{
    (void)ctx;
    *got = 0;
    if (++calls.maps == calls.fail_at) return NULL;
    void *p = NULL;
    if (posix_memalign(&p, align, n) == 0) memset(p, 0xEE, n);
    return p;
}

static void unmap(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    calls.unmaps++;
    free(p);
}

static void purge(void *ctx, void *p, size_t n)
{
    (void)ctx;
    calls.purges++;
    memset(p, 0xDD, n);
}

START_TEST(source)
{
    static const pk_page_source_ops ops = {
        .size = sizeof ops, .map = map, .unmap = unmap, .purge = purge};
    for (size_t size = 64; size < 3000000; size *= 30) {
        memset(&calls, 0, sizeof calls);
        calls.fail_at = 2;
        pk_block_pool_opts opts = {.block_size = size, .flags = PK_ZERO, .source = {&ops, NULL}};
        pk_shared_pool *pool = make(opts, _i);
        unsigned got = 0, n = 0;
        for (; n < 200000 && calls.maps < 4; n++) {
            char *p = pk_shared_pool_alloc(pool);
            if (!p) continue;
            got++;
            EXPECT(p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
        }
        ck_assert_uint_ge(calls.maps, 4);
        is_sound(pool);
        ck_assert_uint_eq(pk_shared_pool_destroy(pool), got);
        ck_assert_uint_eq(calls.maps - 1, calls.unmaps);
    }
}
END_TEST

START_TEST(as_allocator)
{
    pk_shared_pool *pool = make((pk_block_pool_opts){.block_size = 64}, _i);
    pk_allocator a = pk_shared_pool_as_alloc(pool);
    void *p = pk_get(a, 64, 16);
    ck_assert_ptr_nonnull(p);
    ck_assert(pk_resize(a, p, 64, 1, 16) && !pk_resize(a, p, 1, 65, 16));
    errno = 0;
    ck_assert_ptr_null(pk_get(a, 65, 16));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(pk_get(a, 1, 32));
    pk_put(a, p, 64, 16);
    ck_assert_uint_ge(pk_shared_pool_trim(pool, 0), 1);
    ck_assert_uint_eq(pk_shared_pool_destroy(pool), 0);
}
END_TEST

static Suite *shared_pool_suite(void)
{
    Suite *suite = suite_create("shared_pool");
    TCase *tcase = tcase_create("both");
    tcase_set_timeout(tcase, memory_is_measurable() ? 20 : 160);
    tcase_add_loop_test(tcase, sizes, 0, 2);
    tcase_add_test(tcase, bad_options);
    tcase_add_loop_test(tcase, bounds, 0, 2);
    tcase_add_loop_test(tcase, zero, 0, 2);
    tcase_add_loop_test(tcase, faults, 0, 2);
    tcase_add_loop_test(tcase, source, 0, 2);
    tcase_add_loop_test(tcase, as_allocator, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

TEST_MAIN(shared_pool_suite)
