/* SPDX-License-Identifier: MIT
 * entry.h: what operator new and delete need of the process heap, in terms that C++ can read: the
 * heap's own headers use C11 atomics. */
#ifndef PKI_DROPIN_ENTRY_H
#define PKI_DROPIN_ENTRY_H

#include <stddef.h>

void *pki_entry_malloc(size_t n);
void *pki_entry_alloc(size_t n, size_t align); /* any power of two; NULL if it is none */
void pki_entry_free(void *p);
void pki_entry_abort(void);

#endif /* PKI_DROPIN_ENTRY_H */
