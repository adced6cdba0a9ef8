/* SPDX-License-Identifier: MIT
 * producer_consumer.c: jobs are allocated in two threads and freed in two others. The pool's free
 * takes only the job: whose memory it is, the pool finds out, and brings it home in batches. So the
 * memory stays as large as the queue is long, however many jobs go through it. */
#include <poolkit/shared_pool.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRODUCERS = 2, CONSUMERS = 2, JOBS = 400000, QUEUE = 256, WORDS = 30 };

typedef struct {
    uint64_t sum; /* of the words, as the producer saw it */
    uint64_t words[WORDS];
} job;

/* ---- a queue of at most QUEUE jobs ---- */

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t not_full, not_empty;
    job *jobs[QUEUE];
    unsigned begin, n;
    unsigned producers; /* still at work */
} queue;

static void put(queue *q, job *j)
{
    pthread_mutex_lock(&q->lock);
    while (q->n == QUEUE) pthread_cond_wait(&q->not_full, &q->lock);
    q->jobs[(q->begin + q->n++) % QUEUE] = j;
    pthread_cond_signal(&q->not_empty);
    pthread_mutex_unlock(&q->lock);
}

/* NULL: the queue is empty, and nobody will put anything more into it. */
static job *take(queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->n == 0 && q->producers > 0) pthread_cond_wait(&q->not_empty, &q->lock);
    job *j = NULL;
    if (q->n > 0) {
        j = q->jobs[q->begin++ % QUEUE];
        q->n--;
        pthread_cond_signal(&q->not_full);
    }
    pthread_mutex_unlock(&q->lock);
    return j;
}

static void producer_leaves(queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->producers--;
    pthread_cond_broadcast(&q->not_empty);
    pthread_mutex_unlock(&q->lock);
}

/* ---- the threads ---- */

typedef struct {
    pthread_t thread;
    pk_shared_pool *pool;
    queue *q;
    uint64_t first, jobs; /* a producer's share           */
    uint64_t n, sum;      /* what it made, or worked off  */
    uint64_t failed;      /* no memory, or a wrong sum    */
} worker;

static void *produce(void *arg)
{
    worker *w = arg;
    for (uint64_t number = w->first; w->n < w->jobs; number++) {
        job *j = pk_shared_pool_alloc(w->pool);
        if (!j) {
            w->failed++;
            break;
        }
        j->sum = 0;
        for (unsigned i = 0; i < WORDS; i++) j->sum += j->words[i] = number * (i + 1);
        w->n++;
        w->sum += j->sum;
        put(w->q, j);
    }
    producer_leaves(w->q);
    return NULL; /* what the thread held ready, others get; jobs still in the queue stay valid */
}

static void *consume(void *arg)
{
    worker *w = arg;
    for (job *j; (j = take(w->q)) != NULL; pk_shared_pool_free(j)) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < WORDS; i++) sum += j->words[i];
        w->failed += sum != j->sum;
        w->n++;
        w->sum += sum;
    }
    return NULL;
}

/* One run of `jobs` jobs; the second producer has a tenth of them and ends early. */
static bool run(pk_shared_pool *pool, uint64_t jobs)
{
    queue q = {.lock = PTHREAD_MUTEX_INITIALIZER,
               .not_full = PTHREAD_COND_INITIALIZER,
               .not_empty = PTHREAD_COND_INITIALIZER,
               .producers = PRODUCERS};
    worker all[PRODUCERS + CONSUMERS] = {{.jobs = jobs - jobs / 10, .first = 1},
                                         {.jobs = jobs / 10, .first = jobs}};
    worker made = {0}, done = {0};
    for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++) {
        all[i].pool = pool;
        all[i].q = &q;
        if (pthread_create(&all[i].thread, NULL, i < PRODUCERS ? produce : consume, &all[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++) {
        pthread_join(all[i].thread, NULL);
        worker *sum = i < PRODUCERS ? &made : &done;
        sum->n += all[i].n, sum->sum += all[i].sum, sum->failed += all[i].failed;
    }
    return made.n == jobs && done.n == jobs && made.sum == done.sum && !made.failed && !done.failed;
}

int main(void)
{
    pk_shared_pool *pool;
    pk_block_pool_opts opts = {.block_size = sizeof(job), .name = "jobs"};
    if (pk_shared_pool_create(&pool, &opts, PK_PER_THREAD) != PK_OK) return 1;
    unsigned wrong = 0;
    for (uint64_t jobs = JOBS / 100; jobs <= JOBS; jobs *= 10) {
        wrong += !run(pool, jobs);
        pk_stats stats;
        pk_shared_pool_stats(pool, &stats);
        uint64_t used = stats.live + stats.free_in_chunks; /* ever touched and still held */
        printf("%6llu jobs, %5llu KiB of them: %llu KiB of memory, %llu in use\n",
               (unsigned long long)jobs, (unsigned long long)(jobs * sizeof(job) / 1024),
               (unsigned long long)(used / 1024), (unsigned long long)stats.n_live);
        wrong += stats.n_live != 0 || used > 2 << 20;
    }
    return pk_shared_pool_destroy(pool) != 0 || wrong != 0;
}
