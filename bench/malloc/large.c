/* SPDX-License-Identifier: MIT
 * large.c OPERATIONS: replaces large blocks, 64 KiB to 16 MiB, at random and writes each page of
 * them. An allocator that asks the system for each pays for zeroed pages again and again; one that
 * keeps them holds memory.
 */
#include "workload.h"

enum { LIVE = 24, LOW_BITS = 16, HIGH_BITS = 24 };

int main(int argc, char **argv)
{
    size_t operations = argument(argc, argv, 1);
    uint64_t seed = 99;
    void *blocks[LIVE] = {0};
    for (size_t n = 0; n < operations; n++) {
        size_t victim = chance(&seed) % LIVE;
        free(blocks[victim]);
        blocks[victim] = new_block(skewed_size(&seed, LOW_BITS, HIGH_BITS));
    }
    for (size_t i = 0; i < LIVE; i++) {
        free(blocks[i]);
    }
    mark("freed", 0);
    return 0;
}
