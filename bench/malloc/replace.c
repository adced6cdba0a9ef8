/* SPDX-License-Identifier: MIT
 * replace.c LIVE OPERATIONS: keeps LIVE blocks of random size and replaces one at random by another
 * of random size. With many of them neither the blocks nor what the allocator notes beside them
 * fit into the caches.
 */
#include "workload.h"

enum { LOW_BITS = 3, HIGH_BITS = 10 };

int main(int argc, char **argv)
{
    size_t live = argument(argc, argv, 1), operations = argument(argc, argv, 2);
    uint64_t seed = 42;
    void **blocks = new_block(live * sizeof *blocks);
    for (size_t i = 0; i < live; i++) {
        blocks[i] = new_block(skewed_size(&seed, LOW_BITS, HIGH_BITS));
    }
    for (size_t n = 0; n < operations; n++) {
        size_t victim = chance(&seed) % live;
        free(blocks[victim]);
        blocks[victim] = new_block(skewed_size(&seed, LOW_BITS, HIGH_BITS));
    }
    for (size_t i = 0; i < live; i++) {
        free(blocks[i]);
    }
    free(blocks);
    mark("freed", 0);
    return 0;
}
