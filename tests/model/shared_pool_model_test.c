/* SPDX-License-Identifier: MIT
 * shared_pool_model_test.c: streams of random operations on a shared pool, each compared with a list of
 * what must be in use and what must be in it. */
#include "build.h"
#include "expect.h"
#include "pattern.h"
#include "rng.h"
#include "runner.h"

#include <errno.h>
#include <poolkit/shared_pool.h>

enum { SLOTS = 300, OPERATIONS = 20000, SIZES = 6, KINDS = SIZES * 16 };

typedef struct {
    unsigned char *p;
    uint64_t tag;
} slot;

static struct {
    pk_shared_pool *pool;
    pk_block_pool_opts opts;
    rng random;
    slot slot[SLOTS];
    size_t n; /* the first n slots are in use */
    uint64_t next_tag;
} m;

static void look_at(const slot *s)
{
    size_t n = m.opts.block_size;
    EXPECT_AT(pattern_holds(s->p, n, n, s->tag), s->tag, m.n);
    EXPECT_AT(pk_shared_pool_of(s->p) == m.pool, s->tag, m.n);
}

static void take(bool as_allocator)
{
    size_t n = m.opts.block_size;
    if (m.n == SLOTS) return;
    errno = 0;
    void *p = as_allocator ? pk_get(pk_shared_pool_as_alloc(m.pool), n, m.opts.align)
                           : pk_shared_pool_alloc(m.pool);
    bool full = m.opts.max_blocks != 0 && m.n == m.opts.max_blocks;
    EXPECT_AT((p == NULL) == full && (p || errno == ENOMEM), m.n, errno);
    if (p == NULL) return;
    EXPECT_AT((uintptr_t)p % m.opts.align == 0, m.opts.align, m.n);
    EXPECT_AT((m.opts.flags & PK_ZERO) == 0 || pattern_zero(p, n, n), m.n, 0);
    m.slot[m.n] = (slot){p, ++m.next_tag};
    pattern_fill(p, n, m.slot[m.n++].tag);
}

static void give(void)
{
    if (m.n == 0) return;
    size_t i = rng_below(&m.random, m.n);
    look_at(&m.slot[i]);
    pk_shared_pool_free(m.slot[i].p);
    m.slot[i] = m.slot[--m.n];
}

static bool count_live(void *arg, void *block, size_t size, bool live)
{
    EXPECT_AT(block != NULL && size >= m.opts.block_size, size, 0);
    *(size_t *)arg += live;
    return true;
}

static void look_around(void)
{
    char text[256] = "";
    size_t live = 0, broken = pk_shared_pool_audit(m.pool, text, sizeof text);
    if (broken != 0) fprintf(stderr, "audit: %s\n", text);
    EXPECT_AT(broken == 0, broken, m.n);
    for (size_t i = 0; i < m.n; i++) look_at(&m.slot[i]);
    EXPECT(pk_shared_pool_walk(m.pool, count_live, &live));
    EXPECT_AT(live == m.n && pk_shared_pool_of(&m) == NULL, live, m.n);
}

static void step(size_t number)
{
    expect_here()->number = number;
    size_t code = rng_below(&m.random, 1000), lean = number / 1000 % 2 ? 450 : 550;
    if (code < 5)
        pk_shared_pool_flush(m.pool);
    else if (code < 10)
        (void)pk_shared_pool_trim(m.pool, rng_below(&m.random, 2) * MIB);
    else if (code < lean)
        take(code % 4 == 0);
    else
        give();
    pk_stats s;
    pk_shared_pool_stats(m.pool, &s);
    EXPECT_AT(s.n_live == m.n, s.n_live, m.n);
    if (number % 500 == 0) look_around();
}

START_TEST(random_operations)
{
    static const size_t sizes[SIZES] = {1, 16, 100, 4096, 32768, 100000};
    memset(&m, 0, sizeof m);
    m.random = rng_make(rng_run_seed());
    *expect_here() = (expect_note){"operation", 0};
    m.opts = (pk_block_pool_opts){.block_size = sizes[_i / 16],
                                  .align = _i & 1 ? 4096 : 16,
                                  .max_blocks = _i & 2 ? 50 : 0,
                                  .flags = _i & 4 ? PK_ZERO : 0};
    ck_assert_int_eq(pk_shared_pool_create(&m.pool, &m.opts, _i & 8 ? PK_LOCKED : PK_PER_THREAD),
                     PK_OK);
    for (size_t i = 1, n = scaled(OPERATIONS); i <= n; i++) step(i);
    look_around();
    ck_assert_uint_eq(pk_shared_pool_destroy(m.pool), m.n);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("shared_pool_model");
    TCase *tcase = tcase_create("streams");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, random_operations, 0, KINDS);
    suite_add_tcase(suite, tcase);
    return suite;
}

TEST_MAIN(make_suite)
