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

struct column {
    uint8_t *at, *bytes;
    uint64_t any; /* all its values, or-ed */
};

struct pki_packer {
    struct column column[PKI_COLUMNS];
    struct pki_guess guess;
    uint64_t first, last; /* ticks */
    size_t n;
    uint8_t bytes[];
};

/* Longest numbers: an op and an alignment 1 byte, a thread 3, a stack 5, all else 10. */
static const uint8_t longest[PKI_COLUMNS] = {1, 3, 10, 5, 5, 10, 10, 1, 10, 10};

static void start(struct pki_packer *p)
{
    for (int i = 0; i < PKI_COLUMNS; i++) {
        p->column[i].at = p->column[i].bytes;
        p->column[i].any = 0;
    }
    memset(&p->guess, 0, sizeof p->guess);
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
    p->last = 0;
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

void pki_pack(struct pki_packer *p, const struct trace_event *e, uint64_t tick)
{
    uint64_t expected;
    bool comes = trace_comes(e->op);
    if (p->n++ == 0) p->first = p->last = tick;
    put(p, PKI_OPS, e->op);
    put(p, PKI_THREADS, e->thread);
    put(p, PKI_TIMES, tick - p->last);
    put(p, comes ? PKI_STACKS_COME : PKI_STACKS_GO, e->stack);
    put(p, comes ? PKI_SIZES_COME : PKI_SIZES_GO, e->size);
    put(p, PKI_ALIGNS, e->align);
    uint64_t *place = pki_expect(&p->guess, e->op, e->stack, &expected);
    put(p, comes ? PKI_ADDRESSES_COME : PKI_ADDRESSES_GO, pki_distance(expected, e->address));
    pki_learn(&p->guess, place, e->op, e->address);
    p->last = tick;
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
