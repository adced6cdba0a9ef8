/* SPDX-License-Identifier: MIT
 * pools.c: a program with a pool of each kind, for the scripts of this folder to look at from outside. It
 * prints the address of a block of each, ends its first line of output with "ready", and then does
 * what its argument says:
 *
 *   exit    returns from main          thread  the same, while a thread uses an arena without end
 *   wait    waits for the end of its standard input, then returns
 *   other   has a thread that prints a block of its own, and then rests; then as wait
 *   own     has a handler of SIGUSR2 of its own; then as wait
 *   fork    the child does as wait, and its parent waits for it */
#include <poolkit/poolkit.h>
#include <poolkit/shared_pool.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pk_heap *session;
static pk_arena requests;
static pk_block_pool nodes;
pk_stats shown; /* of the heap, for gdb to print */

static void *use_arena(void *arg)
{
    (void)arg;
    pk_arena busy;
    pk_arena_init(&busy, &(pk_arena_opts){.name = "busy"});
    for (;;) {
        for (int i = 0; i < 1000; i++) (void)pk_arena_alloc(&busy, 1000);
        pk_arena_reset(&busy);
    }
    return NULL;
}

static void *allocate_and_rest(void *heap)
{
    printf("other %p done\n", pk_heap_alloc(heap, 500));
    fflush(stdout);
    for (;;) pause();
    return NULL;
}

static void handler(int number)
{
    (void)number;
    (void)!write(STDOUT_FILENO, "own\n", 4);
}

static void wait_for_end(void)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) != 0) continue; /* a signal may interrupt it */
}

static void make_pools(void)
{
    pk_heap *odd, *same;
    pk_shared_pool *messages;
    pk_heap_create(&session, &(pk_heap_opts){.name = "session", .limit = 64 << 20});
    pk_heap_create(&odd, &(pk_heap_opts){.name = "odd \" \\ \n \xFF \xC3\xA9"});
    pk_heap_create(&same, &(pk_heap_opts){.name = "session"});
    pk_shared_pool_create(&messages, &(pk_block_pool_opts){.block_size = 100, .name = "messages"},
                          PK_PER_THREAD);
    pk_arena_init(&requests, &(pk_arena_opts){.name = "requests"});
    pk_block_pool_init(&nodes, &(pk_block_pool_opts){.block_size = 48, .name = "nodes"});
    void *gone = pk_heap_alloc(session, 3000), *kept = pk_heap_alloc(session, 3000);
    pk_heap_free(gone);
    printf("small %p freed %p run %p large %p message %p request %p node %p ready\n", kept, gone,
           pk_heap_alloc(session, 100000), pk_heap_alloc(session, 9000000),
           pk_shared_pool_alloc(messages), pk_arena_alloc(&requests, 5000),
           pk_block_pool_alloc(&nodes));
    pk_heap_stats(session, &shown);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "exit";
    pthread_t thread;
    make_pools();
    if (strcmp(what, "own") == 0) signal(SIGUSR2, handler);
    if (strcmp(what, "other") == 0) {
        pthread_create(&thread, NULL, allocate_and_rest, session);
    }
    if (strcmp(what, "thread") == 0) pthread_create(&thread, NULL, use_arena, NULL);
    if (strcmp(what, "fork") == 0 && fork() != 0) {
        wait(NULL);
    } else if (strcmp(what, "exit") != 0 && strcmp(what, "thread") != 0) {
        wait_for_end();
    }
    return 0;
}
