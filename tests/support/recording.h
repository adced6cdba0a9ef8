/* SPDX-License-Identifier: MIT
 * recording.h: random recordings for the tests of replays: several threads that bring, grow and free
 * each other's blocks, at made-up addresses. The same seed gives the same recording.
 */
#ifndef TEST_RECORDING_H
#define TEST_RECORDING_H

#include "rng.h"
#include "trace/trace.h"

#include <stdlib.h>
#include <string.h>

enum { RECORDING_STACKS = 8, RECORDING_LIVE = 500 };

struct recorder {
    struct trace_writer *writer;
    uint64_t time;
    uint64_t address[RECORDING_LIVE], size[RECORDING_LIVE]; /* size 0: no block */
};

/* Frames of stack s: "leaf<s>" called by "middle<s % 2>" called by "main". */
static inline void recording_names(struct trace_writer *w)
{
    for (uint32_t s = 1; s <= RECORDING_STACKS; s++) {
        uint64_t frames[3] = {0x1000 + s, 0x2000 + s % 2, 0x3000};
        trace_put_stack(w, s, frames, 3);
        char name[32];
        snprintf(name, sizeof name, "leaf%u", s);
        trace_put_symbol(w, frames[0], &(struct trace_frame){name, "", 0}, 1);
    }
    trace_put_symbol(w, 0x2000, &(struct trace_frame){"middle0", "", 0}, 1);
    trace_put_symbol(w, 0x2001, &(struct trace_frame){"middle1(int)", "", 0}, 1);
    trace_put_symbol(w, 0x3000, &(struct trace_frame){"main", "", 0}, 1);
}

static inline bool recording_put(struct recorder *r, uint8_t op, size_t i, uint64_t size,
                                 uint32_t stack, uint16_t thread, uint8_t align)
{
    r->time += 100;
    return trace_put(r->writer, &(struct trace_event){.time = r->time,
                                                      .address = r->address[i],
                                                      .size = size,
                                                      .stack = stack,
                                                      .thread = thread,
                                                      .op = op,
                                                      .align = align});
}

/* One step: a block comes, changes, or goes. */
static inline bool recording_step(struct recorder *r, rng *dice, unsigned threads)
{
    size_t i = rng_below(dice, RECORDING_LIVE);
    uint16_t thread = (uint16_t)rng_below(dice, threads);
    uint32_t stack = (uint32_t)rng_below(dice, RECORDING_STACKS) + 1;
    uint64_t size = rng_below(dice, rng_below(dice, 50) == 0 ? 200000 : 1200) + 1;
    if (r->size[i] == 0) {
        uint8_t kind = (uint8_t)rng_below(dice, 3);
        r->address[i] = (uint64_t)(i + 1) << 24;
        r->size[i] = size;
        return recording_put(r, kind, i, size, stack, thread, kind == TRACE_ALIGNED ? 7 : 0);
    }
    if (rng_below(dice, 3) == 0) {
        r->size[i] = size;
        return recording_put(r, TRACE_REALLOC_TAKES, i, 0, stack, thread, 0) &&
               recording_put(r, TRACE_REALLOC, i, size, stack, thread, 0);
    }
    r->size[i] = 0;
    return recording_put(r, TRACE_FREE, i, 0, 0, thread, 0);
}

static inline bool recording_make(const char *path, uint64_t seed, unsigned threads, size_t steps)
{
    char why[TRACE_WHY];
    struct trace_info info = {.command = "made up",
                              .program = "/bin/made-up",
                              .host = "",
                              .allocator = "glibc 2.36",
                              .stacks = "cfi"};
    rng dice = rng_make(seed);
    struct recorder *r = calloc(1, sizeof *r);
    bool good = r && (r->writer = trace_create(path, &info, why)) != NULL;
    if (good) recording_names(r->writer);
    for (unsigned i = 0; good && i < threads; i++) {
        good = trace_put_thread(r->writer, &(struct trace_thread){.tid = i + 1}) == (int)i;
    }
    for (size_t i = 0; good && i < steps; i++) good = recording_step(r, &dice, threads);
    good = good && trace_close(r->writer, true, why);
    free(r);
    return good;
}

#endif /* TEST_RECORDING_H */
