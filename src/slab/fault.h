/* SPDX-License-Identifier: MIT
 * fault.h: the one way by which a caller's bug is reported. */
#ifndef PKI_SLAB_FAULT_H
#define PKI_SLAB_FAULT_H

#include <poolkit/fault.h>

#include "os/lock.h"

/* What follows a fault for which the program has no handler. */
typedef enum {
    PKI_FAULTS_ABORT,
    PKI_FAULTS_REPORT, /* nothing: the program goes on, the faulty call has no effect */
    PKI_FAULTS_TRAP    /* the processor's trap, where a debugger stops               */
} pki_faults;

extern pki_faults pki_fault_policy;

/* What a checked heap knows of the block at fault. */
typedef struct {
    size_t n; /* bytes that were asked for          */
    const void *allocated_at;
    const void *freed_at; /* NULL: not known, or not freed */
} pki_fault_block;

typedef struct {
    pk_fault_kind kind;
    const char *pool_name;
    const void *ptr;
    const char *call;             /* what was tried; NULL: "free" */
    const char *other;            /* PK_FAULT_OTHER_POOL: that pool's name */
    const pki_fault_block *block; /* NULL: not known */
} pki_fault;

/* Tells the process's handler; returns only if that handler does. No lock may be held. */
void pki_fault_tell(const pki_fault *fault);

/* The same for a free. */
void pki_fault_report(pk_fault_kind kind, const char *pool_name, const void *p);

/* Guards the process's handler; for fork.c. No other lock is taken while it is held. */
pki_lock *pki_fault_lock(void);

#endif /* PKI_SLAB_FAULT_H */
