/* SPDX-License-Identifier: MIT
 * parallel.c: a thread for each thread of the tape. An operation on a block waits until the operation
 * before it on the same block is done, and for nothing else.
 *
 * No thread can wait for ever: all threads' operations stand in the order of the recording, and each
 * waits only for one that stands before it there; the first of all that are not done waits for
 * none.
 */
#include "player.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define STACK_BYTES (256 * 1024)
#define SPINS 200
#define SAMPLE_NS 2000000

static pthread_barrier_t start_line;
static _Atomic unsigned running;
static struct timespec start_time;

static void wait_for_turn(const struct player *p, const struct tape_op *op)
{
    for (unsigned spins = 0;
         atomic_load_explicit(&p->turns[op->slot], memory_order_acquire) != op->turn; spins++) {
        if (spins >= SPINS) sched_yield();
    }
}

/* Until the recorded time of an operation, with the gaps divided by the pace. */
static void wait_for_time(const struct player *p, uint64_t time)
{
    uint64_t ns = (uint64_t)((double)time / p->control->pace) + (uint64_t)start_time.tv_nsec;
    struct timespec now, until = {.tv_sec = start_time.tv_sec + (time_t)(ns / 1000000000),
                                  .tv_nsec = (long)(ns % 1000000000)};
    clock_gettime(CLOCK_MONOTONIC, &now); /* without a call into the system, as a sleep would be */
    if (now.tv_sec > until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec)) {
        return;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) {}
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct player *p = w->player;
    const struct tape_thread *mine = &tape_threads(p->tape)[w->index];
    const struct tape_op *op = tape_operations(p->tape);
    const uint64_t *times = (const uint64_t *)((uintptr_t)p->tape + p->tape->times_at);
    pthread_barrier_wait(&start_line); /* ready: the base is taken between the two */
    pthread_barrier_wait(&start_line);
    for (uint64_t i = mine->first; i < mine->first + mine->n; i++) {
        if (p->control->pace > 0) wait_for_time(p, times[i]);
        bool scope_end = tape_kind(op[i].word) == TAPE_SCOPE_END;
        if (!scope_end) wait_for_turn(p, &op[i]);
        play_one(w, &op[i]);
        /* Pairs with the acquire of whoever waits for the next turn of this slot. */
        if (!scope_end) {
            atomic_store_explicit(&p->turns[op[i].slot], op[i].turn + 1, memory_order_release);
        }
        atomic_store_explicit(&w->done, w->done + 1, memory_order_relaxed);
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static void sum(const struct player *p, struct worker *workers, uint64_t *done, uint64_t *live)
{
    *done = *live = 0;
    for (uint32_t i = 0; i < p->tape->threads; i++) {
        *done += atomic_load_explicit(&workers[i].done, memory_order_relaxed);
        *live += atomic_load_explicit(&workers[i].live, memory_order_relaxed);
    }
    if (*live > UINT64_MAX / 2) *live = 0; /* the threads were read at different moments */
}

static void sample_while_they_run(struct player *p, struct worker *workers)
{
    uint64_t done, live;
    while (p->control->sample && atomic_load(&running) > 0) {
        nanosleep(&(struct timespec){.tv_nsec = SAMPLE_NS}, NULL);
        sum(p, workers, &done, &live);
        watch_point(p, done, live);
    }
}

static bool start(struct player *p, struct worker *workers, pthread_t *threads)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    for (uint32_t i = 0; i < p->tape->threads; i++) {
        int error = pthread_create(&threads[i], &attr, work, &workers[i]);
        if (error) {
            snprintf(p->control->why, TRACE_WHY, "cannot start thread %u of %u: %s", i + 1,
                     p->tape->threads, strerror(error));
            return false;
        }
    }
    pthread_attr_destroy(&attr);
    return true;
}

bool play_parallel(struct player *p, struct worker *workers)
{
    static pthread_t threads[TAPE_THREADS_MOST];
    uint64_t done, live;
    running = p->tape->threads;
    pthread_barrier_init(&start_line, NULL, p->tape->threads + 1);
    if (!start(p, workers, threads)) return false;
    pthread_barrier_wait(&start_line);
    watch_begin(p);
    clock_gettime(CLOCK_MONOTONIC, &start_time);
    clock_begin(p);
    pthread_barrier_wait(&start_line);
    sample_while_they_run(p, workers);
    for (uint32_t i = 0; i < p->tape->threads; i++) pthread_join(threads[i], NULL);
    clock_end(p);
    sum(p, workers, &done, &live);
    watch_end(p, done, live);
    return true;
}
