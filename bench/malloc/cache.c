/* SPDX-License-Identifier: MIT
 * cache.c scratch|thrash THREADS OPERATIONS: false sharing, as in the paper on Hoard. Each thread
 * writes a small block of its own over and over, frees it and takes another. If two threads' blocks
 * stand in one cache line, the line wanders between the cores.
 *
 *   thrash   finds an allocator that puts blocks of two threads into one line by itself
 *   scratch  finds one that is led to it: the threads first free blocks that the main thread had
 *            allocated side by side, and an allocator may hand those out to the thread that freed
 */
#include "workload.h"

#include <string.h>

enum { SIZE = 8, WRITES = 1000 };

static size_t repeats;

static void write_over_and_over(volatile unsigned char *block)
{
    for (size_t w = 0; w < WRITES; w++) {
        for (size_t i = 0; i < SIZE; i++) {
            block[i] = (unsigned char)(block[i] + 1);
        }
    }
}

/* `arg` is the block to begin with, or NULL. */
static void *work(void *arg)
{
    free(arg);
    for (size_t r = 0; r < repeats; r++) {
        void *block = calloc(1, SIZE);
        if (!block) {
            die("calloc");
        }
        write_over_and_over(block);
        free(block);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    size_t threads = argument(argc, argv, 2);
    int scratch = strcmp(argv[1], "scratch") == 0;
    repeats = argument(argc, argv, 3) / WRITES / threads;
    pthread_t *running = new_block(threads * sizeof *running);
    void **first = calloc(threads, sizeof *first);
    if (!first) {
        die("calloc");
    }
    for (size_t i = 0; i < threads && scratch; i++) {
        first[i] = new_block(SIZE);
    }
    for (size_t i = 0; i < threads; i++) {
        running[i] = start_thread(work, first[i]);
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(running[i], NULL);
    }
    free(first);
    free(running);
    mark("freed", 0);
    return 0;
}
