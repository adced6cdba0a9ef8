/* SPDX-License-Identifier: MIT
 * prodcons.c PAIRS OPERATIONS: one thread of each pair allocates, the other frees, and both do
 * only that. Blocks go over in batches, so that the lock between the two is not what is measured.
 */
#include "workload.h"

enum { BATCH = 100, BATCHES = 64, LOW_BITS = 4, HIGH_BITS = 10 };

/* A ring of batches between one producer and one consumer; the numbers count batches for ever. */
typedef struct belt {
    void *blocks[BATCHES][BATCH];
    size_t put, taken; /* under the lock */
    size_t wanted;     /* batches in all */
    uint64_t seed;
    pthread_mutex_t lock;
    pthread_cond_t moved;
} belt;

static void advance(belt *b, size_t *number)
{
    pthread_mutex_lock(&b->lock);
    ++*number;
    pthread_cond_signal(&b->moved);
    pthread_mutex_unlock(&b->lock);
}

/* Waits until a producer finds room on the belt, a consumer a batch. */
static void wait_for(belt *b, int producer)
{
    pthread_mutex_lock(&b->lock);
    while (producer ? b->put - b->taken == BATCHES : b->put == b->taken) {
        pthread_cond_wait(&b->moved, &b->lock);
    }
    pthread_mutex_unlock(&b->lock);
}

static void *produce(void *arg)
{
    belt *b = arg;
    for (size_t n = 0; n < b->wanted; n++) {
        wait_for(b, 1);
        for (size_t i = 0; i < BATCH; i++) {
            b->blocks[n % BATCHES][i] = new_block(skewed_size(&b->seed, LOW_BITS, HIGH_BITS));
        }
        advance(b, &b->put);
    }
    return NULL;
}

static void *consume(void *arg)
{
    belt *b = arg;
    for (size_t n = 0; n < b->wanted; n++) {
        wait_for(b, 0);
        for (size_t i = 0; i < BATCH; i++) {
            volatile unsigned char *block = b->blocks[n % BATCHES][i];
            (void)block[0];
            free(b->blocks[n % BATCHES][i]);
        }
        advance(b, &b->taken);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    size_t pairs = argument(argc, argv, 1), operations = argument(argc, argv, 2);
    belt *belts = calloc(pairs, sizeof *belts);
    pthread_t *running = calloc(2 * pairs, sizeof *running);
    if (!belts || !running) {
        die("prodcons");
    }
    for (size_t i = 0; i < pairs; i++) {
        belts[i].wanted = operations / pairs / BATCH;
        belts[i].seed = 1 + i;
        pthread_mutex_init(&belts[i].lock, NULL);
        pthread_cond_init(&belts[i].moved, NULL);
        running[2 * i] = start_thread(produce, &belts[i]);
        running[2 * i + 1] = start_thread(consume, &belts[i]);
    }
    for (size_t i = 0; i < 2 * pairs; i++) {
        pthread_join(running[i], NULL);
    }
    free(running);
    free(belts);
    mark("freed", 0);
    return 0;
}
