/* SPDX-License-Identifier: MIT
 * shim.h: what the files of the counting shim share.
 *
 * count.c  the malloc family: forwards each call and reports it to the ledger
 * new.c    operator new and delete, likewise
 * ledger.c the figures of this process: counts, live bytes, resident heap, the shared record
 * live.c   the table of live blocks, address to requested size
 *
 * Nothing here may call malloc, and nothing may change errno behind the program's back.
 */
#ifndef POOLKIT_SHIM_SHIM_H
#define POOLKIT_SHIM_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PKI_EXPORT __attribute__((visibility("default")))

/* Greater than 0 while this thread is inside the next allocator: its calls of malloc are its own
 * business and are not counted again. */
extern _Thread_local int pki_depth __attribute__((tls_model("initial-exec")));

/* A function of the next library in the search order, or NULL. */
void *pki_next(const char *name);

/* The record of this process is opened by the first call that finds POOLKIT_COUNT_DIR. */
void pki_ledger_start(void);
void pki_ledger_alloc(void *block, size_t size);
/* Forgets a block before it is given back, so that whoever gets the address next finds it free. */
void pki_ledger_free(void *block);
size_t pki_ledger_take(void *block, bool *found);
void pki_ledger_moved(void *block, size_t size, size_t old_size, bool was_known);
void pki_ledger_put_back(void *block, size_t size);

/* live.c: false when the table cannot grow. */
bool pki_live_add(uintptr_t block, size_t size);
bool pki_live_remove(uintptr_t block, size_t *size);
/* Memory that the table itself keeps resident. */
size_t pki_live_bytes(void);
/* In the child of a fork: locks that other threads held are nobody's now. */
void pki_live_after_fork(void);

#endif
