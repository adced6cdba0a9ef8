/* SPDX-License-Identifier: MIT
 * shared_pool_test.c: threads that pass a shared pool's blocks to each other, and short ones. */
#include "runner.h"
#include "threads.h"

#include <poolkit/shared_pool.h>
#include <sched.h>
#include <stdatomic.h>

enum { HELD = 512, BOX = 4096, SIZE = 96 };

/* A ring with one writer and one reader. */
typedef struct {
    _Atomic size_t head, tail;
    char *block[BOX];
} mailbox;

static mailbox boxes[2];

typedef struct {
    pk_shared_pool *pool;
    size_t rounds;
    unsigned me;
} worker;

static char *make_block(pk_shared_pool *pool, uint64_t tag)
{
    char *p = pk_shared_pool_alloc(pool);
    EXPECT(p != NULL);
    for (unsigned i = 0; i < SIZE / 8; i++) ((uint64_t *)(void *)p)[i] = tag ^ i;
    return p;
}

static void drop_block(char *p)
{
    const uint64_t *word = (const void *)p;
    for (unsigned i = 0; i < SIZE / 8; i++) EXPECT(word[i] == (word[0] ^ i));
    pk_shared_pool_free(p);
}

static bool send(mailbox *box, char *p)
{
    size_t head = atomic_load(&box->head);
    if (head - atomic_load(&box->tail) == BOX) return false;
    box->block[head % BOX] = p;
    atomic_store(&box->head, head + 1);
    return true;
}

static char *receive(mailbox *box)
{
    size_t tail = atomic_load(&box->tail);
    if (tail == atomic_load(&box->head)) return NULL;
    char *p = box->block[tail % BOX];
    atomic_store(&box->tail, tail + 1);
    return p;
}

static _Atomic bool has_ended[2];

/* Half of the frees are the other thread's: a full box is waited for, while it runs. */
static void pass_on(unsigned me, char *p)
{
    while (!send(&boxes[!me], p)) {
        char *mail = receive(&boxes[me]);
        if (mail)
            drop_block(mail);
        else if (atomic_load(&has_ended[!me])) {
            drop_block(p);
            return;
        } else
            sched_yield();
    }
}

static void *work(void *arg)
{
    worker *w = arg;
    rng r = rng_make(w->me + 1);
    char *held[HELD] = {0};
    for (size_t i = 0; i < w->rounds; i++) {
        char **slot = &held[rng_below(&r, HELD)];
        char *mail = receive(&boxes[w->me]);
        if (mail) drop_block(mail);
        if (!*slot)
            *slot = make_block(w->pool, rng_next(&r));
        else {
            if (rng_below(&r, 2))
                pass_on(w->me, *slot);
            else
                drop_block(*slot);
            *slot = NULL;
        }
    }
    for (unsigned i = 0; i < HELD; i++)
        if (held[i]) drop_block(held[i]);
    atomic_store(&has_ended[w->me], true);
    return NULL;
}

static pk_shared_pool *make(int threading)
{
    pk_shared_pool *pool = NULL;
    pk_block_pool_opts opts = {.block_size = SIZE};
    EXPECT(pk_shared_pool_create(&pool, &opts, (pk_threading)threading) == PK_OK);
    return pool;
}

static void ends_sound(pk_shared_pool *pool)
{
    char text[256] = "";
    ck_assert_msg(pk_shared_pool_audit(pool, text, sizeof text) == 0, "%s", text);
    pk_shared_pool_trim(pool, 0);
    pk_stats s;
    pk_shared_pool_stats(pool, &s);
    ck_assert_uint_eq(s.n_live, 0);
    ck_assert_uint_eq(s.committed, 0);
    ck_assert_int_eq(pk_shared_pool_destroy_if_empty(pool), PK_OK);
}

START_TEST(two_threads_pass_blocks)
{
    pk_shared_pool *pool = make(_i);
    worker w[2] = {{pool, scaled(10000000), 0}, {pool, scaled(10000000), 1}};
    pthread_t t[2];
    for (unsigned i = 0; i < 2; i++) thread_start(&t[i], work, &w[i]);
    for (unsigned i = 0; i < 2; i++) thread_join(t[i]);
    for (unsigned i = 0; i < 2; i++)
        for (char *p; (p = receive(&boxes[i])) != NULL;) drop_block(p);
    pk_shared_pool_flush(pool);
    ends_sound(pool);
}
END_TEST

static void *short_life(void *arg)
{
    char *p[100];
    for (unsigned i = 0; i < 100; i++) p[i] = make_block(arg, i);
    for (unsigned i = 0; i < 99; i++) drop_block(p[i]);
    return p[99];
}

START_TEST(short_threads)
{
    pk_shared_pool *pool = make(_i);
    for (unsigned round = 0; round < 50; round++) {
        pthread_t t[8];
        for (unsigned i = 0; i < 8; i++) thread_start(&t[i], short_life, pool);
        for (unsigned i = 0; i < 8; i++) {
            void *left;
            EXPECT(pthread_join(t[i], &left) == 0);
            drop_block(left);
        }
    }
    pk_shared_pool_flush(pool);
    ends_sound(pool);
}
END_TEST

static Suite *shared_pool_suite(void)
{
    Suite *suite = suite_create("shared_pool threads");
    TCase *tcase = tcase_create("both");
    tcase_set_timeout(tcase, memory_is_measurable() ? 60 : 480);
    tcase_add_loop_test(tcase, two_threads_pass_blocks, 0, 2);
    tcase_add_loop_test(tcase, short_threads, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

TEST_MAIN(shared_pool_suite)
