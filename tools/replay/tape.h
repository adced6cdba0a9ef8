/* SPDX-License-Identifier: MIT
 * tape.h: what the command and the player share: the operations, and the page through which one run
 * is asked for and answered. Both are files without a name; the player gets the tape as its
 * standard input and the control file as its standard output. The layout is private to one version
 * of poolkit: both sides compare TAPE_MAGIC.
 *
 * A tape:     | head | operations, 16 bytes each | pools | threads | times, 8 bytes each (parallel)
 * A control:  | control | points | pool uses | slots | turns (parallel) |, each from a new page
 *
 * A slot is where the player keeps a live block; it is used again after the block's death. Slots and
 * turns lie in the control file and not in memory of the player's own, so that they never count as
 * anonymous memory.
 *
 * Invariants:
 * T1. Merged: operations stand in the order of the recording, and a slot's operations alternate
 *     between one that brings a block, any number of TAPE_REALLOC, and TAPE_FREE.
 * T2. Parallel: each thread's operations stand together, in the order of the recording. Operation
 *     number k on a slot has turn k, from 0. A slot is used again only by the thread whose
 *     operation emptied it, so that the wait for a turn is always a wait for the block itself.
 * T3. Slots, pools and threads that operations name exist.
 */
#ifndef POOLKIT_REPLAY_TAPE_H
#define POOLKIT_REPLAY_TAPE_H

#include "replay/replay.h"

#define TAPE_MAGIC UINT64_C(0x31657061742d6b70)
#define TAPE_PAGE 4096
#define TAPE_POINTS 4096                   /* room of the curve */
#define TAPE_SIZE_MOST (UINT64_C(1) << 40) /* bytes of one block; sizes take 40 bits */
#define TAPE_POOLS_MOST 16383              /* pool numbers take 14 bits; 0 is malloc */
#define TAPE_THREADS_MOST 256              /* threads of the player */
#define TAPE_CALLS 5                       /* brk, mmap, munmap, madvise, mremap */

enum tape_kind {
    TAPE_MALLOC,
    TAPE_CALLOC,
    TAPE_ALIGNED,
    TAPE_REALLOC,
    TAPE_FREE,
    TAPE_SCOPE_END, /* of `pool`: its thread has left the scope */
    TAPE_KINDS
};

struct tape_op {
    uint64_t word; /* size: 40 bits, kind: 4, log2 of the alignment: 6, pool: 14 */
    uint32_t slot;
    uint32_t turn; /* parallel; 0 otherwise */
};

static inline uint64_t tape_word(uint64_t size, unsigned kind, unsigned align, unsigned pool)
{
    return size | (uint64_t)kind << 40 | (uint64_t)align << 44 | (uint64_t)pool << 50;
}
static inline uint64_t tape_size(uint64_t word) { return word & (TAPE_SIZE_MOST - 1); }
static inline unsigned tape_kind(uint64_t word) { return (unsigned)(word >> 40) & 15; }
static inline unsigned tape_align(uint64_t word) { return (unsigned)(word >> 44) & 63; }
static inline unsigned tape_pool(uint64_t word) { return (unsigned)(word >> 50); }

/* One pool of the player. A scope's arena is one for each thread, with the same plan number. */
struct tape_pool {
    uint32_t id;
    uint32_t kind;   /* enum replay_kind */
    uint32_t scoped; /* resets come by TAPE_SCOPE_END only */
    uint32_t shared; /* more than one thread uses it */
    uint64_t block_size, align, chunk;
};

struct tape_thread {
    uint64_t first, n; /* operations */
};

struct tape_head {
    uint64_t magic;
    uint64_t bytes; /* of the whole file */
    uint64_t operations, live_peak;
    uint64_t peak_operation; /* after so many operations the most bytes live */
    uint64_t pools_at, threads_at, operations_at, times_at; /* offsets; times_at 0: none */
    uint32_t mode;                                          /* enum replay_mode */
    uint32_t slots, pools, threads; /* pools: numbers 1 ... pools are used */
};

struct tape_slot {
    void *block;   /* NULL: empty, or the allocation failed */
    uint64_t word; /* size and pool as in an operation: the pool that the block really is from */
};

struct tape_control {
    uint64_t magic;
    uint64_t bytes;
    /* What is asked for. */
    uint64_t points_at, uses_at, slots_at, turns_at;
    uint32_t touch; /* enum replay_touch */
    uint32_t check, sample, count_calls;
    double pace;
    /* The answer. */
    uint32_t done;   /* 1: complete */
    uint32_t points; /* of the curve */
    uint64_t failed;
    uint64_t broken;        /* blocks whose contents were not as written, or badly aligned */
    uint64_t base_resident; /* anonymous bytes just before the first operation */
    uint64_t base_footprint;
    uint64_t peak_resident, peak_footprint, high_water;
    double mean_resident; /* over operations */
    uint64_t wall_ns, cpu_ns, faults;
    uint64_t calls[TAPE_CALLS];
    uint32_t counting;   /* calls are counted while 1 */
    uint32_t counted;    /* 1: they were */
    char why[TRACE_WHY]; /* the player could not do it */
};

/* A point of the curve, in the control file. */
struct tape_point {
    uint64_t operation, live, resident, footprint;
};

/* Pages that a part of a file takes. */
static inline uint64_t tape_pages(uint64_t bytes)
{
    return (bytes + TAPE_PAGE - 1) & ~(uint64_t)(TAPE_PAGE - 1);
}

/* ---- the command's side (compile.c) ---- */
struct replay_tape {
    int file;
    struct tape_head *head; /* the whole file, mapped */
    uint64_t *clock; /* time of the recording at each TAPE_CLOCK-th operation, and the last */
    size_t clocks;
    uint32_t *plan_ids; /* of the plan's pools */
    size_t n_plan_ids;
    uint64_t planned;
    uint64_t held_peak; /* see held.c */
};
enum { TAPE_CLOCK = 1024 };

static inline struct tape_op *tape_operations(const struct tape_head *head)
{
    return (struct tape_op *)((uintptr_t)head + head->operations_at);
}
static inline struct tape_pool *tape_pools(const struct tape_head *head)
{
    return (struct tape_pool *)((uintptr_t)head + head->pools_at);
}
static inline struct tape_thread *tape_threads(const struct tape_head *head)
{
    return (struct tape_thread *)((uintptr_t)head + head->threads_at);
}

#endif
