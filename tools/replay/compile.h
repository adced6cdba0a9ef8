/* SPDX-License-Identifier: MIT
 * compile.h: the parts of making a tape: operations as they come (compile.c), which pool a block
 * gets (assign.c), what the blocks held where they were recorded (held.c), and the file (tape.c).
 */
#ifndef POOLKIT_REPLAY_COMPILE_H
#define POOLKIT_REPLAY_COMPILE_H

#include "replay/plan.h"
#include "replay/tape.h"

#include <stdio.h>

/* ---- assign.c: stacks to pools of the player ---- */

struct assign {
    const struct trace *t;
    const struct replay_plan *plan; /* NULL: everything from malloc */
    uint32_t *of_stack;             /* plan's pool + 2; 1: none; 0: not asked yet */
    uint8_t *in_scope; /* stack * scopes + scope: 2 inside, 1 outside, 0 not asked yet */
    size_t stacks;
    uint32_t *scopes; /* plan's pools that have one */
    size_t n_scopes;
    uint16_t *instance;     /* plan's pool * TAPE_THREADS_MOST + thread, for arenas of threads */
    bool *inside;           /* scope * TAPE_THREADS_MOST + thread */
    uint32_t *first_thread; /* of each of `pools`: who used it first, + 1 */
    struct tape_pool *pools;
    size_t n_pools;
};

bool assign_begin(struct assign *a, const struct trace *t, const struct replay_plan *plan);
void assign_end(struct assign *a);
/* The player's pool (0: malloc) for a block that comes; -1: too many pools, or no memory. */
int assign_pool(struct assign *a, uint32_t stack, unsigned thread);
/* This thread works on a block of this pool. */
void assign_used(struct assign *a, unsigned pool, unsigned thread);
/* The pool of scope number `scope` if this event shows that its thread has left it; else 0. */
unsigned assign_left(struct assign *a, size_t scope, uint32_t stack, unsigned thread);

/* ---- held.c: pages under the recorded blocks ---- */

struct held {
    uint64_t *pages; /* a hash set, by linear probing; of the heap, all that ever had a block */
    size_t n, room;
    uint64_t mapped, peak; /* bytes: in mappings of their own now; most of both together */
};

bool held_come(struct held *h, uint64_t address, uint64_t size); /* false: no memory */
void held_go(struct held *h, uint64_t address, uint64_t size);

/* ---- tape.c ---- */

/* Operations as compile.c finds them, in the order of the recording. */
struct tape_draft {
    int file;
    FILE *stream; /* on a copy of it */
    uint64_t operations;
    uint16_t *threads; /* parallel: of each operation */
    uint64_t *times;
    size_t room;
    uint64_t *clock;
    size_t clocks, clock_room;
    bool parallel;
};

bool draft_begin(struct tape_draft *d, bool parallel, char *why);
bool draft_put(struct tape_draft *d, const struct tape_op *op, unsigned thread, uint64_t time);
void draft_drop(struct tape_draft *d);
/* Makes the tape of the draft, which is dropped. `head` has what the caller knows. */
struct replay_tape *draft_finish(struct tape_draft *d, const struct tape_head *head,
                                 const struct tape_pool *pools, char *why);

#endif
