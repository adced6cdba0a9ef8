/* SPDX-License-Identifier: MIT
 * behaviour.c: sums of what stacks did, and small questions that several files ask.
 */
#include "analysis.h"

/* glibc: a header of 8 bytes, multiples of 16, at least 32; large blocks are mappings of pages. */
enum { GLIBC_HEADER = 8, GLIBC_LEAST = 32, GLIBC_MAPPED = 128 * 1024 };

uint64_t analysis_usable(uint64_t size)
{
    if (size >= GLIBC_MAPPED) {
        return (size + 2 * GLIBC_HEADER + 4095) & ~UINT64_C(4095);
    }
    uint64_t chunk = (size + GLIBC_HEADER + 15) & ~UINT64_C(15);
    return chunk < GLIBC_LEAST ? GLIBC_LEAST : chunk;
}

unsigned analysis_bucket(uint64_t value)
{
    unsigned bucket = value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
    return bucket < LIFE_BUCKETS ? bucket : LIFE_BUCKETS - 1;
}

void behaviour_count_size(struct behaviour *b, uint64_t size, uint64_t count)
{
    for (int i = 0; i < TOP_SIZES; i++) {
        if (b->sizes[i].count == 0 || b->sizes[i].size == size) {
            b->sizes[i].size = size;
            b->sizes[i].count += count;
            return;
        }
    }
    b->other_sizes += count;
}

void behaviour_add(struct behaviour *to, const struct behaviour *from)
{
    if (from->allocations > 0) {
        to->least_size = to->allocations == 0 || from->least_size < to->least_size
                             ? from->least_size
                             : to->least_size;
        to->largest_size =
            from->largest_size > to->largest_size ? from->largest_size : to->largest_size;
    }
    to->allocations += from->allocations;
    to->frees += from->frees;
    to->bytes += from->bytes;
    to->reallocs += from->reallocs;
    to->live += from->live;
    to->other_sizes += from->other_sizes;
    for (int i = 0; i < TOP_SIZES && from->sizes[i].count > 0; i++) {
        behaviour_count_size(to, from->sizes[i].size, from->sizes[i].count);
    }
    for (int i = 0; i < LIFE_BUCKETS; i++) {
        to->life_ns[i] += from->life_ns[i];
        to->life_allocations[i] += from->life_allocations[i];
    }
    to->short_lived += from->short_lived;
    to->lifo += from->lifo;
    to->batch += from->batch;
    to->cross_thread += from->cross_thread;
    to->pinned += from->pinned;
}

uint64_t analysis_resident(const struct trace *t, size_t *sample, uint64_t time)
{
    size_t n = trace_samples(t);
    while (*sample + 1 < n && trace_sample(t, *sample + 1)->time <= time) {
        ++*sample;
    }
    if (n == 0 || trace_sample(t, *sample)->time > time) {
        return 0;
    }
    uint64_t now = trace_sample(t, *sample)->anonymous, base = trace_info(t)->base_anonymous;
    return now > base ? now - base : 0;
}
