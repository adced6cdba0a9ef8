/* SPDX-License-Identifier: MIT
 * fork.h: fork in a program with threads. Before the fork the forking thread takes every lock of
 * poolkit, in their order, so that the child finds whole records; afterwards both processes give
 * them back. A lock that the thread holds already (it forks from a signal handler that interrupted
 * poolkit) is left alone, in the child too: the interrupted code goes on there and gives it.
 *
 * The program's own fork handlers may run while the locks are held, and may allocate: their thread
 * takes the locks a second time (lock.h). */
#ifndef PKI_SLAB_FORK_H
#define PKI_SLAB_FORK_H

#include <stdbool.h>

#include "os/lock.h"

/* Between these two no other thread is in here: the first fork lock is held. */
void pki_fork_take(pki_lock *lock);
void pki_fork_give(pki_lock *lock, bool in_child);
void pki_fork_give_last(pki_lock *lock, bool in_child);

/* Registers the fork handlers; once. false: the system has no room for them. */
bool pki_fork_init(void);

#endif /* PKI_SLAB_FORK_H */
