/* SPDX-License-Identifier: MIT
 * threadtest.c THREADS OPERATIONS: threads that share nothing, as in the paper on Hoard: each
 * allocates many blocks of one size, then frees them all, again and again.
 */
#include "workload.h"

enum { BLOCKS = 50000, SIZE = 64 };

static size_t repeats;

static void *work(void *arg)
{
    void **blocks = arg;
    for (size_t r = 0; r < repeats; r++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            blocks[i] = new_block(SIZE);
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            free(blocks[i]);
        }
    }
    free(blocks);
    return NULL;
}

int main(int argc, char **argv)
{
    size_t threads = argument(argc, argv, 1);
    repeats = argument(argc, argv, 2) / BLOCKS / threads;
    pthread_t *running = new_block(threads * sizeof *running);
    for (size_t i = 0; i < threads; i++) {
        running[i] = start_thread(work, new_block(BLOCKS * sizeof(void *)));
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(running[i], NULL);
    }
    free(running);
    mark("freed", 0);
    return 0;
}
