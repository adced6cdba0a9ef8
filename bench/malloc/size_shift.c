/* SPDX-License-Identifier: MIT
 * size_shift.c MEGABYTES: a program whose habits change: it fills memory with blocks of one size,
 * frees nine of ten at random, fills what it freed with blocks of the next size, and so on. What is
 * resident beyond what it holds is memory that the new size could not use.
 */
#include "workload.h"

enum { SIZES = 5 };
static const size_t sizes[SIZES] = {48, 112, 400, 1500, 6000};

static void **blocks;
static size_t held, live;

static void fill(size_t bytes, size_t size)
{
    for (; live + size <= bytes; live += size) {
        blocks[held++] = new_block(size);
    }
}

/* Frees nine of ten of those from `first` on, which all have this size, in the order of chance. */
static void thin_out(size_t first, size_t size, uint64_t *seed)
{
    size_t keep = first + (held - first) / 10;
    while (held > keep) {
        size_t victim = first + chance(seed) % (held - first);
        free(blocks[victim]);
        blocks[victim] = blocks[--held];
        live -= size;
    }
}

int main(int argc, char **argv)
{
    size_t bytes = argument(argc, argv, 1) * 1000000;
    size_t table = bytes / sizes[0] * sizeof *blocks * 2;
    uint64_t seed = 5;
    blocks = malloc(table);
    if (!blocks) {
        die("malloc");
    }
    for (size_t i = 0; i < SIZES; i++) {
        size_t first = held;
        fill(bytes, sizes[i]);
        if (i + 1 < SIZES) {
            thin_out(first, sizes[i], &seed);
        }
    }
    mark("kept", live + held * sizeof *blocks);
    for (size_t i = 0; i < held; i++) {
        free(blocks[i]);
    }
    free(blocks);
    mark("freed", 0);
    return 0;
}
