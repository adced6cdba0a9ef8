/* SPDX-License-Identifier: MIT
 * larson.c THREADS OPERATIONS: a server, as Larson and Krishnan simulate one. Each thread replaces
 * random blocks of its set by ones of random size; when it has done its share it hands the set to
 * a thread that it starts, and ends. So blocks are freed by another thread than allocated them, and
 * threads come and go.
 */
#include "workload.h"

#include <semaphore.h>

enum { BLOCKS = 5000, GENERATIONS = 20, SMALLEST = 10, LARGEST = 500 };

typedef struct customer {
    void *blocks[BLOCKS];
    uint64_t seed;
    size_t share; /* operations of one generation */
    unsigned left;
} customer;

static sem_t served;

static void *serve(void *arg)
{
    customer *c = arg;
    for (size_t i = 0; i < c->share; i++) {
        size_t victim = chance(&c->seed) % BLOCKS;
        free(c->blocks[victim]);
        c->blocks[victim] = new_block(SMALLEST + chance(&c->seed) % (LARGEST - SMALLEST));
    }
    if (--c->left > 0) {
        pthread_detach(start_thread(serve, c));
    } else {
        sem_post(&served);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    size_t threads = argument(argc, argv, 1), operations = argument(argc, argv, 2);
    customer *customers = calloc(threads, sizeof *customers);
    if (!customers || sem_init(&served, 0, 0) != 0) {
        die("larson");
    }
    for (size_t i = 0; i < threads; i++) {
        customers[i].seed = 1000 + i;
        customers[i].share = operations / threads / GENERATIONS;
        customers[i].left = GENERATIONS;
        pthread_detach(start_thread(serve, &customers[i]));
    }
    for (size_t i = 0; i < threads; i++) {
        while (sem_wait(&served) != 0) {}
    }
    for (size_t i = 0; i < threads; i++) {
        for (size_t k = 0; k < BLOCKS; k++) {
            free(customers[i].blocks[k]);
        }
    }
    free(customers);
    mark("freed", 0);
    return 0;
}
