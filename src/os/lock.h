/* SPDX-License-Identifier: MIT
 * lock.h: a small lock that needs no initialisation beyond zeros, never allocates, and knows its
 * holder, so that a signal handler can tell that it interrupted its own thread inside.
 *
 *   word   0 free; else the holder's tag, + 1 if somebody may be waiting
 *
 * Holder and state are one word, so that there is no moment in which a signal handler sees the one
 * without the other. Taking is an acquire that pairs with the release of the holder before.
 *
 * A holder may not take its lock again, with one exception: the thread that forks holds all locks
 * while the program's own fork handlers run and allocate (depth counts that). */
#ifndef PKI_OS_LOCK_H
#define PKI_OS_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

typedef struct {
    _Atomic uintptr_t word;
    uintptr_t depth; /* times taken again by the holder */
} pki_lock;

/* Its address, an even number, names the calling thread, also in the child of a fork; its value counts the
 * locks that the thread has or is just taking: so a fork in a signal handler knows that it interrupted. */
extern PKI_THREAD_LOCAL long pki_thread_tag;

/* The tag of the thread that holds all locks for a fork, or 0. Only that thread trusts it. */
extern _Atomic uintptr_t pki_lock_forking;

void pki_lock_wait(pki_lock *lock);
void pki_lock_wake(pki_lock *lock);

/* Takes the lock if that is possible within so many milliseconds. */
bool pki_lock_take_within(pki_lock *lock, unsigned ms);

static inline uintptr_t pki_lock_me(void) { return (uintptr_t)&pki_thread_tag; }

static inline bool pki_lock_is_mine(pki_lock *lock)
{
    uintptr_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
    return (word & ~(uintptr_t)1) == pki_lock_me();
}

static inline bool pki_lock_i_am_forking(void)
{
    return atomic_load_explicit(&pki_lock_forking, memory_order_relaxed) == pki_lock_me();
}

/* Did a signal handler interrupt this very thread while it held the lock? Then what the lock
 * protects is half changed. */
static inline bool pki_lock_is_interrupted(pki_lock *lock)
{
    return pki_unlikely(pki_lock_is_mine(lock)) && !pki_lock_i_am_forking();
}

/* Without counting; lock_*.c has the other use. */
static inline bool pki_lock_grab(pki_lock *lock)
{
    uintptr_t expected = 0;
    return atomic_compare_exchange_strong_explicit(&lock->word, &expected, pki_lock_me(),
                                                   memory_order_acquire, memory_order_relaxed);
}

static inline bool pki_lock_try(pki_lock *lock)
{
    pki_thread_tag++;
    bool taken = pki_lock_grab(lock);
    pki_thread_tag -= !taken;
    return taken;
}

static inline void pki_lock_take(pki_lock *lock)
{
    pki_thread_tag++;
    if (pki_unlikely(!pki_lock_grab(lock))) {
        pki_lock_wait(lock);
    }
}

/* The same, but false if a signal handler interrupted this very thread inside. */
static inline bool pki_lock_enter(pki_lock *lock)
{
    pki_thread_tag++;
    if (pki_unlikely(!pki_lock_grab(lock))) {
        if (pki_lock_is_interrupted(lock)) {
            pki_thread_tag--;
            return false;
        }
        pki_lock_wait(lock);
    }
    return true;
}

static inline void pki_lock_give(pki_lock *lock)
{
    pki_thread_tag--;
    if (pki_unlikely(lock->depth > 0)) {
        lock->depth--;
        return;
    }
    uintptr_t word = atomic_exchange_explicit(&lock->word, 0, memory_order_release);
    if (pki_unlikely((word & 1) != 0)) {
        pki_lock_wake(lock);
    }
}

/* In the child of a fork: nobody waits, whoever held it. */
static inline void pki_lock_reset(pki_lock *lock)
{
    lock->depth = 0;
    atomic_store_explicit(&lock->word, 0, memory_order_release);
}

#endif /* PKI_OS_LOCK_H */
