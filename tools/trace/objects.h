/* SPDX-License-Identifier: MIT
 * objects.h: turns the events of a recording into the lives of blocks.
 *
 * Feed each event, in order; it tells what the event means. A live block has a slot, a small number
 * that is used again after its death, so that a caller can keep arrays by slot; and an object
 * number, from 1, that no other block ever has. A block keeps both when realloc changes it.
 *
 * Events of different threads at one address may stand in the wrong order by a hair. A block that
 * comes where one still lives shows that the free of the old one is late: the old one dies then, and
 * the free that follows is passed over. What belongs to one thread is always in order.
 *
 * A realloc takes effect with its second event. In between its block lives, but its address is free
 * for others. Not thread-safe.
 */
#ifndef POOLKIT_TRACE_OBJECTS_H
#define POOLKIT_TRACE_OBJECTS_H

#include "trace.h"

/* A free may be late by so many events; after that it was lost. */
#define TRACE_LATE_MOST 4096

enum trace_fate {
    TRACE_BIRTH,
    TRACE_DEATH,
    TRACE_MOVE,   /* realloc gave the block another size, and perhaps another address */
    TRACE_UNKNOWN /* a free, or realloc, of a block that never came: from before the recording,
                     inherited over fork, or not allocated at all */
};

struct trace_block {
    uint64_t address, size; /* as of now */
    uint64_t object;
    uint64_t born; /* the number of the event that brought it, 0 for the first of all */
    uint64_t time; /* of its birth, as are the rest: realloc does not change them */
    uint32_t stack;
    uint16_t thread;
    uint8_t op;
    uint8_t align; /* as of now */
};

struct trace_change {
    enum trace_fate fate;
    uint32_t slot;                   /* not of TRACE_UNKNOWN */
    const struct trace_block *block; /* until the next call; NULL of TRACE_UNKNOWN */
    uint64_t old_address, old_size;  /* of TRACE_MOVE */
};

struct trace_tally {
    uint64_t events, births, deaths, moves;
    uint64_t live, live_bytes; /* now: blocks, and the bytes that were asked for */
    uint64_t peak, peak_bytes; /* the most of either, not always at the same time */
    uint64_t unknown;          /* frees and reallocs of blocks that never came */
    uint64_t reordered;        /* blocks that came where one still lived */
};

struct trace_resolver;
struct trace_resolver *trace_resolver_create(void); /* NULL: no memory */
void trace_resolver_destroy(struct trace_resolver *r);

/* What an event means: 0, 1 or 2 changes, to be done in this order; -1 if there is no memory. Two:
 * the death of a block whose free is late, then the birth (or move) of the one at its address. */
int trace_resolver_take(struct trace_resolver *r, const struct trace_event *event,
                        struct trace_change change[2]);
const struct trace_tally *trace_resolver_tally(const struct trace_resolver *r);
/* Slots are below this. */
uint32_t trace_resolver_slots(const struct trace_resolver *r);
/* The block that lives in a slot, or NULL: for (slot = 0; slot < slots; slot++) meets all. */
const struct trace_block *trace_resolver_block(const struct trace_resolver *r, uint32_t slot);
/* The slot of the block that lives at an address, or UINT32_MAX. */
uint32_t trace_resolver_find(const struct trace_resolver *r, uint64_t address);

#endif
