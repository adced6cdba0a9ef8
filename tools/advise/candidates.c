/* SPDX-License-Identifier: MIT
 * candidates.c: pools that are worth trying for a site, by what its blocks did.
 *
 * The rules only save replays: they leave out what cannot fit. Whether a pool pays is measured.
 */
#include "advise.h"

#include <string.h>

#define ONE_SIZE 0.95 /* this share of the blocks fits the pool's size */
#define ROUNDING 1.25 /* mean size x this is the largest block size worth having */
#define LEAVES 0.999  /* an arena that is reset needs blocks that die */
#define DIE_TOGETHER 0.5
#define STAYS_HOME 0.01 /* frees by other threads that a pool per thread bears */
#define LARGEST_CHUNKED (16 * 1024)

static uint64_t up16(uint64_t n) { return (n + 15) & ~UINT64_C(15); }

/* The smallest block size that serves nearly all of the blocks, 0 if their sizes are not known. */
static uint64_t size_for_most(const struct behaviour *did)
{
    uint64_t best = 0, most = 0;
    for (int i = 0; i < TOP_SIZES; i++) {
        uint64_t size = up16(did->sizes[i].size), served = 0;
        for (int k = 0; k < TOP_SIZES; k++) {
            served += did->sizes[k].size <= size ? did->sizes[k].count : 0;
        }
        bool enough = (double)served >= ONE_SIZE * (double)did->allocations;
        if (enough && served > 0 && (best == 0 || size < best)) {
            best = size;
            most = served;
        }
    }
    return most > 0 ? best : up16(did->largest_size);
}

size_t advise_candidates(const struct analysis *a, size_t number,
                         struct replay_pool out[CANDIDATES_MOST])
{
    const struct site *site = &a->sites[number];
    const struct behaviour *did = &site->did;
    double mean = (double)did->bytes / (double)did->allocations;
    uint64_t size = size_for_most(did);
    bool one_size = size > 0 && (double)size <= ROUNDING * mean + 16;
    bool shared = (site->threads & (site->threads - 1)) != 0;
    bool home = (double)did->cross_thread <= STAYS_HOME * (double)did->frees;
    bool all_die = (double)did->frees >= LEAVES * (double)did->allocations;
    bool together =
        (double)(did->batch + did->short_lived) >= DIE_TOGETHER * (double)did->allocations;
    size_t n = 0;
    if (one_size && !shared) {
        out[n++] = (struct replay_pool){.kind = REPLAY_BLOCK, .block_size = size};
    }
    if (one_size && shared) {
        out[n++] = (struct replay_pool){.kind = REPLAY_THREAD_LOCAL, .block_size = size};
    }
    if (all_die && together && home && did->reallocs == 0) {
        out[n++] = (struct replay_pool){.kind = REPLAY_ARENA_SCOPE};
    }
    if (did->largest_size <= LARGEST_CHUNKED && did->reallocs == 0 && !one_size && home) {
        out[n++] = (struct replay_pool){.kind = REPLAY_ARENA_CHUNKS, .chunk = 64 * 1024};
    }
    return n;
}
