/* SPDX-License-Identifier: MIT
 * analysis.h: what a recording says about a program's memory: how much it held and why, which call
 * sites hold it, and what pins the pages that cannot be given back.
 *
 * Two walks over the events. The first measures every call stack by itself and finds the moment of
 * the largest footprint; then stacks are gathered into sites (sites.c); the second measures sites
 * and pages over time, and takes the picture of that moment.
 *
 *   live       bytes that were asked for and not yet freed
 *   usable     what the recorded allocator made of it: its rounding and its header
 *   pinned     pages with at least one live byte
 *   resident   anonymous memory of the process, from /proc, above that before the first event
 *   footprint  the larger of resident and pinned
 */
#ifndef POOLKIT_ANALYSIS_ANALYSIS_H
#define POOLKIT_ANALYSIS_ANALYSIS_H

#include "trace/trace.h"

enum {
    LIFE_BUCKETS = 48, /* by powers of two */
    TOP_SIZES = 8,     /* sizes of one stack that are counted one by one */
    TIMES_MOST = 300,  /* points of the timeline */
    SHORT_LIVED = 16,  /* allocations: who dies within is short-lived */
    THREADS_MOST = 64, /* of the matrix */
    SITES_MOST = 1000,
    NO_ADVICE = -1
};

struct size_count {
    uint64_t size, count;
};

/* What one call stack, or one site, did. */
struct behaviour {
    uint64_t allocations, frees, bytes, reallocs;
    uint64_t live, peak_live; /* bytes */
    uint64_t least_size, largest_size;
    struct size_count sizes[TOP_SIZES];
    uint64_t other_sizes; /* allocations of sizes that found no room above */
    uint32_t life_ns[LIFE_BUCKETS], life_allocations[LIFE_BUCKETS];
    uint64_t short_lived, lifo, batch, cross_thread; /* of the frees */
    double pinned; /* bytes of free memory in its pages at the peak footprint */
};

struct frame {
    const char *function, *file; /* NULL: not known */
    const char *module;
    uint64_t address;
    uint32_t line;
    uint32_t name; /* number of the function's name (equal names, equal numbers) */
};

struct stack {
    struct behaviour did;
    uint32_t *frames; /* into analysis.frames, innermost first, inlined ones by themselves */
    uint32_t n_frames;
    uint32_t site;
    uint32_t newest; /* slot of its youngest live block + 1: for lifo */
};

struct site {
    struct behaviour did;
    char *name;
    uint32_t stack; /* one of its stacks: its first `depth` frames are the site's */
    uint32_t depth;
    uint64_t threads; /* a bit for each of the first 64 */
    uint64_t *live_over_time;
    int advice;
};

struct moment {
    uint64_t time, live, usable, pinned, resident, footprint;
    uint64_t allocations, frees; /* since the moment before */
};

struct heap_map {
    uint64_t page; /* bytes of one column */
    size_t n_times, n_pages, n_regions;
    uint64_t *times;
    struct {
        uint64_t start;
        size_t pages;
    } * regions;
    uint8_t *occupancy, *owner; /* n_times rows of n_pages */
};

struct analysis {
    const struct trace *trace;
    struct stack *stacks; /* [0 ... n_stacks]; 0: blocks without a stack */
    uint32_t n_stacks;
    struct frame *frames;
    size_t n_frames, frames_room;
    struct site *sites;
    size_t n_sites;

    struct behaviour all;
    uint64_t unknown_frees, reordered, mismatched;
    uint64_t peak_live, peak_live_time, peak_blocks, live_at_end, blocks_at_end;
    uint64_t peak_resident, peak_resident_time;
    struct moment at_peak;          /* of the footprint */
    uint64_t peak_event;            /* its number */
    uint64_t pinned_64k, pinned_2m; /* then */
    double jw[4];                   /* Johnstone & Wilson #1 ... #4 */
    double p50, p95, p99, blowup;   /* of footprint / live; byte seconds */
    struct moment timeline[TIMES_MOST];
    size_t n_times;
    uint64_t matrix[THREADS_MOST][THREADS_MOST], per_thread[THREADS_MOST];
    struct heap_map map;
};

/* NULL with a sentence in `why`: damaged, or no memory. The trace must outlive the analysis. */
struct analysis *analysis_make(struct trace *t, char *why);
void analysis_end(struct analysis *a);

/* What glibc would make of a request: usable bytes and the header before them. */
uint64_t analysis_usable(uint64_t size);

/* ---- inside the room ---- */
bool analysis_frames(struct analysis *a); /* frames.c: stacks as functions */
bool analysis_sites(struct analysis *a);  /* sites.c: stacks gathered into sites */
bool analysis_first(struct analysis *a, struct trace *t, char *why);  /* first.c */
bool analysis_second(struct analysis *a, struct trace *t, char *why); /* second.c */
void behaviour_add(struct behaviour *to, const struct behaviour *from);
void behaviour_count_size(struct behaviour *b, uint64_t size, uint64_t count);
unsigned analysis_bucket(uint64_t value); /* 0 -> 0, 1 -> 1, 2..3 -> 2, ... */
/* Resident bytes above the base at a time; *sample is where the last search ended. */
uint64_t analysis_resident(const struct trace *t, size_t *sample, uint64_t time);

#endif
