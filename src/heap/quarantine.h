/* SPDX-License-Identifier: MIT
 * quarantine.h: freed blocks wait here before they can be handed out again, so that a write through a
 * stale pointer meets a block that is nobody's, and is found when the block leaves.
 *
 *   freed ──► mixed[random] ──► what stood there ──► queue, oldest first ──► leaves
 *
 * The mixed ones make the order in which blocks leave unknown; the queue keeps each for a while. It is
 * bounded by the memory that waits in it. Under its lane's lock (checked.h). */
#ifndef PKI_HEAP_QUARANTINE_H
#define PKI_HEAP_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PKI_QUARANTINE_MIXED = 32, PKI_QUARANTINE_QUEUE = 1024 };

typedef struct {
    void *p;
    size_t usable;   /* bytes that the program could use    */
    uint32_t weight; /* bytes of memory that it keeps, >= 1 */
    bool shut;       /* its pages may not be touched        */
} pki_quarantined;

typedef struct {
    pki_quarantined mixed[PKI_QUARANTINE_MIXED]; /* p == NULL: a free place */
    pki_quarantined queue[PKI_QUARANTINE_QUEUE]; /* a ring */
    uint32_t first;
    uint32_t n;    /* in the queue */
    size_t weight; /* of all of them         */
    size_t usable;
    uint32_t n_all; /* blocks: those of the queue and the mixed ones */
} pki_quarantine;

/* Takes the block in. */
void pki_quarantine_enter(pki_quarantine *q, const pki_quarantined *block, uint64_t random);

/* Takes the oldest out if more than `bound` bytes wait, or the queue is full. */
bool pki_quarantine_leave(pki_quarantine *q, size_t bound, pki_quarantined *out);

#endif /* PKI_HEAP_QUARANTINE_H */
