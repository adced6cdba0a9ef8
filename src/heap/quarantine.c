/* SPDX-License-Identifier: MIT
 * quarantine.c: see quarantine.h. */
#include "heap/quarantine.h"

/* There is room: whoever enters one lets the oldest leave before the next, if the queue is full. */
static void append(pki_quarantine *q, const pki_quarantined *block)
{
    q->queue[(q->first + q->n) % PKI_QUARANTINE_QUEUE] = *block;
    q->n++;
}

void pki_quarantine_enter(pki_quarantine *q, const pki_quarantined *block, uint64_t random)
{
    pki_quarantined *place = &q->mixed[random % PKI_QUARANTINE_MIXED];
    q->weight += block->weight;
    q->usable += block->usable;
    q->n_all++;
    if (place->p != NULL) {
        append(q, place);
    }
    *place = *block;
}

static void oldest_leaves(pki_quarantine *q, pki_quarantined *out)
{
    *out = q->queue[q->first];
    q->first = (q->first + 1) % PKI_QUARANTINE_QUEUE;
    q->n--;
}

/* One at least is there. */
static void take_mixed(pki_quarantine *q, pki_quarantined *out)
{
    pki_quarantined *at = q->mixed;
    while (at->p == NULL) {
        at++;
    }
    *out = *at;
    at->p = NULL;
}

bool pki_quarantine_leave(pki_quarantine *q, size_t bound, pki_quarantined *out)
{
    if (q->weight <= bound && q->n < PKI_QUARANTINE_QUEUE) {
        return false;
    }
    if (q->n > 0) {
        oldest_leaves(q, out);
    } else {
        take_mixed(q, out);
    }
    q->weight -= out->weight;
    q->usable -= out->usable;
    q->n_all--;
    return true;
}
