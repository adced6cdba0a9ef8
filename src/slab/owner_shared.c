/* SPDX-License-Identifier: MIT
 * owner_shared.c: an owner that all threads of a locked pool share: its stack under its lock. */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "os/probe.h"
#include "os/process.h"
#include "slab/owner.h"

void *pki_owner_alloc_locked(pki_owner *owner, unsigned bin, bool *zero, pk_status *why)
{
    if (pki_unlikely(!pki_lock_enter(&owner->lock))) {
        *why = PK_EBUSY;
        return NULL;
    }
    void *p = pki_bin_pop(&pki_bins(owner)[bin]);
    if (pki_unlikely(p == NULL)) {
        p = pki_owner_fill_stack(owner, bin, why);
    }
    if (zero != NULL) {
        *zero = pki_owner_pop_was_zero(owner, bin, p);
    }
    pki_lock_give(&owner->lock);
    return p;
}

/* Takes the oldest blocks, some at once, off the stack; the lock is held. They go home without it: a
 * faulty one's report must find no lock held. */
static unsigned take_oldest(pki_owner *owner, unsigned bin, void **oldest)
{
    pki_bin_list *list = &owner->list[bin];
    void **top = atomic_load_explicit(&pki_bins(owner)[bin].top, memory_order_relaxed);
    size_t all = list->base == NULL ? 0 : (size_t)(top - list->base);
    size_t n = pki_min(all, PKI_OUTBOX_BLOCKS);
    if (n > 0) {
        PKI_PROBE(flush, owner->space, owner->space->name,
                  owner->space->geometry->classes[bin].size, (unsigned)n);
        list->zero_next = list->zero_end = NULL;
        memcpy(oldest, list->base, n * sizeof *oldest);
        memmove(list->base, list->base + n, (all - n) * sizeof *oldest);
        atomic_store_explicit(&pki_bins(owner)[bin].top, top - n, memory_order_release);
    }
    return (unsigned)n;
}

/* The stack is full, or it is no block that the program holds. */
static PKI_NOINLINE void free_locked_slow(pki_owner *owner, unsigned bin, void *p)
{
    void *oldest[PKI_OUTBOX_BLOCKS + 1];
    unsigned n = 0;
    int saved_errno = errno;
    pki_lock_take(&owner->lock);
    bool held = !PKI_BLOCKS_ARE_LOOKED_AT || pki_block_is_held(p, pki_bins(owner)[bin].reciprocal);
    if (held && !pki_bin_push(&pki_bins(owner)[bin], p)) {
        pki_owner_grow_stack(owner, bin);
        if (!pki_bin_push(&pki_bins(owner)[bin], p)) {
            n = take_oldest(owner, bin, oldest);
            if (!pki_bin_push(&pki_bins(owner)[bin], p)) {
                oldest[n++] = p; /* no memory for a stack */
            }
        }
    }
    pki_lock_give(&owner->lock);
    if (!held) {
        pki_owner_report_free(owner, p);
    }
    pki_owner_put_home(owner, oldest, n, PKI_WAS_IDLE);
    pki_space_tick(owner->space, pki_os_milliseconds());
    errno = saved_errno;
}

void pki_owner_free_locked(pki_owner *owner, unsigned bin, void *p)
{
    if (pki_unlikely(!pki_lock_enter(&owner->lock))) {
        return; /* as in pki_owner_put_home */
    }
    bool pushed = pki_bin_push(&pki_bins(owner)[bin], p);
    pki_lock_give(&owner->lock);
    if (pki_unlikely(!pushed)) {
        free_locked_slow(owner, bin, p);
    }
}

void pki_owner_flush_locked(pki_owner *owner, unsigned bin)
{
    void *oldest[PKI_OUTBOX_BLOCKS];
    unsigned n;
    do {
        pki_lock_take(&owner->lock);
        n = take_oldest(owner, bin, oldest);
        pki_lock_give(&owner->lock);
        pki_owner_put_home(owner, oldest, n, PKI_WAS_IDLE);
    } while (n > 0);
}
