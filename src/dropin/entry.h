/* SPDX-License-Identifier: MIT
 * entry.h: what operator new and delete need of the process heap, in terms that C++ can read: the
 * heap's own headers use C11 atomics. */
#ifndef PKI_DROPIN_ENTRY_H
#define PKI_DROPIN_ENTRY_H

#include <stddef.h>

/* From the thread's stack of free blocks, or NULL: then pki_entry_alloc. */
void *pki_entry_quick(size_t n);
void *pki_entry_quick_aligned(size_t n, size_t align);

/* The alignment is any power of two; NULL if it is none. `site` is where the program's call returns to. */
void *pki_entry_alloc(size_t n, size_t align, const void *site);

void pki_entry_free(void *p);
void pki_entry_free_sized(void *p, size_t n);
void pki_entry_abort(void);

#endif /* PKI_DROPIN_ENTRY_H */
