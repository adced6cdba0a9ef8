/* SPDX-License-Identifier: MIT
 * checked_report.c: questions about a checked heap as a whole: figures, walk, audit. */
#include <string.h>

#include "base/bits.h"
#include "heap/heap_internal.h"
#include "slab/report.h"

/* ---- figures ---- */

void pki_checked_stats(pk_heap *heap, pk_stats *out)
{
    for (unsigned i = 0; i < PKI_LANES; i++) {
        pki_lane *lane = atomic_load_explicit(&heap->checked.lane[i], memory_order_acquire);
        if (lane != NULL) {
            pki_lock_take(&lane->owner->lock);
            out->n_live -= lane->quarantine.n_all;
            out->live -= lane->quarantine.usable;
            out->free_in_chunks += lane->quarantine.usable;
            pki_lock_give(&lane->owner->lock);
        }
    }
}

/* ---- walk ---- */

typedef struct {
    pk_heap_walk_fn *fn;
    void *arg;
} checked_visitor;

/* What the slabs have as a block in use may wait in quarantine. */
static bool visit(void *arg, void *p, size_t room, bool live)
{
    const checked_visitor *v = arg;
    pki_place place = pki_place_of(p);
    size_t n = live ? pki_checked_usable(&place, p) : 0;
    return v->fn(v->arg, p, n > 0 ? n : room, n > 0);
}

bool pki_checked_walk(pk_heap *heap, pk_heap_walk_fn *fn, void *arg)
{
    checked_visitor v = {fn, arg};
    return pki_space_walk(&heap->space, visit, &v);
}

/* ---- audit ---- */

static bool audit_block(void *arg, void *p, size_t room, bool live)
{
    pki_place place = pki_place_of(p);
    pki_block b = pki_checked_block(&place, p);
    size_t n;
    (void)room;
    if (live) {
        pki_block_state state = pki_block_look(&b, &n);
        bool whole =
            state == PKI_BLOCK_FREED || (state == PKI_BLOCK_LIVE && pki_block_is_whole(&b, n));
        pki_expect(arg, whole, "K1: a block was written beyond its end", p);
    }
    return true;
}

static size_t audit_waiting(const pki_quarantined *waiting, pki_findings *f)
{
    size_t n;
    if (waiting->p == NULL) {
        return 0;
    }
    pki_place place = pki_place_of(waiting->p);
    pki_block b = pki_checked_block(&place, waiting->p);
    pki_expect(f, pki_block_look(&b, &n) == PKI_BLOCK_FREED,
               "K2: a block in quarantine is not marked as free", waiting->p);
    return waiting->weight;
}

static void audit_quarantine(const pki_quarantine *q, pki_findings *f)
{
    size_t weight = 0;
    for (unsigned i = 0; i < PKI_QUARANTINE_MIXED; i++) {
        weight += audit_waiting(&q->mixed[i], f);
    }
    for (unsigned i = 0; i < q->n; i++) {
        weight += audit_waiting(&q->queue[(q->first + i) % PKI_QUARANTINE_QUEUE], f);
    }
    pki_expect(f, weight == q->weight, "K3: a quarantine's weight is not its blocks'", q);
}

size_t pki_checked_audit(pk_heap *heap, char *text, size_t text_size)
{
    pki_findings findings = {0, text, text_size};
    if (!heap->space.checked) {
        return 0;
    }
    pki_space_walk(&heap->space, audit_block, &findings);
    for (unsigned i = 0; i < PKI_LANES; i++) {
        pki_lane *lane = atomic_load_explicit(&heap->checked.lane[i], memory_order_acquire);
        if (lane != NULL) {
            audit_quarantine(&lane->quarantine, &findings);
        }
    }
    return findings.broken;
}
