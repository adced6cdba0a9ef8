/* SPDX-License-Identifier: MIT
 * replay.h: plays a recording against allocators, and against poolkit's own pools per call site.
 *
 * How to use it: open a trace, make a tape of it (the trace as a flat array of operations in a
 * nameless temporary file), with a plan if some call sites shall come from pools; name subjects (a
 * tape on an allocator); measure them all in turn. Each run is a fresh process of its own,
 * poolkit-replay-player, with the allocator preloaded.
 *
 *     char why[TRACE_WHY];
 *     struct replay_tape *plain = replay_tape_make(t, NULL, REPLAY_MERGED, why);
 *     struct replay_tape *pools = replay_tape_make(t, plan, REPLAY_MERGED, why);
 *     struct replay_subject subjects[] = {{"glibc", NULL, plain}, {"pools", NULL, pools}};
 *     struct replay_result results[2];
 *     if (replay_measure(subjects, 2, &(struct replay_options){0}, results, why) == 0) ...
 *     replay_result_end(&results[0]); ...
 *
 * Memory: what the process holds more than just before the first operation. Time: of rounds of their
 * own, in which only the first byte of each block is written.
 *
 * Errors: functions that can fail leave a sentence in `why`, an array of TRACE_WHY bytes. One thread
 * at a time. SIGINT, SIGTERM and SIGHUP end the running player if pki_signals_catch was called.
 */
#ifndef POOLKIT_REPLAY_REPLAY_H
#define POOLKIT_REPLAY_REPLAY_H

#include "trace/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- plans: which call sites come from which pool ---- */

enum replay_kind {
    REPLAY_BLOCK,        /* pk_block_pool */
    REPLAY_OBJECT,       /* pk_block_pool with constructed state */
    REPLAY_ARENA_SCOPE,  /* pk_arena per thread, reset when none of its blocks is left */
    REPLAY_ARENA_CHUNKS, /* chunks of one size, each given back when all its blocks are dead */
    REPLAY_THREAD_LOCAL, /* pk_shared_pool, a stack for each thread */
    REPLAY_KINDS
};

/* "block", "object", "arena-scope", "arena-chunks", "thread-local". */
extern const char *const replay_kind_names[REPLAY_KINDS];

struct replay_pool {
    uint32_t id; /* 1 ... REPLAY_MAX_POOLS, the caller's choice */
    enum replay_kind kind;
    uint64_t
        block_size; /* block, object, thread-local: must be set. Larger blocks come from malloc */
    uint64_t align; /* of those: 0 = 16. Blocks of a stronger alignment come from malloc */
    uint64_t chunk; /* arena-chunks: bytes, a power of two, 4 KiB ... 64 MiB, 0 = 64 KiB;
                          * arena-scope: of the first chunk, 0 = the library's default */
    const char *scope; /* arena-scope: reset also wanted when the thread leaves this function; NULL:
                          * only when no block is left. Blocks that outlive the scope are counted
                          * (replay_pool_use.overdue) and put the reset off until they are gone */
};

enum { REPLAY_MAX_POOLS = 1000 };

struct replay_plan;
struct replay_plan *replay_plan_new(void);
void replay_plan_end(struct replay_plan *plan);
/* All false with the reason: numbers out of range, a pool twice or not there, sizes impossible. */
bool replay_plan_pool(struct replay_plan *plan, const struct replay_pool *pool, char *why);
/* Blocks that come at the trace's stacks first ... last. Later rules do not overrule earlier ones. */
bool replay_plan_stacks(struct replay_plan *plan, uint32_t first, uint32_t last, uint32_t pool,
                        char *why);
/* Blocks that come at any stack whose functions begin with these, innermost first. */
bool replay_plan_site(struct replay_plan *plan, const char *const *frames, size_t n, uint32_t pool,
                      char *why);
/* The same from JSON: {"pools": [{"id": 1, "kind": "block", "block_size": 64, ...}],
 * "stacks": [[stack or [first, last], id], ...], "sites": [{"frames": ["f", ...], "pool": 1}]}. */
struct replay_plan *replay_plan_read(const char *text, size_t length, char *why);

/* ---- tapes ---- */

enum replay_mode {
    REPLAY_MERGED,   /* one thread, the order of the recording: deterministic */
    REPLAY_PARALLEL, /* a thread for each recorded one; an operation waits for its block only */
};

struct replay_tape;
/* Reads all events of the trace (and rewinds it before). `plan` may be NULL; it is not kept. */
struct replay_tape *replay_tape_make(struct trace *t, const struct replay_plan *plan,
                                     enum replay_mode mode, char *why);
void replay_tape_end(struct replay_tape *tape);
uint64_t replay_tape_operations(const struct replay_tape *tape);
uint64_t replay_tape_live_peak(const struct replay_tape *tape); /* bytes asked for and not freed */
/* Blocks whose stack the plan sends to a pool. 0: the plan matches nothing in this trace. */
uint64_t replay_tape_planned(const struct replay_tape *tape);

/* ---- measuring ---- */

/* What the player writes into a new block in the runs that measure memory. */
enum replay_touch { REPLAY_TOUCH_ALL, REPLAY_TOUCH_PAGES, REPLAY_TOUCH_FIRST, REPLAY_TOUCH_NONE };

struct replay_options {
    unsigned rounds; /* that are timed; 0 = 5 */
    enum replay_touch touch;
    double pace;       /* parallel: 1 = gaps as recorded, 2 = twice as fast; 0 = no gaps */
    bool memory_only;  /* no timed rounds */
    bool system_calls; /* one more run counts them */
    bool check;        /* writes and verifies a pattern in every block: a test of the allocator */
    /* Called before each run; NULL: not. */
    void (*progress)(void *arg, size_t run, size_t runs, const char *name);
    void *progress_arg;
};

struct replay_subject {
    const char *name;    /* for messages and progress */
    const char *library; /* absolute path, preloaded; NULL: the system's malloc */
    const struct replay_tape *tape;
};

struct replay_range {
    double median, low, high;
};

/* One moment of the run that measured memory. Bytes above those at the start. */
struct replay_point {
    uint64_t operation; /* how many were done */
    uint64_t time_ns;   /* of the recording */
    uint64_t live;      /* bytes asked for and not freed */
    uint64_t resident;  /* anonymous */
    uint64_t footprint; /* writable private mappings without a file */
};

struct replay_pool_use {
    uint32_t id;
    uint64_t blocks;  /* that came from the pool */
    uint64_t refused; /* that the plan sent there, but were too large or aligned too strongly */
    uint64_t moved;   /* that grew out of it by realloc */
    uint64_t overdue; /* arena-scope: resets put off because blocks outlived the scope */
};

struct replay_result {
    struct replay_range peak, mean; /* resident anonymous bytes */
    struct replay_range footprint;  /* peak */
    struct replay_range ns_per_event;
    struct replay_range faults; /* in the runs that measure memory, from first to last operation */
    double high_water;          /* the system's own peak: never sampled, but code counts too */
    double live_peak;           /* bytes */
    double held_peak;           /* what the recorded blocks held on glibc, from their addresses */
    double cpu_ns, wall_ns;     /* of the timed loop, medians */
    /* Of brk, mmap, munmap, madvise and mremap together; -1: not counted. */
    int64_t system_calls;
    unsigned rounds;
    unsigned threads; /* of the player */
    struct replay_point *curve;
    size_t points;
    struct replay_pool_use *pools;
    size_t n_pools;
    uint64_t failed; /* allocations that returned NULL although the recorded ones did not */
};

/* Runs every subject, memory first (twice), then the timed rounds in turn, each beginning with
 * another subject. 0, or the exit code the tool should end with: 128 + a signal to us, or 125; then
 * `why` tells, or is empty if a message was written already. Results are to be ended either way. */
int replay_measure(const struct replay_subject *subjects, size_t n,
                   const struct replay_options *options, struct replay_result *results, char *why);
void replay_result_end(struct replay_result *result);

/* ---- calibration ---- */

#define REPLAY_TRUSTED_ERROR 0.05

struct replay_calibration {
    /* Anonymous bytes above the base, most of the trace's samples. Of a process on glibc that held
     * far more than the replay: what its blocks held, judged by their addresses; `reason` says so. */
    double recorded_peak;
    double replayed_peak;
    double error; /* replayed / recorded - 1 */
    bool trusted;
    char reason[TRACE_WHY]; /* why not; or, trusted, with which reserve; "" with none */
};

/* How well a merged replay, touch all, on the recorded allocator meets what was recorded. */
void replay_calibrate(const struct trace *t, const struct replay_result *replayed,
                      struct replay_calibration *out);

#endif
