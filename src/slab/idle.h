/* SPDX-License-Identifier: MIT
 * idle.h: memory goes back in a process that does nothing more. All other purging is done by threads
 * that allocate or free; when they stop, what they left behind would stay resident for ever.
 *
 *                 the space has grown by IDLE_FROM
 *   allowed ──────────────────────────────────────► awake: each 100 ms what is not needed goes back
 *                                                    │  ▲
 *                nothing to do three times in a row  ▼  │  somebody allocates or frees again
 *                                                   parked: sleeps, no timer
 *
 * The thread is made once, and not before the space has grown; a small program never has one. It
 * blocks all signals, takes locks as any other thread, and is gone in the child of a fork, which may
 * have one of its own. POOLKIT_OPTIONS=background=off forbids it. */
#ifndef PKI_SLAB_IDLE_H
#define PKI_SLAB_IDLE_H

#include "slab/space.h"

/* The drop-in says once, for the process heap, that there may be such a thread. */
void pki_idle_allow(pki_space *space);

/* From slow paths, with no lock held: `space` is in use, and has grown by so many bytes since the last
 * call of this owner. Mostly two loads. */
void pki_idle_look(const pki_space *space, size_t grown);

/* In the child of a fork. */
void pki_idle_after_fork(void);

#endif /* PKI_SLAB_IDLE_H */
