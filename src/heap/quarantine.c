/* SPDX-License-Identifier: MIT
 * quarantine.c: see quarantine.h. */
#include "heap/quarantine.h"

/* There is room: whoever enters one lets the oldest leave before the next, if the queue is full. */
static void append(pki_quarantine *q, pki_quarantined block)
{
    q->queue[(q->first + q->n) % PKI_QUARANTINE_QUEUE] = block;
    q->n++;
}

static pki_quarantined take_oldest(pki_quarantine *q)
{
    pki_quarantined oldest = q->queue[q->first];
    q->first = (q->first + 1) % PKI_QUARANTINE_QUEUE;
    q->n--;
    q->weight -= oldest.weight;
    return oldest;
}

void pki_quarantine_enter(pki_quarantine *q, pki_quarantined block, uint64_t random)
{
    pki_quarantined *place = &q->mixed[random % PKI_QUARANTINE_MIXED];
    q->weight += block.weight;
    if (place->p != NULL) {
        append(q, *place);
    } else {
        q->n_mixed++;
    }
    *place = block;
}

static bool take_mixed(pki_quarantine *q, pki_quarantined *out)
{
    for (unsigned i = 0; q->n_mixed > 0 && i < PKI_QUARANTINE_MIXED; i++) {
        if (q->mixed[i].p != NULL) {
            *out = q->mixed[i];
            q->mixed[i].p = NULL;
            q->n_mixed--;
            q->weight -= out->weight;
            return true;
        }
    }
    return false;
}

bool pki_quarantine_leave(pki_quarantine *q, size_t bound, pki_quarantined *out)
{
    if (q->weight <= bound && q->n < PKI_QUARANTINE_QUEUE) {
        return false;
    }
    if (q->n == 0) {
        return take_mixed(q, out);
    }
    *out = take_oldest(q);
    return true;
}
