/* SPDX-License-Identifier: MIT
 * block_pool_callback_test.c: on_oom, construct and destroy: when they run, what becomes of their failures,
 * and what happens when they use the pool that calls them. The pool as an allocator. */
#include "block_fixture.h"
#include "fault_log.h"
#include "runner.h"

static pk_block_pool pool;
static fault_log faults;

/* ---- on_oom ---- */

typedef struct {
    void *spare[3]; /* freed one at each call; NULL: say no */
    unsigned calls;
    size_t need;
    pk_status why;
} oom;

static bool on_oom(void *arg, size_t need, pk_status why)
{
    oom *o = arg;
    o->need = need;
    o->why = why;
    void *p = o->calls < 3 ? o->spare[o->calls] : NULL;
    o->calls++;
    pk_block_pool_free(&pool, p);
    return p != NULL;
}

START_TEST(on_oom_frees_and_the_allocation_is_tried_again)
{
    oom o = {0};
    block_open(&pool, (pk_block_pool_opts){.block_size = 100,
                                           .max_blocks = 3,
                                           .flags = (unsigned)_i,
                                           .on_oom = on_oom,
                                           .oom_arg = &o});
    for (int i = 0; i < 3; i++) o.spare[i] = block_get(&pool);
    ck_assert_uint_eq(o.calls, 0);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_ptr_eq(block_get(&pool), o.spare[i]);
        ck_assert_uint_eq(o.calls, i + 1);
        ck_assert(o.why == PK_ELIMIT && o.need >= 100);
        block_sound(&pool);
    }
    errno = 0;
    ck_assert_ptr_null(pk_block_pool_alloc(&pool));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_eq(o.calls, 4);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 3);
}
END_TEST

static bool say_yes(void *arg, size_t need, pk_status why)
{
    unsigned *left = arg;
    EXPECT(need > 0 && why == PK_ENOMEM);
    return (*left)-- > 1;
}

START_TEST(on_oom_is_asked_as_long_as_it_says_yes)
{
    test_source source;
    unsigned left = 10;
    block_open(&pool, (pk_block_pool_opts){.block_size = 100,
                                           .flags = (unsigned)_i,
                                           .source = test_source_make(&source),
                                           .on_oom = say_yes,
                                           .oom_arg = &left});
    source.fail_all = true;
    ck_assert_ptr_null(pk_block_pool_alloc(&pool));
    ck_assert_uint_eq(left, 0);
    ck_assert_int_eq(errno, ENOMEM);
    left = 10;
    source.fail_all = false;
    source.fail_at = source.calls + 1;
    (void)block_get(&pool);
    ck_assert_uint_eq(left, 9);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1);
    test_source_is_even(&source);
}
END_TEST

/* ---- construct and destroy ---- */

enum { BUILT = 0x1234 };

typedef struct {
    unsigned state; /* BUILT or anything */
    unsigned uses;
    char rest[40];
} object;

typedef struct {
    size_t built, destroyed, calls, fail_at;
} builder;

static bool construct(void *block, void *arg)
{
    builder *b = arg;
    object *o = block;
    if (++b->calls == b->fail_at) {
        errno = 4711;
        return false;
    }
    b->built++;
    *o = (object){.state = BUILT};
    return true;
}

static void destroy(void *block, void *arg)
{
    builder *b = arg;
    object *o = block;
    EXPECT_AT(o->state == BUILT, o->state, b->destroyed);
    o->state = 0;
    b->destroyed++;
}

/* PK_ZERO does not go with construct. */
static unsigned flags_of(int i) { return (unsigned)i & ~(unsigned)PK_ZERO; }

static void open_built(builder *b, pk_block_pool_opts opts)
{
    *b = (builder){0};
    opts.block_size = sizeof(object);
    opts.construct = construct;
    opts.destroy = destroy;
    opts.object_arg = b;
    block_open(&pool, opts);
}

START_TEST(objects_stay_built_between_uses)
{
    static object *o[1000];
    builder b;
    open_built(&b, (pk_block_pool_opts){.per_chunk = 30, .flags = flags_of(_i)});
    for (unsigned round = 0; round < 5; round++) {
        for (size_t i = 0; i < 1000; i++) {
            o[i] = block_get(&pool);
            EXPECT_AT(o[i]->state == BUILT && o[i]->uses == round, i, round);
            o[i]->uses++;
        }
        for (size_t i = 0; i < 1000; i++) pk_block_pool_free(&pool, o[i]);
        EXPECT_AT(b.built == 1000 && b.destroyed == 0, b.built, b.destroyed);
    }
    pk_block_pool_reset(&pool);
    ck_assert(b.built == 1000 && b.destroyed == 0);
    (void)block_get(&pool);
    ck_assert_uint_eq(b.built, 1000);
    ck_assert_uint_gt(pk_block_pool_trim(&pool, 0), 0);
    size_t kept = 1000 - b.destroyed;
    ck_assert(kept >= 1 && kept < 100);
    block_sound(&pool);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1);
    ck_assert(b.built == 1000 && b.destroyed == 1000);
}
END_TEST

START_TEST(the_kth_construction_fails)
{
    void *o[60];
    for (size_t k = 1; k <= 50; k++) {
        builder b;
        open_built(&b, (pk_block_pool_opts){.per_chunk = 7, .flags = flags_of(_i)});
        b.fail_at = k;
        for (size_t i = 1; i <= 60; i++) {
            pk_stats before = block_figures(&pool);
            errno = 0;
            o[i - 1] = pk_block_pool_alloc(&pool);
            EXPECT_AT((o[i - 1] == NULL) == (i == k), i, k);
            if (i != k) continue;
            EXPECT_AT(errno == 4711, errno, k);
            EXPECT_AT(block_sound(&pool).n_live == before.n_live, i, k);
            ck_assert_uint_eq(b.built, k - 1);
        }
        for (size_t i = 0; i < 60; i++) pk_block_pool_free(&pool, o[i]);
        EXPECT_AT(block_sound(&pool).n_live == 0 && b.built == 59, b.built, k);
        EXPECT_AT(pk_block_pool_fini(&pool) == 0 && b.destroyed == 59, b.destroyed, k);
    }
}
END_TEST

START_TEST(objects_are_made_ahead)
{
    void *o[100];
    builder b;
    open_built(&b, (pk_block_pool_opts){.per_chunk = 7, .flags = flags_of(_i)});
    ck_assert_int_eq(pk_block_pool_reserve(&pool, 50), PK_OK);
    ck_assert_uint_eq(b.built, 50);
    ck_assert_int_eq(pk_block_pool_reserve(&pool, 50), PK_OK);
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, o, 50, 50), 50);
    ck_assert_uint_eq(b.built, 50);
    b.fail_at = b.calls + 4;
    errno = 0;
    ck_assert_int_eq(pk_block_pool_reserve(&pool, 20), PK_ESYS);
    ck_assert_int_eq(errno, 4711);
    ck_assert_uint_eq(b.built, 53);
    block_sound(&pool);
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, o + 50, 3, 3), 3);
    ck_assert_uint_eq(b.built, 53);
    b.fail_at = b.calls + 2; /* all or nothing */
    errno = 0;
    ck_assert_uint_eq(pk_block_pool_alloc_n(&pool, o + 53, 5, 5), 0);
    ck_assert_int_eq(errno, 4711);
    ck_assert_uint_eq(block_sound(&pool).n_live, 53);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 53);
    ck_assert(b.built == 54 && b.destroyed == 54);
}
END_TEST

START_TEST(keep_destroys_what_goes_back)
{
    static void *o[500];
    builder b;
    open_built(&b, (pk_block_pool_opts){.per_chunk = 7, .keep = 20, .flags = flags_of(_i)});
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 500; i++) o[i] = block_get(&pool);
        for (size_t i = 0; i < 500; i++) pk_block_pool_free(&pool, o[i]);
        (void)pk_block_pool_next_live(&pool, NULL); /* the stack goes home */
        block_sound(&pool);
    }
    ck_assert_uint_gt(b.destroyed, 0);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
    ck_assert_uint_eq(b.built, b.destroyed);
}
END_TEST

/* ---- callbacks that use the pool ---- */

static unsigned asked;

static void expect_busy(const char *call)
{
    EXPECT_AT(faults.count == 1 && faults.kind == PK_FAULT_BUSY, faults.count, faults.kind);
    EXPECT_AT(strstr(faults.text, call) != NULL, faults.kind, 0);
    EXPECT(strstr(faults.text, ": its pool is inside a callback") != NULL);
    memset(&faults, 0, sizeof faults);
}

static void use_everything(void *other)
{
    void *out[2];
    block_refused(&pool, EDEADLK);
    EXPECT(pk_block_pool_alloc_n(&pool, out, 2, 1) == 0);
    EXPECT(pk_block_pool_reserve(&pool, 1) == PK_EBUSY);
    EXPECT(pk_block_pool_fini_if_empty(&pool) == PK_EBUSY);
    pk_block_pool_free(&pool, other);
    expect_busy("free of ");
    pk_block_pool_reset(&pool);
    expect_busy("reset of ");
    EXPECT(pk_block_pool_trim(&pool, 0) == 0);
    expect_busy("trim of ");
    EXPECT(pk_block_pool_fini(&pool) == 0);
    expect_busy("end of ");
    pk_block_pool_free(&pool, NULL);
    asked++;
}

static bool construct_that_asks(void *block, void *arg)
{
    use_everything(*(void **)arg);
    memset(block, 1, 64);
    return true;
}

static void destroy_that_asks(void *block, void *arg)
{
    (void)arg;
    use_everything(block);
}

START_TEST(constructors_and_destructors_cannot_use_their_pool)
{
    void *first = &faults;
    asked = 0;
    pk_on_fault(fault_log_add, &faults);
    block_open(&pool, (pk_block_pool_opts){.block_size = 64,
                                           .flags = flags_of(_i),
                                           .construct = construct_that_asks,
                                           .destroy = destroy_that_asks,
                                           .object_arg = &first});
    first = block_get(&pool);
    void *second = block_get(&pool);
    ck_assert_int_eq(pk_block_pool_reserve(&pool, 3), PK_OK);
    ck_assert_uint_eq(asked, 5);
    ck_assert_uint_eq(block_sound(&pool).n_live, 2);
    pk_block_pool_free(&pool, second);
    pk_block_pool_free(&pool, first);
    ck_assert_uint_gt(pk_block_pool_trim(&pool, 0), 0);
    ck_assert_uint_eq(asked, 10);
    first = block_get(&pool);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1);
    ck_assert_uint_eq(asked, 12);
    pk_on_fault(NULL, NULL);
}
END_TEST

/* ---- as an allocator ---- */

START_TEST(as_an_allocator)
{
    pk_on_fault(fault_log_add, &faults);
    block_open(&pool, (pk_block_pool_opts){
                          .block_size = 100, .align = 64, .name = "view", .flags = (unsigned)_i});
    pk_allocator a = pk_block_pool_as_alloc(&pool);
    size_t most = pk_block_pool_block_size(&pool);
    for (size_t n = 0; n <= most; n++) {
        char *p = pk_get(a, n, n % 2 ? 64 : 1);
        EXPECT_AT(p != NULL && (uintptr_t)p % 64 == 0 && pk_block_pool_owns(&pool, p), n, most);
        memset(p, 1, n);
        EXPECT_AT(pk_resize(a, p, n, most, 1) && !pk_resize(a, p, n, most + 1, 1), n, most);
        EXPECT_AT(pk_remap(a, p, most, n, 1) == p, n, most);
        errno = 0;
        EXPECT_AT(pk_remap(a, p, n, most + 1, 1) == NULL && errno == EINVAL, n, errno);
        pk_put(a, p, n, 1);
    }
    static const size_t bad[][2] = {{0, 0}, {8, 3}, {8, 128}, {8, SIZE_MAX}, {SIZE_MAX, 8}};
    for (int i = 0; i < 5; i++) {
        errno = 0;
        EXPECT_AT(pk_get(a, bad[i][0], bad[i][1]) == NULL && errno == EINVAL, i, errno);
    }
    errno = 0;
    ck_assert(pk_get(a, most + 1, 16) == NULL && errno == EINVAL);
    ck_assert_uint_eq(faults.count, 0);
    void *p = pk_get(a, 50, 16);
    pk_put(a, p, most + 1, 16);
    ck_assert(faults.count == 1 && faults.kind == PK_FAULT_WRONG_SIZE && faults.ptr == p);
    ck_assert_uint_eq(block_sound(&pool).n_live, 1);
    pk_put(a, p, 50, 16);
    pk_put(a, NULL, 50, 16);
    char *zero = pk_get_zero(a, most, 16);
    for (size_t i = 0; i < most; i++) EXPECT_AT(zero[i] == 0, i, most);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 1);
    errno = 0;
    ck_assert(pk_get(a, 1, 1) == NULL && errno == EINVAL);
    pk_put(a, p, 50, 16);
    ck_assert(faults.count == 2 && faults.kind == PK_FAULT_ENDED);
    pk_on_fault(NULL, NULL);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("block_pool_callback");
    TCase *each = tcase_create("each combination of flags");
    const TTest *const looped[] = {on_oom_frees_and_the_allocation_is_tried_again,
                                   on_oom_is_asked_as_long_as_it_says_yes,
                                   objects_stay_built_between_uses,
                                   the_kth_construction_fails,
                                   objects_are_made_ahead,
                                   keep_destroys_what_goes_back,
                                   constructors_and_destructors_cannot_use_their_pool,
                                   as_an_allocator};
    tcase_set_timeout(each, memory_is_measurable() ? 20 : 100);
    for (size_t i = 0; i < sizeof looped / sizeof *looped; i++)
        tcase_add_loop_test(each, looped[i], 0, BLOCK_FLAGS);
    suite_add_tcase(suite, each);
    return suite;
}

TEST_MAIN(make_suite)
