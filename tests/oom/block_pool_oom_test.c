/* SPDX-License-Identifier: MIT
 * block_pool_oom_test.c: every call to the system fails once, and for ever from then on, in the life of a
 * block pool of each kind, and of one with objects. */
#include "block_fixture.h"
#include "each_call.h"
#include "pattern.h"
#include "runner.h"

#include <poolkit/object_pool.h>

enum { SLOTS = 400, BLOCK = 3000, BATCH = 50, STATE = 0x0B1EC7, KINDS = BLOCK_FLAGS + 2 };

static pk_block_pool pool;
static pk_block_pool_opts opts;
static unsigned char *block[SLOTS];
static size_t refused, built, destroyed;

/* Objects keep their first 8 bytes while they are free. */
static bool build(void *object, void *arg)
{
    (void)arg;
    *(uint64_t *)object = STATE;
    built++;
    return true;
}

static void destroy(void *object, void *arg)
{
    (void)arg;
    EXPECT_AT(*(uint64_t *)object == STATE, built, destroyed);
    destroyed++;
}

static size_t state_size(void) { return opts.construct ? 8 : 0; }

static void sound(void)
{
    size_t skip = state_size();
    bool armed = faults_arm(false);
    for (size_t i = 0; i < SLOTS; i++) {
        EXPECT_AT(!block[i] || pattern_holds(block[i] + skip, BLOCK - skip, BLOCK - skip, i), i, 0);
    }
    (void)block_sound(&pool);
    faults_arm(armed);
}

static void took(size_t i, void *p)
{
    size_t skip = state_size();
    EXPECT_AT(p || errno == ENOMEM, errno, i);
    refused += p == NULL;
    block[i] = p;
    if (!p) return;
    EXPECT_AT((opts.flags & PK_ZERO) == 0 || pattern_zero(p, BLOCK, BLOCK), i, 0);
    EXPECT_AT(skip == 0 || *(uint64_t *)p == STATE, i, 0);
    pattern_fill(block[i] + skip, BLOCK - skip, i);
}

static void take(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        errno = 0;
        if (!block[i]) took(i, pk_block_pool_alloc(&pool));
    }
}

/* All or nothing. */
static void take_batch(size_t from)
{
    void *out[BATCH];
    errno = 0;
    size_t n = pk_block_pool_alloc_n(&pool, out, BATCH, BATCH);
    EXPECT_AT(n == BATCH || (n == 0 && errno == ENOMEM), n, errno);
    for (size_t i = 0; i < n; i++) took(from + i, out[i]);
}

static void give(size_t from, size_t step)
{
    for (size_t i = from; i < SLOTS; i += step) {
        errno = 4711;
        pk_block_pool_free(&pool, block[i]);
        EXPECT_AT(errno == 4711, errno, i);
        block[i] = NULL;
    }
}

static void script(void)
{
    take(0, 100);
    sound();
    pk_status status = pk_block_pool_reserve(&pool, 120);
    EXPECT_AT(status == PK_OK || status == PK_ENOMEM, -status, 0);
    take_batch(100);
    take(150, 300);
    sound();
    give(0, 2);
    (void)pk_block_pool_trim(&pool, 0);
    sound();
    take(0, SLOTS);
    give(0, 1);
    (void)pk_block_pool_trim(&pool, 50);
    take(0, 200);
    sound();
    pk_block_pool_reset(&pool);
    memset(block, 0, sizeof block);
    take(100, 200);
    sound();
    give(0, 1);
}

static bool opened(void)
{
    pk_status status = opts.construct ? pk_object_pool_init(&pool, &opts, BLOCK, 16, "objects")
                                      : pk_block_pool_init(&pool, &opts);
    EXPECT_AT(status == PK_OK || status == PK_ENOMEM, -status, 0);
    return status == PK_OK;
}

static void life(void)
{
    refused = built = destroyed = 0;
    faults_arm(true);
    if (!opened()) {
        faults_arm(false);
        EXPECT(atomic_load(&faults.fired) && opened());
        faults_arm(true);
    }
    script();
    faults_arm(false);
    EXPECT_AT(block_sound(&pool).n_live == 0, refused, 0);
    size_t before = refused;
    take(0, SLOTS);
    EXPECT_AT(refused == before, refused, before);
    sound();
    give(0, 7);
    faults_arm(true);
    (void)pk_block_pool_fini(&pool);
    faults_arm(false);
    EXPECT_AT(built == destroyed, built, destroyed);
}

/* Each combination of flags; with chunks that go back by themselves; objects. */
static void choose(int kind)
{
    opts = (pk_block_pool_opts){.block_size = BLOCK};
    if (kind < BLOCK_FLAGS) opts.flags = (unsigned)kind;
    if (kind == BLOCK_FLAGS) opts.keep = 50;
    if (kind > BLOCK_FLAGS) {
        opts.block_size = 0;
        opts.construct = build;
        opts.destroy = destroy;
        opts.per_chunk = 40;
    }
}

START_TEST(each_call_fails_once)
{
    choose(_i);
    each_kind(life, false);
}
END_TEST

START_TEST(each_call_fails_for_ever)
{
    choose(_i);
    each_kind(life, true);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("block_pool_oom");
    TCase *tcase = tcase_create("calls");
    tcase_set_timeout(tcase, memory_is_measurable() ? 60 : 480);
    tcase_add_loop_test(tcase, each_call_fails_once, 0, KINDS);
    tcase_add_loop_test(tcase, each_call_fails_for_ever, 0, KINDS);
    suite_add_tcase(suite, tcase);
    return suite;
}

TEST_MAIN(make_suite)
