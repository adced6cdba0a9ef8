/* SPDX-License-Identifier: MIT
 * shim.h: what the files of the counting library share.
 *
 * ledger.c the figures of this process: counts, live bytes, resident heap, the shared record
 * live.c   the table of live blocks, address to requested size
 */
#ifndef POOLKIT_SHIM_SHIM_H
#define POOLKIT_SHIM_SHIM_H

#include "interpose.h"

/* live.c: false when the table cannot grow. */
bool pki_live_add(uintptr_t block, size_t size);
bool pki_live_remove(uintptr_t block, size_t *size);
/* Memory that the table itself keeps resident. */
size_t pki_live_bytes(void);
/* In the child of a fork: locks that other threads held are nobody's now. */
void pki_live_after_fork(void);

#endif
