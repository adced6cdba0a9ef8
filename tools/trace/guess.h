/* SPDX-License-Identifier: MIT
 * guess.h: where the next address of a block of events is expected.
 *
 * The writer and the reader keep the same tables, of the events of one chunk:
 *
 *  - The blocks that came, in order: one that goes is told by its number among them.
 *  - Those that went, as allocators keep them: a list for each size and thread, the last in front.
 *    The next block of this size in this thread is expected there.
 *  - Where a block of each stack came last. From there the distance is told if it is elsewhere.
 */
#ifndef POOLKIT_TRACE_GUESS_H
#define POOLKIT_TRACE_GUESS_H

#include "bytes.h"
#include "trace.h"

#define PKI_GUESS_LISTS 16384  /* a power of two */
#define PKI_GUESS_STACKS 16384 /* a power of two */
#define PKI_GUESS_THREAD 1031  /* lists of one size for different threads are so far apart */
#define PKI_NO_BIRTH UINT32_MAX
/* How far a list is searched for a block that is not in front: glibc keeps 7 of a size in one list
 * and the others in a second. With 32 g++'s events take 0.2 bytes less each. */
#define PKI_GUESS_DEPTH 32

struct pki_birth {
    uint64_t address;
    uint32_t below; /* next in its list, as index + 1 */
    uint16_t class; /* of its size */
    uint16_t live;  /* 1 until it goes */
};

struct pki_guess {
    uint64_t last_come, last_old;    /* addresses */
    uint64_t taken;                  /* the last that a realloc took, */
    uint32_t taken_birth;            /* if it came in this chunk */
    uint32_t last_birth;             /* that went */
    uint32_t n;                      /* births */
    uint32_t lists[PKI_GUESS_LISTS]; /* index + 1 of the first */
    uint64_t stacks[PKI_GUESS_STACKS];
    struct pki_birth births[TRACE_BLOCK]; /* the first n are set */
};

void pki_guess_start(struct pki_guess *g);

/* The lowest bits of a distance stand at the top of its number: they are nearly always 0, because
 * blocks are aligned. */
#define PKI_GRAIN_BITS 3

static inline uint64_t pki_distance(uint64_t from, uint64_t to)
{
    uint64_t way = to - from;
    return pki_fold((int64_t)way >> PKI_GRAIN_BITS) | way << (64 - PKI_GRAIN_BITS);
}

static inline uint64_t pki_arrive(uint64_t from, uint64_t distance)
{
    uint64_t coarse = (uint64_t)pki_unfold(distance & (UINT64_MAX >> PKI_GRAIN_BITS));
    return from + (coarse << PKI_GRAIN_BITS | distance >> (64 - PKI_GRAIN_BITS));
}

/* Sizes that allocators tell apart: steps of 16 bytes, of which the allocator itself uses 8. */
static inline uint16_t pki_class(uint64_t size)
{
    return (uint16_t)(size <= 24 ? 2 : (size + 23) / 16 % PKI_GUESS_LISTS);
}

static inline uint32_t *pki_list_for(struct pki_guess *g, uint16_t class, uint16_t thread)
{
    return &g->lists[(class + thread * PKI_GUESS_THREAD) % PKI_GUESS_LISTS];
}

static inline void pki_put_back(struct pki_guess *g, uint32_t birth, uint16_t thread)
{
    uint32_t *list = pki_list_for(g, g->births[birth].class, thread);
    g->births[birth].below = *list;
    *list = birth + 1;
}

static inline bool pki_is_realloc(uint8_t op)
{
    return op == TRACE_REALLOC || op == TRACE_REALLOC_FAILED;
}

/* Where a block that comes is expected: a realloc's stays in place, others are where one of their
 * size went last. */
static inline uint64_t pki_expect(const struct pki_guess *g, uint8_t op, const uint32_t *list)
{
    if (pki_is_realloc(op)) return g->taken;
    return *list ? g->births[*list - 1].address : 0;
}

/* From where the distance is told if it is not there. */
static inline uint64_t pki_start(const struct pki_guess *g, uint32_t stack)
{
    uint64_t last = g->stacks[stack % PKI_GUESS_STACKS];
    return last ? last : g->last_come;
}

/* The link in a list to the birth with so many in front of it; it is 0 if there are fewer. */
static inline uint32_t *pki_link(struct pki_guess *g, uint32_t *list, uint64_t depth)
{
    uint32_t *link = list;
    while (depth-- > 0 && *link) link = &g->births[*link - 1].below;
    return link;
}

/* A block came, as expected or not; `link` is the one to its birth in a list, or a 0, or NULL. */
static inline void pki_came(struct pki_guess *g, const struct trace_event *e, uint32_t *link,
                            bool as_expected)
{
    if (link && *link) *link = g->births[*link - 1].below;
    if (pki_is_realloc(e->op)) {
        if (!as_expected && g->taken_birth != PKI_NO_BIRTH) {
            pki_put_back(g, g->taken_birth, e->thread);
        }
        g->taken_birth = PKI_NO_BIRTH;
    }
    g->stacks[e->stack % PKI_GUESS_STACKS] = g->last_come = e->address;
    g->births[g->n++] = (struct pki_birth){e->address, 0, pki_class(e->size), 1};
}

/* A block went; it came as `birth`, or as PKI_NO_BIRTH before this chunk. */
static inline void pki_went(struct pki_guess *g, const struct trace_event *e, uint32_t birth)
{
    if (birth == PKI_NO_BIRTH) {
        g->last_old = e->address;
    } else {
        g->births[birth].live = 0;
        g->last_birth = birth;
    }
    if (e->op == TRACE_REALLOC_TAKES) {
        g->taken = e->address;
        g->taken_birth = birth;
    } else if (birth != PKI_NO_BIRTH) {
        pki_put_back(g, birth, e->thread);
    }
}

#endif
