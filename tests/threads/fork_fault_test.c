/* SPDX-License-Identifier: MIT
 * fork_fault_test.c: a child of fork can name and use a fault handler, though another thread of its
 * parent was just naming one. */
#include "expect.h"
#include "runner.h"
#include "threads.h"

#include <poolkit/fault.h>
#include <poolkit/heap.h>

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = 400 };

static _Atomic bool stop;
static int first, second;

/* Handlers name each other's argument: a pair that was half changed shows. */
static void one(const pk_fault *fault, void *arg)
{
    (void)fault;
    EXPECT(arg == &first);
}

static void other(const pk_fault *fault, void *arg)
{
    (void)fault;
    EXPECT(arg == &second);
}

static void *change_handlers(void *unused)
{
    (void)unused;
    while (!stop) {
        pk_on_fault(one, &first);
        pk_on_fault(other, &second);
    }
    return NULL;
}

static void child(void *block)
{
    alarm(10);
    pk_heap_free(block);
    pk_heap_free(block); /* told to whichever handler there is */
    pk_on_fault(one, &first);
    pk_heap_free(block);
    _exit(0);
}

START_TEST(a_child_may_use_the_fault_handler)
{
    pthread_t thread;
    pk_heap *heap;
    EXPECT(pk_heap_create(&heap, NULL) == PK_OK);
    void *block = pk_heap_alloc(heap, 100);
    pk_on_fault(one, &first);
    thread_start(&thread, change_handlers, NULL);
    for (size_t i = 0; i < scaled(FORKS); i++) {
        int status;
        pid_t pid = fork();
        EXPECT(pid >= 0);
        if (pid == 0) child(block);
        EXPECT(waitpid(pid, &status, 0) == pid);
        EXPECT_AT(status == 0, i, status);
    }
    stop = true;
    thread_join(thread);
    pk_heap_destroy(heap);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("fork_fault");
    ADD_CASE(suite, tcase_create("fork"), 60, a_child_may_use_the_fault_handler);
    return suite;
}

TEST_MAIN(make_suite)
