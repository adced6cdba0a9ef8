/* SPDX-License-Identifier: MIT
 * block_pool_model_test.c: streams of random operations on a block pool, each compared with a list of what
 * must be in use and what must be in it. All combinations of flags, kinds of chunks and bounds. */
#include "block_fixture.h"
#include "pattern.h"
#include "rng.h"
#include "runner.h"

enum { SLOTS = 3000, OPERATIONS = 40000, KINDS = 6, STATE = 0x0B1EC7 };

typedef struct {
    unsigned char *p;
    uint64_t tag;
    pk_handle handle;
} slot;

typedef struct {
    pk_block_pool pool;
    pk_block_pool_opts opts;
    test_source source;
    rng random;
    slot slot[SLOTS];
    size_t n; /* the first n slots are in use */
    size_t size;
    uint64_t next_tag;
    size_t built, destroyed;
    pk_handle stale[64];
    size_t n_stale;
} model;

static model m;
static _Alignas(64) char buffer[30000];

/* The first 8 bytes of a built object are its state; the rest is the program's. */
static bool build(void *block, void *arg)
{
    (void)arg;
    if (rng_below(&m.random, 50) == 0) {
        errno = 4711;
        return false;
    }
    *(uint64_t *)block = STATE;
    m.built++;
    return true;
}

static void destroy(void *block, void *arg)
{
    (void)arg;
    EXPECT_AT(*(uint64_t *)block == STATE, m.built, m.destroyed);
    m.destroyed++;
}

static size_t state_size(void) { return m.opts.construct != NULL ? 8 : 0; }

static void look_at(const slot *s)
{
    size_t skip = state_size();
    EXPECT_AT(pattern_holds(s->p + skip, m.size - skip, m.size - skip, s->tag), s->tag, m.n);
    EXPECT_AT(skip == 0 || *(uint64_t *)(void *)s->p == STATE, s->tag, m.n);
}

static void fill(slot *s, void *p)
{
    *s = (slot){.p = p, .tag = m.next_tag++};
    size_t skip = state_size();
    EXPECT_AT((uintptr_t)p % (m.opts.align ? m.opts.align : PK_ALIGN) == 0, m.opts.align, 0);
    EXPECT_AT((m.opts.flags & PK_ZERO) == 0 || pattern_zero(p, m.size, m.size), m.n, 0);
    EXPECT_AT(skip == 0 || *(uint64_t *)p == STATE, m.n, 0);
    pattern_fill(s->p + skip, m.size - skip, s->tag);
    if ((m.opts.flags & PK_HANDLES) != 0) {
        s->handle = pk_block_pool_handle(&m.pool, p);
        EXPECT_AT(s->handle.generation != 0, m.n, 0);
    }
}

static void forget(size_t i)
{
    if (m.slot[i].handle.generation != 0) m.stale[m.n_stale++ % 64] = m.slot[i].handle;
    m.slot[i] = m.slot[--m.n];
}

/* ---- operations ---- */

static void take_one(void)
{
    if (m.n == SLOTS) return;
    errno = 0;
    void *p = pk_block_pool_alloc(&m.pool);
    if (p != NULL) {
        EXPECT_AT(m.opts.max_blocks == 0 || m.n < m.opts.max_blocks, m.n, m.opts.max_blocks);
        fill(&m.slot[m.n++], p);
        return;
    }
    bool full = m.opts.max_blocks != 0 && m.n >= m.opts.max_blocks;
    bool may = full || m.opts.limit != 0 || (m.opts.buffer != NULL && m.opts.max_blocks == 0);
    EXPECT_AT(errno == 4711 ? m.opts.construct != NULL : may && errno == ENOMEM, errno, m.n);
}

static void take_many(void)
{
    void *out[100];
    size_t n = rng_below(&m.random, 100), at_least = rng_below(&m.random, n + 1);
    if (m.n + n > SLOTS) return;
    size_t got = pk_block_pool_alloc_n(&m.pool, out, n, at_least);
    EXPECT_AT(got <= n && (got >= at_least || got == 0), got, at_least);
    for (size_t i = 0; i < got; i++) fill(&m.slot[m.n++], out[i]);
}

static void give_one(void)
{
    if (m.n == 0) return;
    size_t i = rng_below(&m.random, m.n);
    look_at(&m.slot[i]);
    pk_block_pool_free(&m.pool, m.slot[i].p);
    forget(i);
}

static void give_many(void)
{
    void *out[100];
    size_t n = rng_below(&m.random, 100);
    for (size_t k = 0; k < n; k++) {
        out[k] = NULL;
        if (m.n == 0 || k % 7 == 0) continue;
        size_t i = rng_below(&m.random, m.n);
        look_at(&m.slot[i]);
        out[k] = m.slot[i].p;
        forget(i);
    }
    pk_block_pool_free_n(&m.pool, out, n);
}

static void give_nearly_all(void)
{
    size_t rest = rng_below(&m.random, 20);
    while (m.n > rest) give_one();
}

static void look_around(void)
{
    for (size_t i = 0; i < m.n; i++) {
        look_at(&m.slot[i]);
        EXPECT_AT(pk_block_pool_owns(&m.pool, m.slot[i].p), i, m.n);
        EXPECT_AT(!pk_block_pool_owns(&m.pool, m.slot[i].p + 8), i, m.n);
        if (m.slot[i].handle.generation != 0)
            EXPECT_AT(pk_block_pool_at(&m.pool, m.slot[i].handle) == m.slot[i].p, i, m.n);
    }
    for (size_t i = 0; i < m.n_stale && i < 64; i++)
        EXPECT_AT(pk_block_pool_at(&m.pool, m.stale[i]) == NULL, i, m.n);
    EXPECT_AT(block_count_live(&m.pool) == m.n, m.n, 0);
}

static void reset(void)
{
    while (m.n > 0) forget(m.n - 1);
    pk_block_pool_reset(&m.pool);
}

static void rare(void)
{
    switch (rng_below(&m.random, 8)) {
    case 0:
        (void)pk_block_pool_trim(&m.pool, rng_below(&m.random, 200));
        break;
    case 1:
        if (rng_below(&m.random, 4) == 0) reset();
        break;
    case 2:
        (void)pk_block_pool_reserve(&m.pool, rng_below(&m.random, 400));
        break;
    case 3:
        give_nearly_all();
        break;
    case 4:
        (void)pk_block_pool_trim(&m.pool, 0);
        break;
    case 5:
        EXPECT(pk_block_pool_fini_if_empty(&m.pool) == PK_EBUSY || m.n == 0);
        if (m.pool.ext == NULL) {
            m.n_stale = 0; /* another pool counts its generations anew */
            block_open(&m.pool, m.opts);
        }
        break;
    default:
        look_around();
        break;
    }
}

static void step(size_t number)
{
    expect_here()->number = number;
    size_t code = rng_below(&m.random, 1000), lean = number / 2000 % 2 ? 550 : 450;
    if (code < 5)
        rare();
    else if (code < 15)
        take_many();
    else if (code < 25)
        give_many();
    else if (code < lean)
        take_one();
    else
        give_one();
    EXPECT_AT(block_figures(&m.pool).n_live == m.n, m.n, number);
    if (m.opts.limit != 0) EXPECT_AT(m.source.bytes <= m.opts.limit, m.source.bytes, number);
    if (number % 500 == 0) block_sound(&m.pool);
}

/* ---- kinds ---- */

static pk_block_pool_opts options(int i)
{
    static const size_t sizes[] = {1, 24, 48, 100, 520, 2000};
    int kind = i / BLOCK_FLAGS;
    pk_block_pool_opts o = {.block_size = sizes[rng_below(&m.random, 6)],
                            .per_chunk = 10 + rng_below(&m.random, 50),
                            .flags = (unsigned)i % BLOCK_FLAGS};
    switch (kind) {
    case 1:
        o.max_blocks = 1 + rng_below(&m.random, 1000);
        break;
    case 2:
        o.align = (size_t)64 << rng_below(&m.random, 5);
        o.limit = 256 * KIB + rng_below(&m.random, MIB);
        break;
    case 3:
        o.buffer = buffer + rng_below(&m.random, 64);
        o.buffer_size = 20000;
        if (rng_below(&m.random, 2)) o.max_blocks = 1 + rng_below(&m.random, 2000);
        break;
    case 4:
        o.keep = 1 + rng_below(&m.random, 300);
        break;
    case 5:
        o.block_size += 8;
        o.flags &= ~(unsigned)PK_ZERO;
        o.construct = build;
        o.destroy = destroy;
        o.keep = rng_below(&m.random, 2) * 50;
        break;
    default:
        o.per_chunk = 0;
        break;
    }
    if (kind != 0) o.source = test_source_make(&m.source);
    return o;
}

START_TEST(random_operations)
{
    memset(&m, 0, sizeof m);
    m.random = rng_make(rng_run_seed());
    *expect_here() = (expect_note){"operation", 0};
    m.opts = options(_i);
    block_open(&m.pool, m.opts);
    m.size = pk_block_pool_block_size(&m.pool);
    for (size_t i = 1, n = scaled(OPERATIONS); i <= n; i++) step(i);
    look_around();
    block_sound(&m.pool);
    ck_assert_uint_eq(pk_block_pool_fini(&m.pool), m.n);
    ck_assert_uint_eq(m.built, m.destroyed);
    test_source_is_even(&m.source);
    *expect_here() = (expect_note){NULL, 0};
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("block_pool_model");
    TCase *tcase = tcase_create("streams");
    tcase_set_timeout(tcase, memory_is_measurable() ? 30 : 110);
    tcase_add_loop_test(tcase, random_operations, 0, KINDS * BLOCK_FLAGS);
    suite_add_tcase(suite, tcase);
    return suite;
}

TEST_MAIN(make_suite)
