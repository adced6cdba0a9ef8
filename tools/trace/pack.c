/* SPDX-License-Identifier: MIT
 * pack.c: turns events into columns as they come.
 *
 * Each column has room for the longest numbers of a whole block, so that nothing is checked per
 * event. A column whose values are all 0 is left out: alignments, mostly; threads, of a program
 * that has one; sizes and stacks of frees.
 */
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "guess.h"

/* Twice the births of a block: a power of two, never more than half full. */
#define FINDER_BITS 18

struct column {
    uint8_t *at, *bytes;
    uint64_t any; /* all its values, or-ed */
};

struct pki_packer {
    struct column column[PKI_COLUMNS];
    uint64_t first, last; /* ticks */
    size_t n;
    uint32_t stack_come, stack_go;      /* of the last event of either kind */
    uint32_t finder[1u << FINDER_BITS]; /* by address: index + 1 of its last birth */
    struct pki_guess guess;
    uint8_t bytes[];
};

/* Longest numbers in bytes: 1 below 128, 3 of 16 bits and of folded 17, 5 of 32 and of
 * folded 33. */
static const uint8_t longest[PKI_COLUMNS] = {
    [PKI_OPS] = 1,
    [PKI_THREADS] = 3,
    [PKI_TIMES] = PKI_VARINT_MOST,
    [PKI_STACKS_COME] = 5,
    [PKI_STACKS_GO] = 5,
    [PKI_SIZES_COME] = PKI_VARINT_MOST,
    [PKI_SIZES_GO] = PKI_VARINT_MOST,
    [PKI_ALIGNS] = 1,
    [PKI_ADDRESSES_COME] = PKI_VARINT_MOST,
    [PKI_BIRTHS] = 3,
    [PKI_ADDRESSES_GO] = PKI_VARINT_MOST,
    [PKI_DEPTHS] = 1,
};

void pki_guess_start(struct pki_guess *g)
{
    memset(g, 0, offsetof(struct pki_guess, births));
    g->taken_birth = PKI_NO_BIRTH;
}

static void start(struct pki_packer *p)
{
    for (int i = 0; i < PKI_COLUMNS; i++) {
        p->column[i].at = p->column[i].bytes;
        p->column[i].any = 0;
    }
    memset(p->finder, 0, sizeof p->finder);
    pki_guess_start(&p->guess);
    p->stack_come = p->stack_go = 0;
    p->n = 0;
}

struct pki_packer *pki_packer_create(void)
{
    size_t room = 0;
    for (int i = 0; i < PKI_COLUMNS; i++) room += (size_t)longest[i] * TRACE_BLOCK;
    struct pki_packer *p = malloc(sizeof *p + room);
    if (!p) return NULL;
    uint8_t *at = p->bytes;
    for (int i = 0; i < PKI_COLUMNS; i++) {
        p->column[i].bytes = at;
        at += (size_t)longest[i] * TRACE_BLOCK;
    }
    start(p);
    return p;
}

void pki_packer_destroy(struct pki_packer *p) { free(p); }

size_t pki_packed(const struct pki_packer *p) { return p->n; }

static inline void put(struct pki_packer *p, enum pki_column column, uint64_t value)
{
    struct column *c = &p->column[column];
    c->any |= value;
    c->at = pki_put_number(c->at, value);
}

/* Apart, so that putting an event needs no call. */
static __attribute__((noinline, cold)) void put_zeros(struct column *c, size_t n)
{
    memset(c->at, 0, n);
    c->at += n;
}

/* The same for a column that has `before` numbers, mostly 0 in many programs: as long as all are,
 * none is written. */
static inline void put_rare(struct pki_packer *p, enum pki_column column, size_t before,
                            uint64_t value)
{
    struct column *c = &p->column[column];
    if (!(c->any | value)) return;
    if (!c->any) put_zeros(c, before);
    put(p, column, value);
}

/* The place for an address: that of its last birth, or an empty one. */
static uint32_t *find(struct pki_packer *p, uint64_t address)
{
    const struct pki_birth *births = p->guess.births;
    size_t i = (size_t)((address >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - FINDER_BITS));
    while (p->finder[i] && births[p->finder[i] - 1].address != address) {
        i = (i + 1) % (1u << FINDER_BITS);
    }
    return &p->finder[i];
}

/* How many births of a list stand in front of the one at this address; the depth at which nothing
 * is looked for if none is near. */
static uint64_t depth_of(const struct pki_guess *g, const uint32_t *list, uint64_t address)
{
    uint64_t depth = 0;
    for (uint32_t i = *list; i && depth < PKI_GUESS_DEPTH; i = g->births[i - 1].below, depth++) {
        if (g->births[i - 1].address == address) return depth;
    }
    return PKI_GUESS_DEPTH;
}

/* Puts op and address of a block that comes elsewhere than expected; its link in the list, if it is
 * found there. */
static uint32_t *pack_unexpected(struct pki_packer *p, const struct trace_event *e, uint32_t *list)
{
    struct pki_guess *g = &p->guess;
    uint64_t depth = depth_of(g, list, e->address);
    if (depth == PKI_GUESS_DEPTH) {
        put(p, PKI_OPS, e->op);
        put(p, PKI_ADDRESSES_COME, pki_distance(pki_start(g, e->stack), e->address));
        return NULL;
    }
    put(p, PKI_OPS, e->op | PKI_IN_LIST);
    put(p, PKI_DEPTHS, depth);
    return pki_link(g, list, depth);
}

static void pack_come(struct pki_packer *p, const struct trace_event *e)
{
    struct pki_guess *g = &p->guess;
    uint32_t *list = pki_list_for(g, pki_class(e->size), e->thread);
    bool as_expected = pki_expect(g, e->op, list) == e->address;
    uint32_t *link = pki_is_realloc(e->op) ? NULL : list;
    if (as_expected) {
        put(p, PKI_OPS, e->op | PKI_AS_GUESSED);
    } else {
        link = pack_unexpected(p, e, list);
    }
    put_rare(p, PKI_STACKS_COME, g->n, pki_fold((int64_t)e->stack - p->stack_come));
    put(p, PKI_SIZES_COME, e->size);
    p->stack_come = e->stack;
    *find(p, e->address) = g->n + 1;
    pki_came(g, e, link, as_expected);
}

static void pack_go(struct pki_packer *p, const struct trace_event *e)
{
    struct pki_guess *g = &p->guess;
    uint32_t birth = *find(p, e->address) - 1; /* 0: PKI_NO_BIRTH */
    if (birth != PKI_NO_BIRTH && !g->births[birth].live) birth = PKI_NO_BIRTH;
    put(p, PKI_OPS, e->op | (birth != PKI_NO_BIRTH ? PKI_AS_GUESSED : 0));
    put_rare(p, PKI_STACKS_GO, p->n - g->n, pki_fold((int64_t)e->stack - p->stack_go));
    put_rare(p, PKI_SIZES_GO, p->n - g->n, e->size);
    if (birth != PKI_NO_BIRTH) {
        put(p, PKI_BIRTHS, pki_fold((int64_t)birth - g->last_birth));
    } else {
        put(p, PKI_ADDRESSES_GO, pki_distance(g->last_old, e->address));
    }
    p->stack_go = e->stack;
    pki_went(g, e, birth);
}

size_t pki_pack(struct pki_packer *p, const struct trace_event *e, uint64_t tick)
{
    if (p->n == 0) p->first = p->last = tick;
    put_rare(p, PKI_THREADS, p->n, e->thread);
    put(p, PKI_TIMES, tick - p->last);
    put_rare(p, PKI_ALIGNS, p->n, e->align);
    p->last = tick;
    if (trace_comes(e->op)) {
        pack_come(p, e);
    } else {
        pack_go(p, e);
    }
    return ++p->n;
}

bool pki_pack_end(struct pki_packer *p, struct pki_bytes *content)
{
    bool ok = pki_bytes_number(content, p->n) && pki_bytes_number(content, p->first);
    for (int i = 0; i < PKI_COLUMNS; i++) {
        struct column *c = &p->column[i];
        if (c->any == 0) c->at = c->bytes;
        ok = ok && pki_bytes_number(content, (uint64_t)(c->at - c->bytes));
    }
    for (int i = 0; i < PKI_COLUMNS; i++) {
        const struct column *c = &p->column[i];
        ok = ok && pki_bytes_add(content, c->bytes, (size_t)(c->at - c->bytes));
    }
    start(p);
    return ok;
}
