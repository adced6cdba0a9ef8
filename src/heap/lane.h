/* SPDX-License-Identifier: MIT
 * lane.h: what the threads of a checked heap share: an owner and a quarantine for every eighth of them.
 * Inside checked*.c and lane.c only. */
#ifndef PKI_HEAP_LANE_H
#define PKI_HEAP_LANE_H

#include "heap/checked.h"

/* Puts a freed block in the calling thread's quarantine, and sends home what leaves it. */
void pki_lane_put(const pki_place *place, const pki_block *b, const pki_quarantined *entry);

/* A block leaves the quarantine: it is looked at, and goes home, or is reported. False: it cannot leave now,
 * as the system refuses to open its pages. */
bool pki_checked_leave(const pki_quarantined *entry);

/* The block was found damaged by `call`; n NULL: its size is not known. */
void pki_checked_report(const pki_place *place, const pki_block *b, pk_fault_kind kind,
                        const char *call, const size_t *n);

#endif /* PKI_HEAP_LANE_H */
