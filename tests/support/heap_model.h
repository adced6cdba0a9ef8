/* SPDX-License-Identifier: MIT
 * heap_model.h: runs a stream of operations on heaps beside a simple table of what must be true.
 *
 * The stream is bytes, so a generator of random numbers and a fuzzer can both feed it. The first
 * byte chooses a profile of sizes; then each 8 bytes are one operation:
 *
 *     0       which operation; what it does also depends on whether the slot is in use
 *     1, 2    the slot of the table
 *     3       flags: alignment, exact or usable size, which rare operation
 *     4 .. 7  the size, as the profile understands it, and the heap
 *
 * Heaps 0 and 1 have no limit, 2 has one and may fail, 3 is the process heap. A broken promise
 * aborts with the operation's number. */
#ifndef TEST_HEAP_MODEL_H
#define TEST_HEAP_MODEL_H

#include "build.h"
#include "expect.h"
#include "pattern.h"

#include <errno.h>
#include <poolkit/heap.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_SLOTS 4096
#define MODEL_OP_BYTES 8

enum { MODEL_LIMITED = 2, MODEL_PROCESS = 3, MODEL_HEAPS = 4 };

typedef struct {
    const char *name;
    size_t slots;       /* blocks that live at most         */
    size_t least, most; /* sizes                            */
    bool even;          /* evenly; else by their logarithm  */
    size_t limit;       /* of the limited heap, at first    */
} model_profile;

static const model_profile model_profiles[] = {
    {"tiny", MODEL_SLOTS, 0, 64, true, 64 * KIB},
    {"small", MODEL_SLOTS, 0, 1024, true, 128 * KIB},
    {"medium", 1024, 1024, 34 * KIB, true, 1 * MIB},
    {"mixed", 2048, 0, 512 * KIB, false, 1 * MIB},
    {"large", 64, 32 * KIB, 12 * MIB, false, 2 * MIB},
};
#define MODEL_PROFILES (sizeof model_profiles / sizeof *model_profiles)

typedef struct {
    unsigned char *p; /* NULL: the slot is free                                   */
    size_t n;         /* asked for                                                */
    size_t filled;    /* bytes that carry the pattern: n, or all that is usable   */
    uint64_t tag;     /* what the pattern was made from                           */
    unsigned home;    /* which heap                                               */
} model_block;

typedef struct {
    const model_profile *profile;
    pk_heap *heap[MODEL_HEAPS];
    size_t n_live[MODEL_HEAPS];
    size_t process_before; /* blocks of the process heap that are not the model's */
    uint64_t ops, refused, moved, in_place, walks, renewed; /* what happened         */
    model_block slot[MODEL_SLOTS];
} heap_model;

typedef struct {
    unsigned code, flags, home;
    size_t n;
    model_block *block;
} model_op;

static inline size_t model_size(const model_profile *profile, uint32_t bits)
{
    size_t span = profile->most - profile->least;
    if (profile->even) return profile->least + bits % (span + 1);
    unsigned width = 0;
    while (((size_t)1 << width) < span) width++;
    size_t n = (bits & 0xFFFFFF) & (((size_t)1 << (bits >> 24) % (width + 1)) - 1);
    return profile->least + (n < span ? n : span);
}

static inline model_op model_decode(heap_model *m, const uint8_t *b)
{
    uint32_t bits;
    memcpy(&bits, b + 4, sizeof bits);
    size_t slot = (size_t)(b[1] | b[2] << 8) % m->profile->slots;
    unsigned pick = (b[0] ^ b[3] * 5u ^ bits >> 11) % 16;
    unsigned home = pick < 6 ? 0 : pick < 11 ? 1 : pick < 14 ? MODEL_LIMITED : MODEL_PROCESS;
    return (model_op){b[0], b[3], home, model_size(m->profile, bits), &m->slot[slot]};
}

static inline pk_heap *model_new_heap(const heap_model *m, unsigned home)
{
    pk_heap_opts opts = {.size = sizeof opts, .name = "model"};
    pk_heap *one = NULL;
    if (home == MODEL_LIMITED) opts.limit = m->profile->limit << m->renewed % 4;
    EXPECT(pk_heap_create(&one, &opts) == PK_OK);
    return one;
}

/* -- single blocks -- */

/* What holds for a block at any time. */
static inline void model_look_at(const heap_model *m, const model_block *b)
{
    EXPECT_AT(pk_heap_of(b->p) == m->heap[b->home], b->n, b->home);
    EXPECT_AT(pk_heap_usable(b->p) >= b->filled, b->n, b->filled);
    EXPECT_AT(pattern_holds(b->p, b->filled, b->filled, b->tag), b->n, (uintptr_t)b->p);
}

static inline void model_fill(heap_model *m, model_block *b, bool all)
{
    size_t usable = pk_heap_usable(b->p);
    EXPECT_AT(usable >= b->n && usable > 0, b->n, usable);
    b->filled = all ? usable : b->n;
    b->tag = m->ops * 0x100000001B3u;
    pattern_fill(b->p, b->filled, b->tag);
}

/* An allocation that came out NULL: only the limit may be the reason. */
static inline void model_refused(heap_model *m, unsigned home, size_t n)
{
    EXPECT_AT(errno == ENOMEM, errno, n);
    EXPECT_AT(home == MODEL_LIMITED, home, n);
    m->refused++;
}

static inline size_t model_alignment(const model_op *op)
{
    if (op->flags >= 0xFC) return (size_t)1 << (12 + op->n % 11);
    return (size_t)1 << op->flags % 13;
}

static inline void *model_get(heap_model *m, const model_op *op, size_t *align)
{
    pk_heap *one = m->heap[op->home];
    size_t got = 0;
    *align = PK_ALIGN;
    if (op->code < 110) return pk_heap_alloc(one, op->n);
    if (op->code < 130) return pk_heap_realloc(one, NULL, op->n);
    if (op->code < 180) {
        void *p = pk_heap_zalloc(one, op->n);
        EXPECT_AT(!p || pattern_zero(p, op->n, 64 * KIB), op->n, (uintptr_t)p);
        return p;
    }
    if (op->code < 220) {
        void *p = pk_heap_alloc_atleast(one, op->n, &got);
        EXPECT_AT(!p || (got >= op->n && got == pk_heap_usable(p)), op->n, got);
        return p;
    }
    if (model_alignment(op) > PK_ALIGN) *align = model_alignment(op);
    return pk_heap_alloc_aligned(one, op->n, model_alignment(op));
}

static inline void model_alloc(heap_model *m, const model_op *op)
{
    size_t align;
    errno = 0;
    unsigned char *p = model_get(m, op, &align);
    if (!p) {
        model_refused(m, op->home, op->n);
        return;
    }
    EXPECT_AT((uintptr_t)p % align == 0, (uintptr_t)p, align);
    EXPECT_AT(pk_heap_of(p) == m->heap[op->home], op->n, op->home);
    *op->block = (model_block){.p = p, .n = op->n, .home = op->home};
    model_fill(m, op->block, op->flags & 0x40);
    m->n_live[op->home]++;
}

static inline void model_free(heap_model *m, const model_op *op)
{
    model_block *b = op->block;
    model_look_at(m, b);
    errno = EDOM;
    if (op->code < 160)
        pk_heap_free(b->p);
    else
        pk_heap_free_sized(b->p, op->flags & 1 ? b->n : pk_heap_usable(b->p));
    EXPECT_AT(errno == EDOM, errno, b->n);
    m->n_live[b->home]--;
    b->p = NULL;
}

static inline void model_realloc(heap_model *m, const model_op *op)
{
    model_block *b = op->block;
    size_t kept = pattern_min(b->filled, op->n);
    errno = 0;
    unsigned char *p = pk_heap_realloc(m->heap[op->home], b->p, op->n);
    if (!p) {
        model_refused(m, b->home, op->n);
        model_look_at(m, b);
        return;
    }
    EXPECT_AT((uintptr_t)p % PK_ALIGN == 0, (uintptr_t)p, op->n);
    EXPECT_AT(pattern_holds(p, b->filled, kept, b->tag), b->filled, op->n);
    EXPECT_AT(pk_heap_of(p) == m->heap[b->home], b->home, op->n);
    if (p != b->p) m->moved++;
    b->p = p;
    b->n = op->n;
    model_fill(m, b, op->flags & 0x40);
}

static inline void model_resize(heap_model *m, const model_op *op)
{
    model_block *b = op->block;
    size_t before = pk_heap_usable(b->p);
    bool done = pk_heap_resize(b->p, op->n);
    size_t after = pk_heap_usable(b->p);
    EXPECT_AT(done || op->n > before, before, op->n);
    EXPECT_AT(done ? after >= op->n : after == before, after, op->n);
    EXPECT_AT(pattern_holds(b->p, b->filled, pattern_min(b->filled, done ? op->n : before), b->tag),
              b->filled, op->n);
    if (!done) return;
    m->in_place++;
    b->n = op->n;
    model_fill(m, b, op->flags & 0x40);
}

/* -- whole heaps -- */

static inline int model_by_address(const void *a, const void *b)
{
    const model_block *x = *(model_block *const *)a, *y = *(model_block *const *)b;
    return (uintptr_t)x->p < (uintptr_t)y->p ? -1 : (uintptr_t)x->p > (uintptr_t)y->p;
}

/* The blocks of one heap (or of all: home < 0) in the order of their addresses. */
static inline size_t model_sorted(heap_model *m, int home, model_block **out)
{
    size_t count = 0;
    for (size_t i = 0; i < MODEL_SLOTS; i++) {
        model_block *b = &m->slot[i];
        if (b->p && (home < 0 || b->home == (unsigned)home)) out[count++] = b;
    }
    qsort(out, count, sizeof *out, model_by_address);
    return count;
}

/* No two blocks, of whatever heap, have a byte in common. */
static inline void model_no_overlap(heap_model *m)
{
    static model_block *sorted[MODEL_SLOTS];
    size_t count = model_sorted(m, -1, sorted);
    for (size_t i = 0; i + 1 < count; i++) {
        const unsigned char *end = sorted[i]->p + pk_heap_usable(sorted[i]->p);
        EXPECT_AT((uintptr_t)end <= (uintptr_t)sorted[i + 1]->p, (uintptr_t)sorted[i]->p,
                  (uintptr_t)sorted[i + 1]->p);
    }
}

typedef struct {
    model_block *sorted[MODEL_SLOTS];
    size_t count, shown;
    uintptr_t seen; /* mixed from the addresses, so that none is shown twice for another */
} model_walk_state;

static inline bool model_walk_one(void *arg, void *p, size_t n, bool live)
{
    model_walk_state *w = arg;
    model_block key = {.p = p}, *at = &key;
    if (!live) return true;
    model_block **found = bsearch(&at, w->sorted, w->count, sizeof at, model_by_address);
    EXPECT_AT(found != NULL && n >= (*found)->filled, (uintptr_t)p, n);
    w->shown++;
    w->seen += (uintptr_t)p * 0x9E3779B97F4A7C15u;
    return true;
}

/* Walk shows the live blocks of the table, each once. Other users of the process heap are not in
 * the table, so that one is left out. */
static inline void model_walk(heap_model *m, unsigned home)
{
    static model_walk_state w;
    if (home == MODEL_PROCESS) return;
    w.count = model_sorted(m, (int)home, w.sorted);
    w.shown = w.seen = 0;
    EXPECT(pk_heap_walk(m->heap[home], model_walk_one, &w));
    EXPECT_AT(w.shown == w.count, w.shown, w.count);
    for (size_t i = 0; i < w.count; i++) w.seen -= (uintptr_t)w.sorted[i]->p * 0x9E3779B97F4A7C15u;
    EXPECT_AT(w.seen == 0, w.count, home);
    m->walks++;
}

static inline void model_figures(heap_model *m)
{
    for (unsigned home = 0; home < MODEL_HEAPS; home++) {
        pk_stats s;
        size_t more = home == MODEL_PROCESS ? m->process_before : 0;
        pk_heap_stats(m->heap[home], &s);
        EXPECT_AT(s.committed == s.live + s.free_in_chunks + s.untouched + s.overhead, s.committed,
                  home);
        EXPECT_AT(s.n_live == m->n_live[home] + more, s.n_live, m->n_live[home]);
        EXPECT_AT(s.limit == 0 || s.live <= s.limit, s.live, s.limit);
    }
}

static inline void model_check(heap_model *m)
{
    for (unsigned home = 0; home < MODEL_HEAPS; home++)
        EXPECT_AT(pk_heap_check(m->heap[home]), home, 0);
}

static inline void model_audit(heap_model *m)
{
    char text[256] = "";
    for (unsigned home = 0; home < MODEL_HEAPS; home++) {
        size_t broken = pk_heap_audit(m->heap[home], text, sizeof text);
        if (broken != 0) fprintf(stderr, "audit of heap %u: %s\n", home, text);
        EXPECT_AT(broken == 0, broken, home);
    }
}

/* Ends a heap with all its blocks and begins another in its place. */
static inline void model_renew(heap_model *m, unsigned home)
{
    if (home == MODEL_PROCESS) return;
    for (size_t i = 0; i < MODEL_SLOTS; i++) {
        if (!m->slot[i].p || m->slot[i].home != home) continue;
        model_look_at(m, &m->slot[i]);
        m->slot[i].p = NULL;
    }
    pk_heap_destroy(m->heap[home]);
    m->heap[home] = model_new_heap(m, home);
    m->n_live[home] = 0;
    m->renewed++;
}

/* Calls that must fail and change nothing. */
static inline void model_bad_calls(heap_model *m, const model_op *op)
{
    volatile size_t huge = SIZE_MAX - op->n,
                    odd = op->flags & 1 ? 0 : 3 * ((size_t)1 << op->flags % 40);
    pk_heap *one = m->heap[op->home];
    errno = 0;
    EXPECT(!pk_heap_alloc(one, huge) && errno == ENOMEM);
    EXPECT(!pk_heap_zalloc(one, huge) && !pk_heap_alloc_atleast(one, huge, NULL));
    EXPECT(!pk_heap_alloc_aligned(one, op->n, odd) && errno == EINVAL);
    EXPECT(!pk_heap_of(m) && pk_heap_usable(m) == 0);
    if (!op->block->p) return;
    errno = 0;
    EXPECT(!pk_heap_realloc(one, op->block->p, huge) && errno == ENOMEM);
    EXPECT(!pk_heap_resize(op->block->p, huge));
    model_look_at(m, op->block);
}

static inline void model_rare(heap_model *m, const model_op *op)
{
    switch (op->flags % 16) {
    case 0:
        (void)pk_heap_trim(m->heap[op->home], op->flags & 0x80 ? 0 : op->n * 16);
        break;
    case 1:
        model_walk(m, op->home);
        break;
    case 2:
        model_renew(m, op->home);
        break;
    case 3:
        model_no_overlap(m);
        break;
    default:
        model_bad_calls(m, op);
        break;
    }
}

/* -- the stream -- */

static inline void model_step(heap_model *m, const uint8_t *bytes)
{
    model_op op = model_decode(m, bytes);
    m->ops++;
    expect_here()->number = m->ops;
    if (op.code == 255)
        model_rare(m, &op);
    else if (!op.block->p)
        model_alloc(m, &op);
    else if (op.code < 185)
        model_free(m, &op);
    else if (op.code < 230)
        model_realloc(m, &op);
    else if (op.code < 250)
        model_resize(m, &op);
    else
        model_look_at(m, op.block);
    if (m->ops % 64 == 0) model_check(m);
    if (m->ops % 1024 == 0) model_figures(m);
    if (m->ops % 8192 == 0) model_no_overlap(m);
    if (m->ops % 100000 == 0) model_audit(m);
}

static inline void model_feed(heap_model *m, const uint8_t *bytes, size_t n)
{
    for (; n >= MODEL_OP_BYTES; n -= MODEL_OP_BYTES, bytes += MODEL_OP_BYTES) model_step(m, bytes);
}

static inline void model_start(heap_model *m, uint8_t profile)
{
    pk_stats s;
    memset(m, 0, sizeof *m);
    m->profile = &model_profiles[profile % MODEL_PROFILES];
    *expect_here() = (expect_note){"model operation", 0};
    for (unsigned i = 0; i < MODEL_PROCESS; i++) m->heap[i] = model_new_heap(m, i);
    m->heap[MODEL_PROCESS] = pk_heap_process();
    pk_heap_stats(pk_heap_process(), &s);
    m->process_before = (size_t)s.n_live;
}

/* Frees every other block singly and the rest with their heaps; all must be sound to the end. */
static inline void model_end(heap_model *m)
{
    model_no_overlap(m);
    model_audit(m);
    for (unsigned home = 0; home < MODEL_HEAPS; home++) model_walk(m, home);
    for (size_t i = 0; i < MODEL_SLOTS; i++) {
        model_op op = {.code = 0, .block = &m->slot[i]};
        bool singly = i % 2 || m->slot[i].home == MODEL_PROCESS;
        if (op.block->p && singly) model_free(m, &op);
    }
    model_figures(m);
    model_audit(m);
    for (unsigned home = 0; home < MODEL_PROCESS; home++) {
        model_renew(m, home);
        pk_heap_destroy(m->heap[home]);
    }
    *expect_here() = (expect_note){NULL, 0};
}

/* One whole stream. */
static inline void model_run(const uint8_t *bytes, size_t n)
{
    static heap_model m;
    if (n == 0) return;
    model_start(&m, bytes[0]);
    model_feed(&m, bytes + 1, n - 1);
    model_end(&m);
}

#endif /* TEST_HEAP_MODEL_H */
