/* SPDX-License-Identifier: MIT
 * process_linux.c: process.h on Linux and pthreads. */
#include "os/process.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "os/futex_linux.h"
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

_Noreturn void pki_os_trap(void) { __builtin_trap(); }

/* dladdr neither allocates nor waits for anything but the loader's lock, which a thread may take twice. */
void pki_os_place_text(pki_text *text, const void *code)
{
    Dl_info info;
    if (dladdr(code, &info) == 0 || info.dli_fname == NULL) {
        pki_text_address(text, code);
        return;
    }
    const char *slash = strrchr(info.dli_fname, '/');
    pki_text_string(text, slash == NULL ? info.dli_fname : slash + 1);
    pki_text_string(text, "+");
    pki_text_address(text, (const void *)((uintptr_t)code - (uintptr_t)info.dli_fbase));
    if (info.dli_sname != NULL) {
        pki_text_string(text, " (");
        pki_text_string(text, info.dli_sname);
        pki_text_string(text, ")");
    }
}

uint64_t pki_os_random(void)
{
    int saved_errno = errno;
    uint64_t random = 0;
    if (syscall(SYS_getrandom, &random, sizeof random, GRND_NONBLOCK) != (long)sizeof random) {
        struct timespec now = {0, 0};
        clock_gettime(CLOCK_MONOTONIC, &now);
        random = (uint64_t)now.tv_nsec << 32 ^ (uintptr_t)&random;
    }
    errno = saved_errno;
    return random;
}

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

/* ---- a thread of our own ---- */

enum { OWN_STACK = 64 * 1024 };

/* They are counted with the process that they run in: a child of fork has none of them. */
static _Atomic uint64_t own_threads; /* process << 32 | number; relaxed, a plain number */

unsigned pki_os_own_threads(void)
{
    uint64_t known = atomic_load_explicit(&own_threads, memory_order_relaxed);
    return known >> 32 == (uint64_t)getpid() ? (unsigned)(known & UINT32_MAX) : 0;
}

static void count_own_thread(void)
{
    uint64_t known, next;
    do {
        known = atomic_load_explicit(&own_threads, memory_order_relaxed);
        next = (uint64_t)getpid() << 32 | (pki_os_own_threads() + 1);
    } while (!atomic_compare_exchange_weak(&own_threads, &known, next));
}

static void *run_for_ever(void *arg)
{
    void (*fn)(void);
    memcpy(&fn, &arg, sizeof fn);
    fn();
    return NULL;
}

/* The new thread inherits the mask: no signal handler of the program ever runs on its small stack. */
static bool start_blocked(const pthread_attr_t *attr, const char *name, void (*fn)(void))
{
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return false;
    }
    void *arg;
    memcpy(&arg, &fn, sizeof fn);
    pthread_t thread;
    bool started = pthread_create(&thread, attr, run_for_ever, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) {
        pthread_setname_np(thread, name);
        count_own_thread();
    }
    return started;
}

bool pki_os_start_thread(const char *name, void (*fn)(void))
{
    int saved_errno = errno;
    pthread_attr_t attr;
    bool started = false;
    if (pthread_attr_init(&attr) == 0) {
        size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);
        pthread_attr_setstacksize(&attr, OWN_STACK > least ? OWN_STACK : least);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        started = start_blocked(&attr, name, fn);
        pthread_attr_destroy(&attr);
    }
    errno = saved_errno;
    return started;
}

void pki_os_sleep(uint32_t milliseconds)
{
    struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

void pki_os_wait(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, PKI_FUTEX_WAIT, value, NULL, NULL, 0);
}

void pki_os_wake(_Atomic uint32_t *word)
{
    int saved_errno = errno;
    syscall(SYS_futex, word, PKI_FUTEX_WAKE, 1, NULL, NULL, 0);
    errno = saved_errno;
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
