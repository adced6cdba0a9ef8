/* SPDX-License-Identifier: MIT
 * process_linux.c: process.h on Linux and pthreads. */
#include "os/process.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"

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
 * Destructors of all keys run in rounds, PTHREAD_DESTRUCTOR_ITERATIONS (4) at most. Setting our key
 * anew in all rounds but the last puts ours behind the program's own destructors. */
enum { LAST_ROUND = PKI_LAST_DESTRUCTOR_ROUND };

static pthread_key_t exit_key;
static _Atomic bool exit_key_made;
static void (*thread_exit_function)(void);

static void exit_round(void *round)
{
    uintptr_t next = (uintptr_t)round + 1;
    if (next > LAST_ROUND || pthread_setspecific(exit_key, (void *)next) != 0) {
        thread_exit_function();
    }
}

bool pki_os_thread_exit_init(void (*at_exit)(void))
{
    thread_exit_function = at_exit;
    bool made = pthread_key_create(&exit_key, exit_round) == 0;
    atomic_store_explicit(&exit_key_made, made, memory_order_release);
    return made;
}

void pki_os_watch_thread(void)
{
    if (atomic_load_explicit(&exit_key_made, memory_order_acquire)) {
        int saved_errno = errno;
        pthread_setspecific(exit_key, (void *)(uintptr_t)1);
        errno = saved_errno;
    }
}

bool pki_os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    return pthread_atfork(before, parent, child) == 0;
}
