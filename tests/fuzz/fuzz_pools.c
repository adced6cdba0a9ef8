/* SPDX-License-Identifier: MIT
 * fuzz_pools.c: any stream of calls on a block pool, a shared pool or an arena against a table of what
 * must be in use and what must be in it. The first byte chooses the pool, the second its options; then
 * each two bytes are an operation and its argument. */
#include "expect.h"
#include "pattern.h"

#include <errno.h>
#include <poolkit/arena.h>
#include <poolkit/block_pool.h>
#include <poolkit/shared_pool.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOTS = 256, MARKS = 8 };

static struct {
    unsigned char *p;
    size_t n;
} slot[SLOTS];
static size_t most, live, block_size;
static bool zeroed;

static const size_t sizes[] = {1, 8, 24, 100, 1000, 5000, 40000, 65536};

static void look_at(size_t i)
{
    if (slot[i].p) EXPECT_AT(pattern_holds(slot[i].p, slot[i].n, slot[i].n, i), i, slot[i].n);
}

static void took(size_t i, void *p, size_t n)
{
    slot[i].p = p;
    slot[i].n = n;
    if (!p) return;
    EXPECT_AT(!zeroed || pattern_zero(p, n, n), i, n);
    pattern_fill(p, n, i);
    live++;
}

static void forget(size_t i)
{
    look_at(i);
    live -= slot[i].p != NULL;
    slot[i].p = NULL;
}

static pk_block_pool_opts options(uint8_t byte)
{
    block_size = sizes[byte % 8];
    most = byte & 0x40 ? 40 : 0;
    zeroed = byte & 8;
    return (pk_block_pool_opts){.block_size = block_size,
                                .flags = byte >> 3 & 7,
                                .max_blocks = most,
                                .keep = byte & 0x80 ? 20 : 0};
}

/* ---- block pool ---- */

static void block_step(pk_block_pool *pool, uint8_t operation, uint8_t i)
{
    if (operation < 240) {
        void *p = slot[i].p;
        if (p) {
            forget(i);
            pk_block_pool_free(pool, p);
            return;
        }
        errno = 0;
        p = pk_block_pool_alloc(pool);
        EXPECT_AT((p == NULL) == (most && live == most), live, errno);
        EXPECT_AT(p || errno == ENOMEM, errno, i);
        took(i, p, block_size);
    } else if (operation < 244) {
        (void)pk_block_pool_trim(pool, i);
    } else if (operation < 246) {
        for (size_t k = 0; k < SLOTS; k++) forget(k);
        pk_block_pool_reset(pool);
    } else if (operation < 250) {
        pk_status status = pk_block_pool_reserve(pool, i);
        EXPECT_AT(status == PK_OK || most, i, -status);
    } else {
        size_t n = 0;
        for (void *p = NULL; (p = pk_block_pool_next_live(pool, p)) != NULL;) n++;
        EXPECT_AT(n == live, n, live);
        EXPECT(pk_block_pool_audit(pool, NULL, 0) == 0);
    }
}

static void block_pool(uint8_t choice, const uint8_t *data, size_t size)
{
    pk_block_pool pool;
    pk_block_pool_opts opts = options(choice);
    EXPECT(pk_block_pool_init(&pool, &opts) == PK_OK);
    for (; size >= 2; size -= 2, data += 2) block_step(&pool, data[0], data[1]);
    for (size_t i = 0; i < SLOTS; i++) look_at(i);
    EXPECT(pk_block_pool_audit(&pool, NULL, 0) == 0);
    size_t left = pk_block_pool_fini(&pool);
    EXPECT_AT(left == live, left, live);
}

/* ---- shared pool ---- */

static void shared_step(pk_shared_pool *pool, uint8_t operation, uint8_t i)
{
    pk_stats s;
    if (operation < 240) {
        void *p = slot[i].p;
        if (p) {
            EXPECT(pk_shared_pool_of(p) == pool);
            forget(i);
            pk_shared_pool_free(p);
            return;
        }
        errno = 0;
        p = pk_shared_pool_alloc(pool);
        EXPECT_AT((p == NULL) == (most && live == most), live, errno);
        EXPECT_AT(p || errno == ENOMEM, errno, i);
        took(i, p, block_size);
    } else if (operation < 246) {
        (void)pk_shared_pool_trim(pool, (size_t)i << 12);
    } else if (operation < 250) {
        pk_shared_pool_flush(pool);
    } else {
        pk_shared_pool_stats(pool, &s);
        EXPECT_AT(s.n_live == live, s.n_live, live);
        EXPECT(pk_shared_pool_audit(pool, NULL, 0) == 0);
    }
}

static void shared_pool(uint8_t choice, const uint8_t *data, size_t size)
{
    pk_shared_pool *pool;
    pk_block_pool_opts opts = options(choice);
    opts.flags &= PK_ZERO; /* the only one it knows */
    opts.keep = 0;
    pk_threading threading = choice & 0x80 ? PK_LOCKED : PK_PER_THREAD;
    EXPECT(pk_shared_pool_create(&pool, &opts, threading) == PK_OK);
    for (; size >= 2; size -= 2, data += 2) shared_step(pool, data[0], data[1]);
    for (size_t i = 0; i < SLOTS; i++) look_at(i);
    EXPECT(pk_shared_pool_audit(pool, NULL, 0) == 0);
    size_t left = pk_shared_pool_destroy(pool);
    EXPECT_AT(left == live, left, live);
}

/* ---- arena ---- */

typedef struct {
    pk_arena arena;
    size_t next; /* the slots below it are in use */
    size_t n_marks;
    struct {
        pk_mark mark;
        size_t next;
    } mark[MARKS];
} arena_state;

/* A block that is older than a mark would end with what lies behind it. */
static bool newest_is_behind_marks(const arena_state *a)
{
    return a->next > (a->n_marks ? a->mark[a->n_marks - 1].next : 0);
}

static void arena_resize(arena_state *a, size_t n)
{
    size_t i = a->next - 1;
    look_at(i);
    unsigned char *p = pk_arena_realloc(&a->arena, slot[i].p, slot[i].n, n);
    EXPECT(p != NULL);
    EXPECT_AT(pattern_holds(p, slot[i].n, slot[i].n < n ? slot[i].n : n, i), n, slot[i].n);
    slot[i].p = p;
    slot[i].n = n;
    pattern_fill(p, n, i);
}

static void arena_rewind(arena_state *a, size_t to)
{
    while (a->next > a->mark[to].next) forget(--a->next);
    EXPECT(pk_arena_rewind(&a->arena, a->mark[to].mark) == PK_OK);
    a->n_marks = to + 1;
}

static void arena_step(arena_state *a, uint8_t operation, uint8_t i)
{
    size_t n = sizes[operation % 8] + i;
    if (operation < 200 && a->next < SLOTS) {
        size_t align = (size_t)16 << operation % 5;
        unsigned char *p = operation < 150 ? pk_arena_alloc(&a->arena, n)
                                           : pk_arena_alloc_aligned(&a->arena, n, align);
        EXPECT(p && (uintptr_t)p % (operation < 150 ? 16 : align) == 0);
        took(a->next++, p, n);
    } else if (operation < 220 && newest_is_behind_marks(a)) {
        arena_resize(a, n);
    } else if (operation < 235 && a->n_marks < MARKS) {
        a->mark[a->n_marks].next = a->next;
        a->mark[a->n_marks++].mark = pk_arena_mark(&a->arena);
    } else if (operation < 250 && a->n_marks > 0) {
        arena_rewind(a, i % a->n_marks);
    } else if (operation >= 250) {
        while (a->next > 0) forget(--a->next);
        a->n_marks = 0;
        pk_arena_reset(&a->arena);
    }
}

static void arena(uint8_t choice, const uint8_t *data, size_t size)
{
    static arena_state a;
    static _Alignas(16) char buffer[1000];
    pk_arena_opts opts = {.locked = choice & 1, .retain = choice & 2 ? 1 : 0};
    if (choice & 4) {
        opts.buffer = buffer + (choice >> 4);
        opts.buffer_size = sizeof buffer - 16;
    }
    memset(&a, 0, sizeof a);
    EXPECT(pk_arena_init(&a.arena, &opts) == PK_OK);
    for (; size >= 2; size -= 2, data += 2) arena_step(&a, data[0], data[1]);
    for (size_t i = 0; i < a.next; i++) {
        look_at(i);
        EXPECT(pk_arena_owns(&a.arena, slot[i].p));
    }
    pk_arena_fini(&a.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(uint8_t choice, const uint8_t *data,
                                 size_t size) = {block_pool, shared_pool, arena};
    if (size < 2) return 0;
    memset(slot, 0, sizeof slot);
    live = 0;
    zeroed = false;
    kinds[data[0] % 3](data[1], data + 2, size - 2);
    return 0;
}
