/* SPDX-License-Identifier: MIT
 * lock_linux.c: waiting for a lock on a futex, which looks at the lower half of the word. After U.
 * Drepper, "Futexes Are Tricky" (2011), the lock with three states. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/futex_linux.h"
#include "os/lock.h"
#include "os/process.h"

PKI_THREAD_LOCAL long pki_thread_tag;
_Atomic uintptr_t pki_lock_forking;

/* A critical section is mostly below two microseconds (62 blocks brought home): look that often before
 * going to sleep, which costs more. One thread allocates, another frees, ns a block: without the
 * pause 36 to 87 for 100 looks, 21 to 30 for 1,000; with it 23 to 28 for 100, 19 to 24 for 300. */
enum { SPINS = 300 };

/* Tells the processor that this is a wait, so that the other thread of its core goes first. */
static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

static bool spin(pki_lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 && pki_lock_grab(lock)) {
            return true;
        }
        relax();
    }
    return false;
}

static void sleep_while(pki_lock *lock, uintptr_t word)
{
    syscall(SYS_futex, &lock->word, PKI_FUTEX_WAIT, (uint32_t)word, NULL, NULL, 0);
}

/* Takes the lock marked as waited for: others may sleep besides this thread. */
static void sleep_until_taken(pki_lock *lock)
{
    for (;;) {
        uintptr_t word = 0;
        if (atomic_compare_exchange_strong_explicit(&lock->word, &word, pki_lock_me() | 1,
                                                    memory_order_acquire, memory_order_relaxed)) {
            return;
        }
        bool marked = (word & 1) != 0 ||
                      atomic_compare_exchange_strong_explicit(
                          &lock->word, &word, word | 1, memory_order_relaxed, memory_order_relaxed);
        if (marked) {
            sleep_while(lock, word | 1);
        }
    }
}

/* Going on would change records that are half changed already; waiting would be for ever. */
static void take_again(pki_lock *lock)
{
    static const char text[] = "poolkit: called by a signal handler that interrupted poolkit\n";
    if (!pki_lock_i_am_forking()) {
        pki_os_write_error(text, sizeof text - 1);
        pki_os_abort();
    }
    lock->depth++;
}

PKI_COLD void pki_lock_wait(pki_lock *lock)
{
    if (pki_lock_is_mine(lock)) {
        take_again(lock);
        return;
    }
    int saved_errno = errno;
    if (!spin(lock)) {
        sleep_until_taken(lock);
    }
    errno = saved_errno;
}

bool pki_lock_take_within(pki_lock *lock, unsigned ms)
{
    int saved_errno = errno;
    bool taken = pki_lock_grab(lock) || spin(lock);
    for (; !taken && ms > 0; ms--) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        taken = pki_lock_grab(lock);
    }
    pki_thread_tag += taken;
    errno = saved_errno;
    return taken;
}

PKI_COLD void pki_lock_wake(pki_lock *lock)
{
    int saved_errno = errno;
    syscall(SYS_futex, &lock->word, PKI_FUTEX_WAKE, 1, NULL, NULL, 0);
    errno = saved_errno;
}
