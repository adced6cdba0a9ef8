/* SPDX-License-Identifier: MIT
 * owner_home.c: blocks come home to their slabs: from an owner's own stack that is full or idle, and from
 * other threads. Neighbours in a batch are mostly of one slab; what is to be done for a slab (its
 * word, its list, is it empty now?) is done once for each run of its blocks. */
#include "slab/fault.h"
#include "slab/owner.h"
#include "slab/watched.h"

/* ---- empty slabs; the owner's lock is held ---- */

static void retire(pki_owner *owner, pki_slab *slab)
{
    pki_bin_list *list = &owner->list[slab->bin];
    pki_slab_list_remove(&list->first, slab);
    list->n_slabs--;
    if (owner->thread == NULL || owner->n_spare == PKI_SPARE_SLABS) {
        pki_space_give_slab(owner->space, slab);
        return;
    }
    if (slab->fresh > 0) {
        slab->zero = false;
        slab->fresh = 0;
    }
    pki_word_set(pki_chunk_of(slab), pki_slab_index(slab), PKI_WORD_SPARE);
    owner->spare[owner->n_spare++] = slab;
}

/* The late owner (its thread is itself) has no stack: one block's life would be a slab's each time. */
static bool is_kept(const pki_owner *owner, const pki_slab *slab)
{
    return owner->thread == owner && owner->list[slab->bin].first == slab;
}

void pki_owner_give_spares(pki_owner *owner)
{
    for (unsigned bin = 0; bin < owner->space->geometry->n; bin++) {
        pki_slab *slab = owner->list[bin].first;
        if (slab != NULL && slab->used == 0) {
            retire(owner, slab);
        }
    }
    while (owner->n_spare > 0) {
        pki_space_give_slab(owner->space, owner->spare[--owner->n_spare]);
    }
}

/* ---- blocks that come home ---- */

/* Does what follows when blocks of the slab have become free. */
static void settle(pki_owner *owner, pki_slab *slab)
{
    pki_owner_touch(owner, slab);
    if (!slab->listed) {
        pki_slab_list_add(&owner->list[slab->bin].first, slab);
    }
    if (slab->used == 0 && !is_kept(owner, slab)) {
        retire(owner, slab);
    }
}

static void tell_free(const pki_space *space, const pki_slab *slab, void *const *blocks, unsigned n)
{
    for (unsigned i = 0; pki_unlikely(space->watched) && i < n; i++) {
        pki_space_tell_free(space, blocks[i], slab->block_size);
    }
}

/* Puts the first of the blocks home, and those behind it that are of the same slab. Returns how many;
 * 0: *result says what is wrong with the first. In a mix of many slabs, as other threads bring it,
 * most runs are of one block. */
static unsigned put_run(pki_owner *owner, void *const *blocks, unsigned n, pki_was was,
                        pki_put_result *result)
{
    pki_slab *slab = pki_slab_of(blocks[0]);
    unsigned done;
    if (n > 1 && pki_is_same_slab(blocks[0], blocks[1])) {
        done = pki_slab_put_run(slab, blocks, n, was, result);
    } else {
        *result = pki_slab_put(slab, blocks[0], was);
        done = *result == PKI_PUT_DONE;
    }
    if (pki_likely(done > 0)) {
        tell_free(owner->space, slab, blocks, done);
        settle(owner, slab);
    }
    return done;
}

static void report_put(const pki_owner *owner, pki_put_result result, const void *p)
{
    pki_fault_report(result == PKI_PUT_FREE_ALREADY ? PK_FAULT_DOUBLE_FREE : PK_FAULT_NOT_A_BLOCK,
                     owner->space->name, p);
}

void pki_owner_report_free(const pki_owner *owner, const void *p)
{
    bool is_block = pki_slab_block_number(pki_slab_of(p), p) >= 0;
    report_put(owner, is_block ? PKI_PUT_FREE_ALREADY : PKI_PUT_NOT_A_BLOCK, p);
}

/* Puts blocks home until one is not this owner's (its slab was stolen meanwhile) or is faulty. */
static unsigned put_runs(pki_owner *owner, void *const *blocks, unsigned n, pki_was was,
                         pki_put_result *result)
{
    unsigned done = 0;
    unsigned run = 1;
    *result = PKI_PUT_DONE;
    pki_lock_take(&owner->lock);
    while (done < n && run > 0 && (pki_word_at(blocks[done]) ^ owner->key) < owner->limit) {
        run = put_run(owner, blocks + done, n - done, was, result);
        done += run;
    }
    pki_space_uncharge_blocks(owner->space, done);
    pki_lock_give(&owner->lock);
    return done;
}

void pki_owner_put_home(pki_owner *owner, void *const *blocks, unsigned n, pki_was was)
{
    if (pki_lock_is_interrupted(&owner->lock)) {
        return; /* freed by a signal handler inside our own slow path: given up, not corrupted */
    }
    while (n > 0) {
        pki_put_result result;
        unsigned done = put_runs(owner, blocks, n, was, &result);
        blocks += done;
        n -= done;
        if (n > 0) {
            if (result != PKI_PUT_DONE) {
                report_put(owner, result, *blocks);
            } else {
                pki_space_free_direct(pki_word_at(*blocks), *blocks);
            }
            blocks++;
            n--;
        }
    }
}

void pki_space_free_direct(uint32_t word, void *p)
{
    pki_owner *owner = pki_owner_by_word(word);
    if (owner == NULL || (word ^ owner->key) >= owner->limit) {
        pki_fault_report(word == PKI_WORD_FREE || word == PKI_WORD_SPARE ? PK_FAULT_DOUBLE_FREE
                                                                         : PK_FAULT_NOT_A_BLOCK,
                         pki_chunk_of(p)->space->name, p);
        return;
    }
    pki_owner_put_home(owner, &p, 1, PKI_WAS_HELD);
}
