/* SPDX-License-Identifier: MIT
 * thread.c: see thread.h. */
#include "slab/thread.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "os/process.h"
#include "slab/fork.h"
#include "slab/meta.h"

enum { SLOTS = 1 << 16, FIRST_TABLE = 4 };

static struct {
    pki_lock lock; /* the first of poolkit's locks: see space.h */
    pki_space *space[SLOTS];
    uint32_t n;          /* slots ever used */
    uint32_t first_free; /* no slot below it is free */
    uint64_t last_serial;
    _Atomic bool hooks_made; /* written under the lock; acquire pairs with that release */
} spaces;

PKI_THREAD_LOCAL pki_thread pki_this_thread;

static void (*on_leave)(pki_space *space);

void pki_thread_on_leave(void (*fn)(pki_space *space)) { on_leave = fn; }

/* ---- thread exit ---- */

/* Spaces are destroyed by other threads: only what the table of spaces still knows is left. */
static void leave_all(pki_thread *thread)
{
    pki_lock_take(&spaces.lock);
    for (uint32_t slot = 0; slot < thread->n; slot++) {
        pki_space *space = slot < spaces.n ? spaces.space[slot] : NULL;
        pki_attachment *attachment = &thread->of_slot[slot];
        if (space != NULL && attachment->owner != NULL && attachment->serial == space->serial) {
            if (on_leave != NULL) {
                on_leave(space);
            }
            pki_owner_leave(attachment->owner);
        }
    }
    pki_lock_give(&spaces.lock);
}

static void thread_exit(bool last)
{
    int saved_errno = errno;
    pki_thread *thread = &pki_this_thread;
    thread->ended = last;
    thread->last = (pki_attachment){0, NULL};
    if (thread->n > 0) {
        leave_all(thread);
    }
    pki_meta_free(thread->of_slot, thread->n * sizeof *thread->of_slot);
    thread->of_slot = NULL;
    thread->n = 0;
    errno = saved_errno;
}

/* ---- attaching ---- */

/* Registering the fork handlers may allocate: the flag is set first, so that such a call finds it done.
 * Making the key does not; it is made under the lock, before any other thread goes on. */
void pki_thread_make_hooks(void)
{
    if (pki_likely(atomic_load_explicit(&spaces.hooks_made, memory_order_acquire))) {
        return;
    }
    pki_lock_take(&spaces.lock);
    bool make = !atomic_load_explicit(&spaces.hooks_made, memory_order_relaxed);
    if (make) {
        pki_os_thread_exit_init(thread_exit);
        atomic_store_explicit(&spaces.hooks_made, true, memory_order_release);
    }
    pki_lock_give(&spaces.lock);
    if (make) {
        pki_fork_init();
    }
}

static bool grow_table(pki_thread *thread, uint32_t slot)
{
    uint32_t n = thread->n == 0 ? FIRST_TABLE : thread->n;
    while (n <= slot) {
        n *= 2;
    }
    pki_attachment *table = pki_meta_alloc(n * sizeof *table);
    if (table == NULL) {
        return false;
    }
    if (thread->n > 0) {
        memcpy(table, thread->of_slot, thread->n * sizeof *table);
    }
    pki_meta_free(thread->of_slot, thread->n * sizeof *table);
    thread->of_slot = table;
    thread->n = n;
    return true;
}

PKI_COLD pki_owner *pki_thread_attach(pki_space *space)
{
    pki_thread *thread = &pki_this_thread;
    if (space->watched) {
        pki_thread_make_hooks(); /* its threads have no records, but its locks are to be whole in a child */
    }
    if (space->watched || space->checked || thread->ended ||
        (space->slot >= thread->n && !grow_table(thread, space->slot))) {
        return NULL;
    }
    pki_owner *owner = pki_owner_adopt(space);
    if (owner != NULL) {
        thread->of_slot[space->slot] = (pki_attachment){space->serial, owner};
        pki_thread_make_hooks();
        pki_os_watch_thread();
    }
    return owner;
}

void pki_thread_tick(pki_space *space)
{
    pki_owner *owner = pki_thread_owner(space);
    if (owner != NULL) {
        pki_owner_tick(owner);
    } else {
        pki_space_tick(space, pki_os_milliseconds());
    }
}

size_t pki_thread_trim(pki_space *space, size_t keep)
{
    int saved_errno = errno;
    pki_owner *mine = pki_thread_owner(space);
    if (mine != NULL) {
        pki_owner_flush(mine);
    }
    size_t bytes = pki_owners_purge(space);
    bytes += pki_space_trim(space, keep);
    errno = saved_errno;
    return bytes;
}

/* ---- the table of spaces ---- */

bool pki_space_register(pki_space *space)
{
    pki_lock_take(&spaces.lock);
    uint32_t slot = spaces.first_free;
    while (slot < spaces.n && spaces.space[slot] != NULL) {
        slot++;
    }
    bool registered = slot < SLOTS;
    if (registered) {
        spaces.space[slot] = space;
        spaces.n = (uint32_t)pki_max(spaces.n, slot + 1);
        spaces.first_free = slot + 1;
        space->slot = slot;
        space->serial = ++spaces.last_serial;
    }
    pki_lock_give(&spaces.lock);
    return registered;
}

void pki_space_unregister(pki_space *space)
{
    pki_lock_take(&spaces.lock);
    spaces.space[space->slot] = NULL;
    spaces.first_free = (uint32_t)pki_min(spaces.first_free, space->slot);
    pki_lock_give(&spaces.lock);
}

void pki_spaces_each(void (*fn)(pki_space *space, bool arg), bool arg)
{
    for (uint32_t slot = 0; slot < spaces.n; slot++) {
        if (spaces.space[slot] != NULL) {
            fn(spaces.space[slot], arg);
        }
    }
}

void pki_spaces_visit(void (*fn)(pki_space *space, void *arg), void *arg)
{
    pki_lock_take(&spaces.lock);
    for (uint32_t slot = 0; slot < spaces.n; slot++) {
        if (spaces.space[slot] != NULL) {
            fn(spaces.space[slot], arg);
        }
    }
    pki_lock_give(&spaces.lock);
}

pki_space *pki_space_around(const void *p)
{
    pki_space *found = NULL;
    pki_lock_take(&spaces.lock);
    for (uint32_t slot = 0; slot < spaces.n && found == NULL; slot++) {
        pki_space *space = spaces.space[slot];
        if (space != NULL && pki_space_has_large_around(space, p)) {
            found = space;
        }
    }
    pki_lock_give(&spaces.lock);
    return found;
}

void pki_spaces_before_fork(void) { pki_fork_take(&spaces.lock); }
void pki_spaces_after_fork(bool in_child) { pki_fork_give_last(&spaces.lock, in_child); }
