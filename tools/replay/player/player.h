/* SPDX-License-Identifier: MIT
 * player.h: the player: one process that does the operations of a tape on the malloc it was
 * started with, and on pools. Between the first and the last operation it calls malloc for nothing
 * of its own; what it needs it has before, in files (see tape.h) or shared mappings.
 */
#ifndef POOLKIT_REPLAY_PLAYER_H
#define POOLKIT_REPLAY_PLAYER_H

#include "replay/tape.h"

#include <stdatomic.h>

struct pool;

struct player {
    const struct tape_head *tape;
    struct tape_control *control;
    struct tape_slot *slots;
    _Atomic uint32_t *turns;      /* by slot: the turn whose operation may be done */
    struct replay_pool_use *uses; /* of each worker: pool number n at n - 1 */
    struct pool *pools;           /* likewise, of all workers */
    enum replay_touch touch;
    bool check, parallel;
};

/* What one thread counts. */
struct worker {
    struct player *player;
    struct replay_pool_use *uses; /* its own */
    /* Read by the one who samples while it is written. `live` wraps: a thread may free what others
     * brought; the sum over all workers is right. */
    _Atomic uint64_t live, done;
    uint64_t failed, broken;
    unsigned index;
    char pad[64]; /* workers stand in an array: no two on a cache line */
};

/* ---- play.c ---- */

/* Does one operation on a slot whose turn it is. */
void play_one(struct worker *w, const struct tape_op *op);
/* Check: verifies the blocks that are still live. */
void play_verify_rest(struct worker *w);
/* All operations in order, with samples if asked for. */
void play_merged(struct player *p, struct worker *w);
/* A thread for each of the tape's. False if they cannot be started, with the reason in control. */
bool play_parallel(struct player *p, struct worker *workers);

/* ---- pools.c ---- */

/* Shared memory for the pools; they are prepared when they are first used. */
bool pools_begin(struct player *p);
/* A block, or NULL: too large or too aligned for the pool, or no memory. */
void *pools_take(struct worker *w, unsigned pool, uint64_t size, unsigned align, bool zero);
void pools_give(struct worker *w, unsigned pool, void *block);
/* In the pool, perhaps elsewhere in it; NULL if it has to leave (the old block then stays). */
void *pools_resize(struct worker *w, unsigned pool, void *block, uint64_t old_size, uint64_t size);
void pools_scope_end(struct worker *w, unsigned pool);

/* ---- watch.c: what the process holds ---- */

void watch_begin(struct player *p); /* takes the base */
void watch_point(struct player *p, uint64_t operation, uint64_t live);
void watch_end(struct player *p, uint64_t operation, uint64_t live);
/* When to look next: at this operation, or when so many bytes live. */
extern uint64_t watch_next, watch_next_live;

/* ---- clock.c: time, faults, and system calls ---- */

void clock_begin(struct player *p);
void clock_end(struct player *p);
/* Parent and child from here on: the child plays, the parent counts its system calls and does not
 * return. False if that cannot be. */
bool calls_split(struct tape_control *control);
/* In the child: calls are counted from here on. */
bool calls_begin(struct tape_control *control);

#endif
