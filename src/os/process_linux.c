/* SPDX-License-Identifier: MIT
 * process_linux.c: process.h on Linux and pthreads. */
#include "os/process.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "os/lock.h"

uint64_t pki_os_milliseconds(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void pki_os_write_error(const char *text, size_t size)
{
    int saved_errno = errno;
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, text, size);
        if (written <= 0) {
            break;
        }
        text += written;
        size -= (size_t)written;
    }
    errno = saved_errno;
}

_Noreturn void pki_os_abort(void) { abort(); }

const char *pki_os_environment(const char *name) { return secure_getenv(name); }

/* ---- thread exit: a key's destructor ----
 * Destructors of all keys run in rounds, PTHREAD_DESTRUCTOR_ITERATIONS (4) at most, as long as keys
 * have values. Setting our key anew in each round lets us see what the program's own destructors
 * do between ours. A thread that calls us first in a later round has fewer of them. */
enum { LAST_ROUND = PKI_LAST_DESTRUCTOR_ROUND };

static pthread_key_t exit_key;
static _Atomic bool exit_key_made;
static void (*thread_exit_function)(bool last);

static void exit_round(void *round)
{
    uintptr_t next = (uintptr_t)round + 1;
    bool again = next <= LAST_ROUND && pthread_setspecific(exit_key, (void *)next) == 0;
    thread_exit_function(!again);
}

bool pki_os_thread_exit_init(void (*at_exit)(bool last))
{
    thread_exit_function = at_exit;
    bool made = pthread_key_create(&exit_key, exit_round) == 0;
    atomic_store_explicit(&exit_key_made, made, memory_order_release); /* pairs with the acquire */
    return made;
}

void pki_os_watch_thread(void)
{
    if (atomic_load_explicit(&exit_key_made, memory_order_acquire) &&
        pthread_getspecific(exit_key) == NULL) {
        int saved_errno = errno;
        pthread_setspecific(exit_key, (void *)(uintptr_t)1);
        errno = saved_errno;
    }
}

bool pki_os_on_thread_end(pki_thread_end_hook *hook, void (*fn)(void *arg), void *arg)
{
    static pki_lock lock;
    pki_lock_take(&lock);
    if (!hook->made) {
        pthread_key_t key;
        hook->made = pthread_key_create(&key, fn) == 0;
        hook->key = hook->made ? key : 0;
    }
    bool made = hook->made;
    pki_lock_give(&lock);
    return made && pthread_setspecific(hook->key, arg) == 0;
}

/* ---- fork ----
 * glibc's fork takes the lock of its list of streams after our handlers have run, and a thread inside
 * fflush(NULL) that holds it may wait for a stream whose reader waits for malloc. So that lock comes
 * before ours, as it does for glibc's own malloc. It may be taken twice by one thread. */
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
extern void _IO_list_resetlock(void) __attribute__((weak));

static struct {
    void (*before)(void);
    void (*parent)(void);
    void (*child)(void);
} fork_handlers;

static void before_fork(void)
{
    if (_IO_list_lock != NULL) {
        _IO_list_lock();
    }
    fork_handlers.before();
}

static void in_parent(void)
{
    fork_handlers.parent();
    if (_IO_list_unlock != NULL) {
        _IO_list_unlock();
    }
}

static void in_child(void)
{
    fork_handlers.child();
    if (_IO_list_resetlock != NULL) {
        _IO_list_resetlock();
    }
}

bool pki_os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    fork_handlers.before = before;
    fork_handlers.parent = parent;
    fork_handlers.child = child;
    return pthread_atfork(before_fork, in_parent, in_child) == 0;
}

/* ---- single locks ---- */

enum { FORK_LOCKS = 4 };

static struct {
    pki_lock lock;
    unsigned n;
    unsigned n_taken; /* for the fork that goes on */
    pki_lock *held[FORK_LOCKS];
} fork_locks;

static void take_fork_locks(void)
{
    pki_lock_take(&fork_locks.lock);
    fork_locks.n_taken = fork_locks.n;
    for (unsigned i = 0; i < fork_locks.n_taken; i++) {
        pki_lock_take(fork_locks.held[i]);
    }
}

static void give_fork_locks(void)
{
    for (unsigned i = 0; i < fork_locks.n_taken; i++) {
        pki_lock_give(fork_locks.held[i]);
    }
    pki_lock_give(&fork_locks.lock);
}

static void reset_fork_locks(void)
{
    for (unsigned i = 0; i < fork_locks.n_taken; i++) {
        pki_lock_reset(fork_locks.held[i]);
    }
    pki_lock_reset(&fork_locks.lock);
}

void pki_os_hold_at_fork(pki_lock *lock)
{
    pki_lock_take(&fork_locks.lock);
    bool first = fork_locks.n == 0;
    bool room = fork_locks.n < FORK_LOCKS;
    if (room) {
        fork_locks.held[fork_locks.n++] = lock;
    }
    pki_lock_give(&fork_locks.lock);
    assert(room);
    (void)room;
    if (first) {
        (void)pthread_atfork(take_fork_locks, give_fork_locks, reset_fork_locks);
    }
}
