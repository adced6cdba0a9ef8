/* SPDX-License-Identifier: MIT
 * lock_linux.c: waiting for a lock on a futex. After U. Drepper, "Futexes Are Tricky" (2011), the
 * lock with three states. */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/lock.h"

PKI_THREAD_LOCAL char pki_thread_tag;
_Atomic(const void *) pki_lock_forking;

/* A critical section is below a microsecond: look that often before going to sleep. */
enum { SPINS = 100 };

static bool spin(pki_lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&lock->state, memory_order_relaxed) == 0 && pki_lock_try(lock)) {
            return true;
        }
        atomic_signal_fence(memory_order_seq_cst);
    }
    return false;
}

PKI_COLD void pki_lock_wait(pki_lock *lock)
{
    if (pki_lock_is_mine(lock)) {
        lock->depth++;
        return;
    }
    int saved_errno = errno;
    if (!spin(lock)) {
        while (atomic_exchange_explicit(&lock->state, 2, memory_order_acquire) != 0) {
            syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
        }
        atomic_store_explicit(&lock->holder, &pki_thread_tag, memory_order_relaxed);
    }
    errno = saved_errno;
}

PKI_COLD void pki_lock_wake(pki_lock *lock)
{
    int saved_errno = errno;
    syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved_errno;
}
