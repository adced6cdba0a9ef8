/* SPDX-License-Identifier: MIT
 * thread.h: which owner the calling thread has in which space, and the table of all spaces.
 *
 *   space ── slot ──► this thread's table [slot] ──► { serial, owner }
 *
 * A space has a slot number while it lives and a serial number for ever: an entry that a destroyed
 * space left behind does not match the next space in its slot, and is never followed. */
#ifndef PKI_SLAB_THREAD_H
#define PKI_SLAB_THREAD_H

#include "slab/owner.h"

typedef struct {
    uint64_t serial;
    pki_owner *owner;
} pki_attachment;

typedef struct {
    pki_attachment *of_slot;
    uint32_t n;
    pki_attachment last; /* of a shared pool: the one last used; serial 0: none */
    bool ended;          /* past its end: the thread's late destructors run */
} pki_thread;

extern PKI_THREAD_LOCAL pki_thread pki_this_thread;

/* The calling thread's owner in the space, NULL if it has none yet. */
PKI_INLINE pki_owner *pki_thread_owner(const pki_space *space)
{
    const pki_thread *thread = &pki_this_thread;
    if (pki_likely(space->slot < thread->n &&
                   thread->of_slot[space->slot].serial == space->serial)) {
        return thread->of_slot[space->slot].owner;
    }
    return NULL;
}

/* Gives the calling thread an owner in the space. NULL: no memory, or the thread has ended; it is
 * then served by the space's late owner. */
pki_owner *pki_thread_attach(pki_space *space);

/* Has the process tell of its forks and of its threads' ends; once. May allocate. */
void pki_thread_make_hooks(void);

/* Called for each space with an owner of the ending thread, before that owner is left. */
void pki_thread_on_leave(void (*fn)(pki_space *space));

/* Gives back what the calling thread and the space hold back, but `keep` bytes; returns how many. */
size_t pki_thread_trim(pki_space *space, size_t keep);

/* Enters the space in the table; false if there is no slot. */
bool pki_space_register(pki_space *space);
void pki_space_unregister(pki_space *space);

/* The space with a large block that `p` points into, NULL if there is none. */
pki_space *pki_space_around(const void *p);

/* Calls fn for every space, and holds the table's lock meanwhile. */
void pki_spaces_visit(void (*fn)(pki_space *space, void *arg), void *arg);

/* Calls fn for every space; the table's lock is held, or the process is between two forks. */
void pki_spaces_each(void (*fn)(pki_space *space, bool arg), bool arg);
void pki_spaces_before_fork(void);
void pki_spaces_after_fork(bool in_child);

#endif /* PKI_SLAB_THREAD_H */
