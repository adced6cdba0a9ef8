/* SPDX-License-Identifier: MIT
 * arena_model_test.c: random operations on an arena beside a list of the blocks that must live, in
 * the order they came, each with its pattern; marks are a stack of lengths of that list. */
#include "arena_fixture.h"
#include "build.h"
#include "pattern.h"
#include "pool/arena_internal.h"
#include "rng.h"
#include "runner.h"

#include <errno.h>

enum { MOST_BLOCKS = 4000, MOST_MARKS = 40 };

typedef struct {
    unsigned char *p;
    size_t n;
    uint64_t tag;
} block;

typedef struct {
    pk_mark mark;
    size_t blocks, defers;
} moment;

typedef struct {
    pk_arena arena;
    test_source source;
    rng r;
    size_t n_blocks, n_marks;
    size_t defers, ran; /* clean-ups waiting; run by the operation under way */
    uint64_t refused, rewinds;
    block blocks[MOST_BLOCKS];
    moment marks[MOST_MARKS];
} model;

static model m;

static void sound(void)
{
    const char *text = "";
    size_t broken = pki_arena_audit(&m.arena, &text);
    if (broken) fprintf(stderr, "audit: %s\n", text);
    EXPECT_AT(broken == 0, broken, m.n_blocks);
    arena_figures(&m.arena);
}

static void look_at(const block *b)
{
    EXPECT_AT(pattern_holds(b->p, b->n, b->n, b->tag), b->n, b->tag);
}

static void look_from(size_t from)
{
    for (size_t i = from; i < m.n_blocks; i++) look_at(&m.blocks[i]);
}

static size_t some_size(void)
{
    size_t kind = rng_below(&m.r, 300);
    return kind == 0   ? rng_size(&m.r, 200000)
           : kind < 10 ? rng_below(&m.r, 6000)
                       : rng_below(&m.r, 200);
}

static void add(unsigned char *p, size_t n, size_t align)
{
    if (!p) {
        EXPECT_AT(errno == ENOMEM, errno, n);
        m.refused++;
        return;
    }
    EXPECT_AT((uintptr_t)p % align == 0, n, align);
    block *b = &m.blocks[m.n_blocks++];
    *b = (block){p, n, rng_next(&m.r)};
    pattern_fill(p, n, b->tag);
}

static void alloc_one(void)
{
    size_t n = some_size(), align = 16;
    unsigned char *p;
    switch (rng_below(&m.r, 8)) {
    case 0:
        p = pk_arena_zalloc(&m.arena, n);
        EXPECT_AT(!p || pattern_zero(p, n, SIZE_MAX), n, 0);
        break;
    case 1:
        align <<= rng_below(&m.r, 9);
        p = pk_arena_alloc_aligned(&m.arena, n, align);
        break;
    case 2:
        p = (unsigned char *)pk_arena_printf(&m.arena, "%*d", (int)n, 7);
        EXPECT_AT(!p || strlen((char *)p) == (n ? n : 1), n, 0);
        break;
    default:
        p = pk_arena_alloc(&m.arena, n);
    }
    add(p, n, align);
}

/* Blocks older than the newest mark keep their size: the mark would cut off what they gained. */
static void resize_one(void)
{
    size_t first = m.n_marks ? m.marks[m.n_marks - 1].blocks : 0;
    if (m.n_blocks == first) return;
    bool newest = rng_below(&m.r, 2);
    size_t at = newest ? m.n_blocks - 1 : first + rng_below(&m.r, m.n_blocks - first);
    block *b = &m.blocks[at];
    size_t n = some_size(), kept = pattern_min(b->n, n);
    look_at(b);
    if (rng_below(&m.r, 2)) {
        if (!pk_arena_resize(&m.arena, b->p, b->n, n)) return;
        EXPECT_AT(pattern_holds(b->p, b->n, kept, b->tag), b->n, n);
        b->n = n;
        pattern_fill(b->p, n, b->tag);
        return;
    }
    unsigned char *p = pk_arena_realloc(&m.arena, b->p, b->n, n);
    EXPECT_AT(!p || pattern_holds(p, b->n, kept, b->tag), b->n, n);
    if (p == b->p) {
        b->n = n;
        pattern_fill(p, n, b->tag);
        return;
    }
    add(p, n, 16);
    look_at(b); /* a moved block's old place stays */
}

static void count(void *arg) { ((model *)arg)->ran++; }

static void defer_one(void)
{
    if (pk_arena_defer(&m.arena, count, &m) == PK_OK) m.defers++;
}

static void forget(size_t blocks, size_t defers)
{
    m.n_blocks = blocks;
    EXPECT_AT(m.ran == m.defers - defers, m.ran, m.defers - defers);
    m.defers = defers;
    m.ran = 0;
}

static void push_mark(void)
{
    if (m.n_marks == MOST_MARKS) return;
    m.marks[m.n_marks++] = (moment){pk_arena_mark(&m.arena), m.n_blocks, m.defers};
}

/* Mostly to the newest mark; it stays good, and is kept half of the time. */
static void rewind_some(void)
{
    if (m.n_marks == 0) return;
    size_t to = m.n_marks - 1;
    if (rng_below(&m.r, 8) == 0) to = rng_below(&m.r, m.n_marks);
    look_from(m.marks[to].blocks);
    EXPECT_AT(pk_arena_rewind(&m.arena, m.marks[to].mark) == PK_OK, to, m.n_marks);
    m.n_marks = to + rng_below(&m.r, 2);
    m.rewinds++;
    forget(m.marks[to].blocks, m.marks[to].defers);
}

static void reset(void)
{
    look_from(0);
    pk_mark old = pk_arena_mark(&m.arena);
    pk_arena_reset(&m.arena);
    EXPECT(pk_arena_rewind(&m.arena, old) == PK_EINVAL);
    m.n_marks = 0;
    forget(0, 0);
}

static void start(uint64_t seed, pk_arena_opts opts)
{
    m = (model){.r = rng_make(seed)};
    opts.source = test_source_make(&m.source);
    EXPECT(pk_arena_init(&m.arena, &opts) == PK_OK);
}

static void run(size_t ops)
{
    for (size_t i = 0; i < ops; i++) {
        expect_here()->what = "operation";
        expect_here()->number = i;
        size_t kind = rng_below(&m.r, 1000);
        if (m.n_blocks + 2 > MOST_BLOCKS || kind < 2)
            reset();
        else if (kind < 100)
            resize_one();
        else if (kind < 120)
            defer_one();
        else if (kind < 150)
            push_mark();
        else if (kind < 190)
            rewind_some();
        else
            alloc_one();
        if (i % 1000 == 0) sound();
    }
    look_from(0);
    sound();
    size_t waiting = m.defers;
    pk_arena_fini(&m.arena);
    EXPECT_AT(m.ran == waiting, m.ran, waiting);
    test_source_is_even(&m.source);
    EXPECT(m.rewinds > ops / 1000);
}

#define OPS scaled(2000000 / 5)

START_TEST(default_options)
{
    start(rng_run_seed(), (pk_arena_opts){0});
    run(OPS);
    ck_assert_uint_eq(m.refused, 0);
}
END_TEST

START_TEST(small_chunks)
{
    start(rng_run_seed(), (pk_arena_opts){.first = 400, .max_chunk = 2000, .retain = 5000});
    run(OPS);
}
END_TEST

START_TEST(with_a_limit)
{
    start(rng_run_seed(), (pk_arena_opts){.limit = 100001});
    run(OPS);
    ck_assert_uint_gt(m.refused, 0);
}
END_TEST

START_TEST(in_a_buffer_first)
{
    static char memory[3001];
    pk_arena_opts opts = {.buffer = memory + 1, .buffer_size = 3000, .max_chunk = 64 * KIB};
    start(rng_run_seed(), opts);
    run(OPS);
}
END_TEST

START_TEST(locked)
{
    start(rng_run_seed(), (pk_arena_opts){.locked = true});
    run(OPS);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("arena_model");
    TCase *tcase = tcase_create("model");
    ADD_CASE(suite, tcase, 30, default_options, small_chunks, with_a_limit, in_a_buffer_first,
             locked);
    return suite;
}

TEST_MAIN(make_suite)
