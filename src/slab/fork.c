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

static pki_lock *held_before[RANKS];
static unsigned n_held_before;

void pki_fork_take(pki_lock *lock)
{
    if (!pki_lock_is_mine(lock)) {
        pki_lock_take(lock);
    } else if (n_held_before < RANKS) {
        held_before[n_held_before++] = lock;
    }
}

static bool was_held_before(const pki_lock *lock)
{
    for (unsigned i = 0; i < n_held_before; i++) {
        if (held_before[i] == lock) {
            return true;
        }
    }
    return false;
}

void pki_fork_give(pki_lock *lock, bool in_child)
{
    if (was_held_before(lock)) {
        return;
    }
    if (in_child) {
        pki_lock_reset(lock);
    } else {
        pki_lock_give(lock);
    }
}

/* Behind it the next thread may fork. */
void pki_fork_give_last(pki_lock *lock, bool in_child)
{
    bool keep = was_held_before(lock);
    n_held_before = 0;
    if (!keep) {
        pki_fork_give(lock, in_child);
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
    pki_spaces_before_fork();
    pki_spaces_each(before_space, false);
    pki_owner_ids_before_fork();
    pki_meta_before_fork();
    pki_fork_take(pki_fault_lock());
    if (n_held_before == 0) {
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
}

bool pki_fork_init(void) { return pki_os_at_fork(before, after_in_parent, after_in_child); }
