/* SPDX-License-Identifier: MIT
 * misuse_model_test.c: random histories of right and wrong calls on a heap of each mode, with a fault handler
 * that returns. The model is an array of blocks in use and a ring of freed addresses: each wrong call
 * that the mode promises to find (docs/faults.md) is reported once, by its name, no right call is,
 * and after it the heap is what it was. POOLKIT_SEED repeats a run. */
#include "build.h"
#include "expect.h"
#include "pattern.h"
#include "rng.h"
#include "runner.h"

#include <poolkit/fault.h>
#include <poolkit/heap.h>

enum { LIVE = 300, DEAD = 64, SPOILT = 4096, LOST = 16384, LOOK_EVERY = 500 };

typedef struct {
    char *p;
    size_t n;
} block;

/* What the model knows. */
static struct {
    pk_heap *heap;
    pk_heap_mode mode;
    rng random;
    block live[LIVE]; /* p == NULL: a free place */
    size_t n_live;    /* blocks; their bytes are not counted: a mode may round them */
    char *dead[DEAD]; /* freed once, newest at `newest`; NULL: none */
    size_t newest;
    char *spoilt[SPOILT]; /* written after they were freed, and not reported yet */
    size_t n_spoilt;
    char *lost[LOST]; /* found damaged: never used again */
    size_t n_lost;
    size_t wrong; /* misuses so far */
} m;

/* What the handler saw. */
static struct {
    size_t count;
    pk_fault_kind kind;
    const void *ptr;
    size_t spoilt; /* late reports of writes after a free */
} said;

/* A block that was found damaged stays so: the free of a neighbour names it again. */
static bool is_lost(const void *p)
{
    for (size_t i = 0; i < m.n_lost; i++)
        if (m.lost[i] == p) return true;
    return false;
}

static void take_report(const pk_fault *fault, void *arg)
{
    (void)arg;
    if (fault->kind == PK_FAULT_OVERRUN && is_lost(fault->ptr)) return;
    for (size_t i = 0; i < m.n_spoilt && fault->kind == PK_FAULT_USE_AFTER_FREE; i++) {
        if (m.spoilt[i] == fault->ptr) {
            m.spoilt[i] = m.spoilt[--m.n_spoilt];
            said.spoilt++;
            return;
        }
    }
    said.count++;
    said.kind = fault->kind;
    said.ptr = fault->ptr;
}

static bool is_checked(void) { return m.mode != PK_HEAP_FAST; }

/* ---- the model ---- */

static size_t random_size(void)
{
    unsigned bits = rng_below(&m.random, 50) == 0 ? 20 : rng_below(&m.random, 5) == 0 ? 14 : 8;
    return 1 + rng_below(&m.random, (size_t)1 << (1 + rng_below(&m.random, bits)));
}

static bool is_live(const char *p)
{
    for (size_t i = 0; i < LIVE; i++)
        if (m.live[i].p == p) return true;
    return false;
}

static void was_freed(block *b)
{
    m.newest = (m.newest + 1) % DEAD;
    m.dead[m.newest] = b->p;
    b->p = NULL;
    m.n_live--;
}

static void holds(const block *b)
{
    EXPECT_AT(pattern_holds(b->p, b->n, b->n, b->n), b->n, (uintptr_t)b->p);
}

/* ---- right calls ---- */

static void take(block *b)
{
    size_t n = random_size();
    char *p = pk_heap_alloc(m.heap, n);
    EXPECT_AT(p != NULL && !is_live(p), n, (uintptr_t)p);
    for (size_t i = 0; i < m.n_spoilt; i++) EXPECT_AT(m.spoilt[i] != p, i, n);
    *b = (block){p, n};
    pattern_fill(p, n, n);
    m.n_live++;
}

static void give(block *b)
{
    holds(b);
    if (rng_below(&m.random, 2) == 0)
        pk_heap_free(b->p);
    else
        pk_heap_free_sized(b->p, b->n);
    was_freed(b);
}

static void resize(block *b)
{
    size_t n = random_size();
    char *old = b->p, *p = pk_heap_realloc(m.heap, old, n);
    EXPECT_AT(p != NULL, n, b->n);
    EXPECT_AT(pattern_holds(p, b->n, n < b->n ? n : b->n, b->n), b->n, n);
    *b = (block){p, n};
    pattern_fill(p, n, n);
    if (p != old) {
        m.newest = (m.newest + 1) % DEAD;
        m.dead[m.newest] = old;
    }
}

/* ---- wrong calls ---- */

enum {
    DOUBLE = 1u << PK_FAULT_DOUBLE_FREE,
    INSIDE = 1u << PK_FAULT_NOT_A_BLOCK,
    FOREIGN = 1u << PK_FAULT_FOREIGN
};

/* The call before made one report, of one of these kinds, of this address. */
static void reported(unsigned kinds, const void *p)
{
    EXPECT_AT(said.count == 1, said.count, kinds);
    EXPECT_AT((kinds >> said.kind & 1) != 0, said.kind, kinds);
    EXPECT_AT(said.ptr == p, (uintptr_t)said.ptr, (uintptr_t)p);
    said.count = 0;
    m.wrong++;
}

/* The compiler is not to know what is freed. */
static void *hidden(void *p)
{
    void *volatile copy = p;
    return copy;
}

static void free_twice(block *b)
{
    char *p = b->p;
    give(b);
    EXPECT_AT(said.count == 0, said.count, 0);
    pk_heap_free(hidden(p));
    reported(DOUBLE, p);
}

/* Freed some time ago: its slab may belong to another size by now, or its pages to nobody. */
static void free_stale(void)
{
    char **p = &m.dead[rng_below(&m.random, DEAD)];
    if (*p == NULL || is_live(*p)) return;
    pk_heap_free(hidden(*p));
    reported(DOUBLE | INSIDE | FOREIGN, *p);
}

static void free_inside(const block *b)
{
    if (b->n < 2) return;
    char *p = b->p + 1 + rng_below(&m.random, b->n - 1);
    pk_heap_free(hidden(p));
    reported(INSIDE, p);
    holds(b);
}

static void free_foreign(void)
{
    static char in_data[64];
    char on_stack[64];
    char *p = rng_below(&m.random, 2) == 0 ? in_data : on_stack;
    p += rng_below(&m.random, 64);
    pk_heap_free(hidden(p));
    reported(FOREIGN, p);
}

static void realloc_freed(block *b)
{
    char *p = b->p;
    give(b);
    EXPECT_AT(pk_heap_realloc(m.heap, hidden(p), random_size()) == NULL, 0, 0);
    reported(DOUBLE | INSIDE, p);
}

/* Found by checked heaps only, as what follows. */
static void free_with_wrong_size(block *b)
{
    pk_heap_free_sized(b->p, b->n + 1);
    reported(1u << PK_FAULT_WRONG_SIZE, b->p);
    holds(b);
}

static void overrun(block *b)
{
    char *p = b->p;
    if (m.n_lost == LOST) return;
    holds(b);
    p[b->n] = (char)(p[b->n] ^ 0x20);
    pk_heap_free(p);
    reported(1u << PK_FAULT_OVERRUN, p);
    b->p = NULL;
    m.n_live--;
    m.lost[m.n_lost++] = p;
}

/* The report comes when the block leaves the quarantine. Larger ones, and debug mode's samples, have pages
 * that are shut: such a write ends the program. */
static void write_after_free(block *b)
{
    char *p = b->p;
    size_t at = rng_below(&m.random, b->n);
    if (b->n > 1024 || m.mode != PK_HEAP_HARDENED || m.n_spoilt == SPOILT) return;
    holds(b);
    m.spoilt[m.n_spoilt++] = p;
    pk_heap_free(p);
    p[at] = (char)(p[at] + 1);
    b->p = NULL;
    m.n_live--;
    m.wrong++;
}

static void do_wrong(block *b)
{
    switch (rng_below(&m.random, is_checked() ? 8 : 5)) {
    case 0:
        free_twice(b);
        break;
    case 1:
        free_stale();
        break;
    case 2:
        free_inside(b);
        break;
    case 3:
        free_foreign();
        break;
    case 4:
        realloc_freed(b);
        break;
    case 5:
        free_with_wrong_size(b);
        break;
    case 6:
        overrun(b);
        break;
    default:
        write_after_free(b);
        break;
    }
}

/* ---- a history ---- */

static void step(void)
{
    block *b = &m.live[rng_below(&m.random, LIVE)];
    size_t what = rng_below(&m.random, 100);
    if (b->p == NULL)
        take(b);
    else if (what < 50)
        give(b);
    else if (what < 70)
        resize(b);
    else if (what < 80)
        do_wrong(b);
    else
        holds(b);
    EXPECT_AT(said.count == 0, said.count, said.kind);
}

static void look(void)
{
    char text[256] = "";
    pk_stats stats;
    pk_heap_stats(m.heap, &stats);
    EXPECT_AT(stats.n_live >= m.n_live && stats.n_live <= m.n_live + m.n_lost + said.spoilt,
              stats.n_live, m.n_live);
    size_t broken = pk_heap_audit(m.heap, text, sizeof text);
    if (broken != m.n_lost) fprintf(stderr, "%s\n", text);
    EXPECT_AT(broken == m.n_lost, broken, m.n_lost); /* the damaged blocks, and nothing else */
}

static void finish(void)
{
    for (size_t i = 0; i < LIVE; i++)
        if (m.live[i].p != NULL) give(&m.live[i]);
    pk_heap_trim(m.heap, 0);
    EXPECT_AT(said.count == 0, said.count, said.kind);
    EXPECT_AT(m.n_spoilt == 0, m.n_spoilt, said.spoilt); /* none missed */
    look();
    pk_heap_destroy(m.heap);
    pk_on_fault(NULL, NULL);
}

static void run(pk_heap_mode mode, size_t steps)
{
    pk_heap_opts opts = {.size = sizeof opts, .name = "misused", .mode = mode};
    memset(&m, 0, sizeof m);
    memset(&said, 0, sizeof said);
    m.mode = mode;
    m.random = rng_make(rng_run_seed() + mode);
    ck_assert_int_eq(pk_heap_create(&m.heap, &opts), PK_OK);
    pk_on_fault(take_report, NULL);
    for (size_t i = 0; i < steps; i++) {
        step();
        if (i % LOOK_EVERY == 0) look();
    }
    finish();
    printf("%zu wrong calls among %zu, %zu of them found late\n", m.wrong, steps, said.spoilt);
}

START_TEST(fast) { run(PK_HEAP_FAST, scaled(2000000)); }
END_TEST

START_TEST(hardened) { run(PK_HEAP_HARDENED, scaled(400000)); }
END_TEST

START_TEST(debug) { run(PK_HEAP_DEBUG, scaled(400000)); }
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("misuse_model");
    ADD_CASE(suite, tcase_create("model"), 120, fast, hardened, debug);
    return suite;
}

TEST_MAIN(make_suite)
