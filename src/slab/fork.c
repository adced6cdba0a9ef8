/* SPDX-License-Identifier: MIT
 * fork.c: see fork.h. */
#include "slab/fork.h"

#include "os/process.h"
#include "slab/fault.h"
#include "slab/idle.h"
#include "slab/meta.h"
#include "slab/owner.h"
#include "slab/thread.h"

/* A thread is inside one lock of each rank at most, but for the one that looks at a whole space. */
enum { RANKS = 64 };

/* A fork from a signal handler that interrupted this thread inside a lock may wait for a thread that waits
 * for that lock: not for ever. All others get each lock within microseconds. */
enum { PATIENCE_MS = 500 };

typedef struct {
    pki_lock *lock[RANKS];
    unsigned n;
} lock_set;

static lock_set held_before; /* by this thread: the interrupted code goes on, also in the child */
static lock_set not_had;     /* by another thread, which is not there in the child              */
static PKI_THREAD_LOCAL long n_mine; /* locks that this thread had when it forked               */

static void remember(lock_set *set, pki_lock *lock)
{
    if (set->n < RANKS) {
        set->lock[set->n++] = lock;
    }
}

static bool is_in(const lock_set *set, const pki_lock *lock)
{
    for (unsigned i = 0; i < set->n; i++) {
        if (set->lock[i] == lock) {
            return true;
        }
    }
    return false;
}

void pki_fork_take(pki_lock *lock)
{
    if (pki_lock_is_mine(lock)) {
        remember(&held_before, lock);
    } else if (n_mine == 0) {
        pki_lock_take(lock);
    } else if (!pki_lock_take_within(lock, not_had.n == 0 ? PATIENCE_MS : 0)) {
        remember(&not_had, lock);
    }
}

/* Is it somebody else's to give, or the interrupted code's? */
static bool is_not_to_give(const pki_lock *lock, bool in_child)
{
    return is_in(&held_before, lock) || (!in_child && is_in(&not_had, lock));
}

static void give_or_reset(pki_lock *lock, bool in_child)
{
    if (in_child) {
        pki_lock_reset(lock);
    } else {
        pki_lock_give(lock);
    }
}

void pki_fork_give(pki_lock *lock, bool in_child)
{
    if (!is_not_to_give(lock, in_child)) {
        give_or_reset(lock, in_child);
    }
}

/* Behind it the next thread may fork. */
void pki_fork_give_last(pki_lock *lock, bool in_child)
{
    bool keep = is_not_to_give(lock, in_child);
    held_before.n = not_had.n = 0;
    if (!keep) {
        give_or_reset(lock, in_child);
    }
}

static void before_space(pki_space *space, bool unused)
{
    (void)unused;
    pki_owners_before_fork(space);
    pki_fork_take(&space->lock);
}

static void after_space(pki_space *space, bool in_child)
{
    pki_fork_give(&space->lock, in_child);
    pki_owners_after_fork(space, in_child);
}

static void before(void)
{
    n_mine = pki_thread_tag;
    pki_spaces_before_fork();
    pki_spaces_each(before_space, false);
    pki_owner_ids_before_fork();
    pki_meta_before_fork();
    pki_fork_take(pki_fault_lock());
    if (held_before.n == 0) {
        atomic_store_explicit(&pki_lock_forking, pki_lock_me(), memory_order_relaxed);
    }
}

static void after(bool in_child)
{
    atomic_store_explicit(&pki_lock_forking, 0, memory_order_relaxed);
    pki_fork_give(pki_fault_lock(), in_child);
    pki_meta_after_fork(in_child);
    pki_owner_ids_after_fork(in_child);
    pki_spaces_each(after_space, in_child);
    pki_spaces_after_fork(in_child);
}

static void after_in_parent(void) { after(false); }

static void after_in_child(void)
{
    pki_idle_after_fork();
    after(true);
    pki_thread_tag = n_mine;
}

bool pki_fork_init(void) { return pki_os_at_fork(before, after_in_parent, after_in_child); }
