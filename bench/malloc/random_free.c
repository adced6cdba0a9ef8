/* SPDX-License-Identifier: MIT
 * random_free.c MEGABYTES: fills memory with blocks of 1,000 bytes, frees them in the order of
 * chance until one of ten is left, then the rest. At a tenth nearly every page still holds a block;
 * at nothing all could go back to the system.
 */
#include "workload.h"

enum { SIZE = 1000 };

static void shuffle(void **blocks, size_t n)
{
    uint64_t seed = 3;
    for (size_t i = n - 1; i > 0; i--) {
        size_t other = chance(&seed) % (i + 1);
        void *block = blocks[i];
        blocks[i] = blocks[other];
        blocks[other] = block;
    }
}

int main(int argc, char **argv)
{
    size_t n = argument(argc, argv, 1) * 1000000 / SIZE, keep = n / 10;
    void **blocks = new_block(n * sizeof *blocks);
    for (size_t i = 0; i < n; i++) {
        blocks[i] = new_block(SIZE);
    }
    shuffle(blocks, n);
    while (n > keep) {
        free(blocks[--n]);
    }
    mark("kept", keep * (SIZE + sizeof *blocks) + (n - keep) * sizeof *blocks);
    while (n > 0) {
        free(blocks[--n]);
    }
    free(blocks);
    mark("freed", 0);
    return 0;
}
