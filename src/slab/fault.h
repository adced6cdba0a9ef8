/* SPDX-License-Identifier: MIT
 * fault.h: the one way by which a caller's bug is reported. */
#ifndef PKI_SLAB_FAULT_H
#define PKI_SLAB_FAULT_H

#include <poolkit/fault.h>

typedef struct {
    pk_fault_kind kind;
    const char *pool_name;
    const void *ptr;
    const char *call;  /* what was tried; NULL: "free" */
    const char *other; /* PK_FAULT_OTHER_POOL: that pool's name */
} pki_fault;

/* Tells the process's handler; returns only if that handler does. No lock may be held. */
void pki_fault_tell(const pki_fault *fault);

/* The same for a free. */
void pki_fault_report(pk_fault_kind kind, const char *pool_name, const void *p);

#endif /* PKI_SLAB_FAULT_H */
