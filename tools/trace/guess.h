/* SPDX-License-Identifier: MIT
 * guess.h: where the next address of a block of events is expected, and the distance from there.
 */
#ifndef POOLKIT_TRACE_GUESS_H
#define POOLKIT_TRACE_GUESS_H

#include "bytes.h"
#include "columns.h"

/* The lowest bits of a distance stand at the top of its number: they are nearly always 0, because
 * blocks are aligned. */
#define PKI_GRAIN_BITS 3

static inline uint64_t pki_distance(uint64_t from, uint64_t to)
{
    uint64_t way = to - from;
    uint64_t coarse = pki_fold((int64_t)way >> PKI_GRAIN_BITS);
    return coarse | way << (64 - PKI_GRAIN_BITS);
}

static inline uint64_t pki_arrive(uint64_t from, uint64_t distance)
{
    uint64_t coarse = (uint64_t)pki_unfold(distance & (UINT64_MAX >> PKI_GRAIN_BITS));
    return from + (coarse << PKI_GRAIN_BITS | distance >> (64 - PKI_GRAIN_BITS));
}

/* Where the place is kept, and at *expected what to expect. */
static inline uint64_t *pki_expect(struct pki_guess *g, uint8_t op, uint32_t stack,
                                   uint64_t *expected)
{
    if (trace_comes(op)) {
        uint64_t *place = &g->come[stack % PKI_GUESS_STACKS];
        *expected = op >= TRACE_REALLOC ? g->last_taken : *place ? *place : g->last_come;
        return place;
    }
    uint64_t *place = &g->go[stack % PKI_GUESS_STACKS];
    *expected = *place ? *place : g->last_go;
    return place;
}

static inline void pki_learn(struct pki_guess *g, uint64_t *place, uint8_t op, uint64_t address)
{
    *place = address;
    if (trace_comes(op)) {
        g->last_come = address;
    } else {
        g->last_go = address;
        if (op == TRACE_REALLOC_TAKES) g->last_taken = address;
    }
}

#endif
