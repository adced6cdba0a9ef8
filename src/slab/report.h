/* SPDX-License-Identifier: MIT
 * report.h: questions about a whole space: statistics, a walk over its blocks, the deep audit. All
 * take every lock of the space at once; none changes what the program sees. */
#ifndef PKI_SLAB_REPORT_H
#define PKI_SLAB_REPORT_H

#include <poolkit/stats.h>

#include "slab/owner.h"

void pki_space_freeze(pki_space *space);
void pki_space_thaw(pki_space *space);

void pki_space_stats(pki_space *space, pk_stats *out);

/* Empties every owner's stacks and outboxes first: no other thread may use the space. */
bool pki_space_walk(pki_space *space, bool (*fn)(void *arg, void *p, size_t n, bool live),
                    void *arg);

/* The same while the space is frozen; what is in stacks and outboxes counts as in use. fn takes no lock. */
bool pki_space_walk_frozen(const pki_space *space,
                           bool (*fn)(void *arg, void *p, size_t n, bool live), void *arg);

/* Compares every record with every other: how many invariants are broken, and the first one. */
size_t pki_space_audit(pki_space *space, char *text, size_t text_size);

/* ---- what the audits share; slab_audit.c ---- */

typedef struct {
    size_t broken;
    char *text; /* NULL: only counted */
    size_t text_size;
} pki_findings;

/* Counts a broken invariant unless `holds`. `what` begins with its number: "S2: …". */
void pki_expect(pki_findings *findings, bool holds, const char *what, const void *where);

/* S2, S3 and S4 of one slab. */
void pki_audit_slab_bits(const pki_slab *slab, pki_findings *findings);

/* The two parts of the audit of a space. */
void pki_audit_space(pki_space *space, pki_findings *findings);
void pki_audit_owners(pki_space *space, pki_findings *findings);

#endif /* PKI_SLAB_REPORT_H */
