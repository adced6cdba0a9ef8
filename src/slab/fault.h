/* SPDX-License-Identifier: MIT
 * fault.h: the one way by which a caller's bug is reported. */
#ifndef PKI_SLAB_FAULT_H
#define PKI_SLAB_FAULT_H

#include <poolkit/fault.h>

/* Tells the process's handler; returns only if that handler does. No lock may be held. */
void pki_fault_report(pk_fault_kind kind, const char *pool_name, const void *p);

#endif /* PKI_SLAB_FAULT_H */
