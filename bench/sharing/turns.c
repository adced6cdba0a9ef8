/* SPDX-License-Identifier: MIT
 * turns.c WORKLOAD THREADS OPERATIONS: threads that use malloc strictly in turns, for a tracer.
 *
 * Thread 0 does one operation, then thread 1, and so on, round after round: the order in which
 * lines move most. What the tracer sees of the turns is told by stores to marks, one cache line
 * each, that stand in one array:
 *
 *   marks[2 * thread]      the thread begins an operation: what follows counts
 *   marks[2 * thread + 1]  it has ended: what follows is the program's own and does not count
 *   marks[2 * THREADS_MOST]  the warming up is over: figures begin here
 *
 * The program is linked to fixed addresses, so that the tracer knows where the array stands.
 *
 *   own     each thread replaces one of its 64 blocks of 16 to 512 bytes
 *   batches each takes 1,000 blocks of 64 bytes, then frees them: an operation is ten such calls
 *   passed  each frees a block that the thread before it has written, and takes one for the next
 *           thread, which frees it 64 turns later
 */
#include "malloc/workload.h"

#include <semaphore.h>
#include <stdbool.h>
#include <string.h>

enum { THREADS_MOST = 64, OWN = 64, QUEUE = 64, BATCH = 1000, CALLS = 10 };

typedef void operation(unsigned thread, size_t turn);

static _Alignas(PAGE) volatile char marks[(2 * THREADS_MOST + 1) * LINE];
static _Alignas(LINE) struct {
    sem_t semaphore;
    void *blocks[BATCH];
    uint64_t chance;
    void *from_before[QUEUE]; /* by the thread before this one, for "passed" */
    char pad[LINE];
} own[THREADS_MOST];
static unsigned threads;
static size_t turns;
static operation *run;

static void begin(unsigned thread) { marks[2 * thread * LINE] = 1; }

static void end(unsigned thread) { marks[(2 * thread + 1) * LINE] = 1; }

static void replace_own(unsigned thread, size_t turn)
{
    size_t size = 16 + chance(&own[thread].chance) % 497;
    begin(thread);
    free(own[thread].blocks[turn % OWN]);
    void *block = malloc(size);
    end(thread);
    own[thread].blocks[turn % OWN] = block;
    write_block(block, 0, size);
}

static void batches(unsigned thread, size_t turn)
{
    void **blocks = own[thread].blocks + turn * CALLS % BATCH;
    bool taking = turn * CALLS / BATCH % 2 == 0;
    void *taken[CALLS];
    memcpy(taken, blocks, sizeof taken);
    begin(thread);
    for (unsigned i = 0; i < CALLS; i++) {
        if (taking) {
            taken[i] = malloc(64);
        } else {
            free(taken[i]);
        }
    }
    end(thread);
    memcpy(blocks, taken, sizeof taken);
}

static void pass_on(unsigned thread, size_t turn)
{
    void *given = own[thread].from_before[turn % QUEUE];
    size_t size = 16 + chance(&own[thread].chance) % 497;
    begin(thread);
    free(given);
    void *block = malloc(size);
    end(thread);
    write_block(block, 0, size);
    own[(thread + 1) % threads].from_before[turn % QUEUE] = block;
}

static __attribute__((noinline)) void settle(unsigned thread)
{
    volatile char deeper[PAGE];
    end(thread);
    for (size_t i = 0; i < sizeof deeper; i++) {
        deeper[i] = 0;
    }
}

static void *take_turns(void *arg)
{
    unsigned thread = (unsigned)(uintptr_t)arg;
    for (size_t turn = 0; turn < turns; turn++) {
        while (sem_wait(&own[thread].semaphore) != 0) {}
        settle(thread);
        if (thread == 0 && turn == turns / 2) {
            marks[2 * THREADS_MOST * LINE] = 1;
        }
        run(thread, turn);
        sem_post(&own[(thread + 1) % threads].semaphore);
    }
    return NULL;
}

static operation *operation_of(const char *name)
{
    return strcmp(name, "own") == 0       ? replace_own
           : strcmp(name, "batches") == 0 ? batches
           : strcmp(name, "passed") == 0  ? pass_on
                                          : NULL;
}

int main(int argc, char **argv)
{
    pthread_t started[THREADS_MOST];
    threads = (unsigned)argument(argc, argv, 2);
    turns = argument(argc, argv, 3);
    run = operation_of(argv[1]);
    if (!run || threads < 1 || threads > THREADS_MOST) {
        dprintf(2, "turns: own|batches|passed, 1 to %d threads, operations of each\n",
                THREADS_MOST);
        return 2;
    }
    for (unsigned i = 0; i < threads; i++) {
        own[i].chance = i + 1;
        sem_init(&own[i].semaphore, 0, i == 0);
    }
    for (unsigned i = 0; i < threads; i++) {
        started[i] = start_thread(take_turns, (void *)(uintptr_t)i);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(started[i], NULL);
    }
    return 0;
}
