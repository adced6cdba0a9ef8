#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# processes.sh: threads, forks, exec and every kind of end: what was written can be read.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"

# 20,000 threads one after the other need few rings; each is introduced and takes leave. A block
# freed by a destructor of thread-specific data, before and after ours, is seen.
compile churn <<'C'
#include <pthread.h>
#include <stdlib.h>
static pthread_key_t key[2];
static void again(void *block)
{
    static _Thread_local int round;
    free(block);
    if (round++ < 5) pthread_setspecific(key[1], malloc(24));
}
static void *work(void *arg)
{
    void *volatile block = malloc(100);
    free(block);
    pthread_setspecific(key[0], malloc(50));
    pthread_setspecific(key[1], malloc(60));
    return arg;
}
int main(void)
{
    free(malloc(1)); /* before these keys: our destructor comes first, and misses what follows */
    pthread_key_create(&key[0], free);
    pthread_key_create(&key[1], again);
    for (int i = 0; i < 5000; i++) {
        pthread_t thread[4];
        for (int j = 0; j < 4; j++) pthread_create(&thread[j], NULL, work, NULL);
        for (int j = 0; j < 4; j++) pthread_join(thread[j], NULL);
    }
    return 0;
}
C
record "-s cfi" ./churn
at_least malloc 140000
(($(came malloc) < 140100)) || fail "malloc is $(came malloc)"
at_least free 100000
at_least threads 20001
(($(came rings) < 16)) || fail "$(came rings) rings for 5 threads"
[[ $(came threads) == $(($(came thread_ends) + 1)) ]] || fail "threads that did not take leave"
is bad 0
images 'ended=1.*lost=0' 1

# A fork's child has an image of its own; so has one that is made without the C library.
compile forks <<'C'
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static void *thread(void *arg)
{
    free(malloc(78));
    return arg;
}
static void in_thread(void)
{
    pthread_t id;
    pthread_create(&id, NULL, thread, NULL);
    pthread_join(id, NULL);
}
static void child(int n)
{
    in_thread(); /* which must not get the ring of the parent's thread */
    for (int i = 0; i < n; i++) free(malloc(77));
    _exit(0);
}
int main(int argc, char **argv)
{
    char *const args[] = {argv[0], "leaf", NULL};
    pid_t pid;
    if (argc > 1) {
        free(malloc(1));
        return 0;
    }
    free(malloc(10));
    in_thread();
    if ((pid = fork()) == 0) child(1000);
    waitpid(pid, NULL, 0);
    if ((pid = (pid_t)syscall(SYS_fork)) == 0) child(100);
    waitpid(pid, NULL, 0);
    if ((pid = vfork()) == 0) {
        free(malloc(5));
        execve(argv[0], args, environ);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
    if (posix_spawn(&pid, argv[0], NULL, NULL, args, environ)) return 1;
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 10; i++) free(malloc(10));
    execve(argv[0], args, environ);
    return 1;
}
C
record "-s cfi" ./forks
is malloc $((1 + 1 + 1001 + 101 + 1 + 1 + 1 + 10 + 1))
is bad 0
images 'forked=1' 2
images 'forked=0' 4
images 'ended=1' 3

# Killed in the middle: all that was done is there.
compile killed <<'C'
#include <signal.h>
#include <stdlib.h>
int main(void)
{
    for (int i = 0; i < 30000; i++) (void)!malloc(8);
    raise(SIGKILL);
    return 0;
}
C
wanted=137
record "" ./killed
wanted=0
is malloc 30000
images 'ended=0' 1

# The reader is killed: the program goes on after a while, though its ring is full.
compile survivor <<'C'
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    for (int i = 0; i < 200000; i++) free(malloc(8));
    FILE *done = fopen("done", "w");
    return done ? fclose(done) : 1;
}
C
"$drain" -x "$library" ./survivor >/dev/null
for _ in $(seq 100); do
    [[ -e done ]] && break
    sleep 0.2
done
[[ -e done ]] || fail "the program waits for a reader that is dead"

# No folder, a folder that is not one of a recording: the program runs as ever.
POOLKIT_RECORD_DIR=/nowhere LD_PRELOAD=$library ./forks leaf || fail "a missing folder disturbs"
mkdir empty
POOLKIT_RECORD_DIR=$work/empty LD_PRELOAD=$library ./forks leaf || fail "an empty folder disturbs"
[[ -z $(ls empty) ]] || fail "files in a folder of nobody"
finish
