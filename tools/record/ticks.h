/* SPDX-License-Identifier: MIT
 * ticks.h: the clock of events, and nanoseconds out of it.
 *
 * An event's tick is the processor's time stamp counter where that runs at one rate everywhere,
 * because reading it costs a third of clock_gettime; elsewhere it is CLOCK_MONOTONIC. In a record
 * there is room for 56 bits, so all arithmetic is modulo 2^56: that is months.
 */
#ifndef POOLKIT_RECORD_TICKS_H
#define POOLKIT_RECORD_TICKS_H

#include "recorder/wire.h"

struct ticks {
    enum pki_wire_clock clock;
    uint64_t first, first_ns; /* both clocks at one moment */
    uint64_t rate;            /* nanoseconds per tick, times 2^32 */
};

/* Chooses the clock and takes the first reading; settle takes the second, some milliseconds later
 * (it waits if they have not passed), and knows the rate from then on. */
void ticks_begin(struct ticks *t);
void ticks_settle(struct ticks *t);

uint64_t ticks_now(const struct ticks *t);

/* Ticks from `start` to `tick`, of which only the low 56 bits count; 0 if it was before. */
static inline uint64_t ticks_since(uint64_t start, uint64_t tick)
{
    int64_t passed = (int64_t)((tick - start) << 8) >> 8;
    return passed > 0 ? (uint64_t)passed : 0;
}

__extension__ typedef unsigned __int128 ticks_wide;

static inline uint64_t ticks_to_ns(const struct ticks *t, uint64_t ticks)
{
    return (uint64_t)(((ticks_wide)ticks * t->rate) >> 32);
}

uint64_t ticks_monotonic(void); /* CLOCK_MONOTONIC in nanoseconds */

#endif
