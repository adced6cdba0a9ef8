/* SPDX-License-Identifier: MIT
 * lock.h: a small lock that needs no initialisation beyond zeros, never allocates, and knows its
 * holder, so that a signal handler can tell that it interrupted its own thread inside.
 *
 * state: 0 free, 1 held, 2 held and somebody may be waiting. Taking is an acquire that pairs with
 * the release of the holder before. A holder may take it again (depth counts); the only one that
 * does is the thread that forks, which holds all locks while the program's own fork handlers run
 * and allocate. */
#ifndef PKI_OS_LOCK_H
#define PKI_OS_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

typedef struct {
    _Atomic uint32_t state;
    uint32_t depth;               /* times taken again by the holder                            */
    _Atomic(const void *) holder; /* the holder's pki_thread_tag: only its own thread trusts it */
} pki_lock;

/* Its address names the calling thread, also in the child of a fork. */
extern PKI_THREAD_LOCAL char pki_thread_tag;

void pki_lock_wait(pki_lock *lock);
void pki_lock_wake(pki_lock *lock);

static inline bool pki_lock_is_mine(pki_lock *lock)
{
    return atomic_load_explicit(&lock->holder, memory_order_relaxed) == &pki_thread_tag;
}

/* The tag of the thread that holds all locks for a fork, or NULL. Only that thread trusts it. */
extern _Atomic(const void *) pki_lock_forking;

/* Did a signal handler interrupt this very thread while it held the lock? Then what the lock
 * protects is half changed. */
static inline bool pki_lock_is_interrupted(pki_lock *lock)
{
    return pki_unlikely(pki_lock_is_mine(lock)) &&
           atomic_load_explicit(&pki_lock_forking, memory_order_relaxed) != &pki_thread_tag;
}

static inline bool pki_lock_try(pki_lock *lock)
{
    uint32_t free_state = 0;
    if (!atomic_compare_exchange_strong_explicit(&lock->state, &free_state, 1, memory_order_acquire,
                                                 memory_order_relaxed)) {
        return false;
    }
    atomic_store_explicit(&lock->holder, &pki_thread_tag, memory_order_relaxed);
    return true;
}

static inline void pki_lock_take(pki_lock *lock)
{
    if (pki_unlikely(!pki_lock_try(lock))) {
        pki_lock_wait(lock);
    }
}

static inline void pki_lock_give(pki_lock *lock)
{
    if (pki_unlikely(lock->depth > 0)) {
        lock->depth--;
        return;
    }
    atomic_store_explicit(&lock->holder, NULL, memory_order_relaxed);
    if (pki_unlikely(atomic_exchange_explicit(&lock->state, 0, memory_order_release) == 2)) {
        pki_lock_wake(lock);
    }
}

/* In the child of a fork: nobody waits, whoever held it. */
static inline void pki_lock_reset(pki_lock *lock)
{
    lock->depth = 0;
    atomic_store_explicit(&lock->holder, NULL, memory_order_relaxed);
    atomic_store_explicit(&lock->state, 0, memory_order_release);
}

#endif /* PKI_OS_LOCK_H */
