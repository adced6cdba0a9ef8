/* SPDX-License-Identifier: MIT
 * report.c: statistics and walk. The audit is in space_audit.c and owner_audit.c. */
#include "slab/report.h"

#include <string.h>

#include "base/bits.h"
#include "slab/slab.h"
#include "slab/watched.h"

void pki_space_freeze(pki_space *space)
{
    pki_lock_take(&space->owners_lock);
    for (pki_owner *owner = space->owners; owner != NULL; owner = owner->next) {
        pki_lock_take(&owner->lock);
    }
    pki_lock_take(&space->lock);
}

void pki_space_thaw(pki_space *space)
{
    pki_lock_give(&space->lock);
    for (pki_owner *owner = space->owners; owner != NULL; owner = owner->next) {
        pki_lock_give(&owner->lock);
    }
    pki_lock_give(&space->owners_lock);
}

/* ---- statistics ---- */

/* Free bytes that stay because a block in use lies beside them. Purged pages went back. */
static uint64_t pinned_in(const pki_slab *slab)
{
    uint64_t free = (uint64_t)(slab->capacity - slab->used) * slab->block_size;
    uint64_t gone = (uint64_t)pki_popcount(slab->purged) * PKI_PAGE_GROUP_SIZE;
    return slab->used == 0 ? 0 : free - pki_min(free, gone);
}

static void add_slab(const pki_slab *slab, pk_stats *out)
{
    uint64_t size = slab->block_size;
    uint64_t usable = pki_space_usable(pki_chunk_of(slab)->space, slab->block_size);
    out->live += slab->used * usable;
    out->overhead += slab->used * (size - usable);
    out->n_live += slab->used;
    out->free_in_chunks += (uint64_t)(slab->fresh - slab->used) * size;
    *(slab->zero ? &out->untouched : &out->free_in_chunks) +=
        (uint64_t)(slab->capacity - slab->fresh) * size;
    out->overhead += PKI_SLAB_SIZE - slab->capacity * size;
    out->pinned_by_live += pinned_in(slab);
}

static void add_space_chunk(const pki_chunk *chunk, pk_stats *out)
{
    out->committed += PKI_CHUNK_SIZE;
    out->overhead += PKI_SLAB_SIZE;
    out->free_in_chunks += pki_popcount(chunk->dirty) * PKI_SLAB_SIZE;
    out->untouched += pki_popcount(chunk->free & ~chunk->dirty) * PKI_SLAB_SIZE;
    for (unsigned i = 1; i < PKI_SLABS; i++) {
        const pki_slab *slab = &chunk->slab[i];
        uint32_t word = pki_word_at(pki_slab_base(slab));
        if (word >> 16 != 0) {
            add_slab(slab, out);
        } else if (word == PKI_WORD_SPARE) {
            out->free_in_chunks += PKI_SLAB_SIZE;
        } else if (word == PKI_WORD_RUN) {
            size_t usable = pki_space_usable_pages(chunk->space, slab->block_size);
            out->live += usable;
            out->n_live++;
            out->overhead += slab->capacity * PKI_SLAB_SIZE - usable;
        }
    }
}

/* Blocks in stacks and outboxes are in use for their slabs, but free for the program. */
static void subtract_stacked(pki_owner *owner, pk_stats *out)
{
    uint64_t n = atomic_load_explicit(&owner->mail_blocks, memory_order_relaxed);
    uint64_t bytes = atomic_load_explicit(&owner->mail_bytes, memory_order_relaxed);
    for (unsigned i = 0; i < owner->space->geometry->n; i++) {
        void **top = atomic_load_explicit(&pki_bins(owner)[i].top, memory_order_relaxed);
        if (owner->list[i].base != NULL) {
            uint64_t stacked = (uint64_t)(top - owner->list[i].base);
            stacked -= pki_min(stacked,
                               atomic_load_explicit(&owner->list[i].leaving, memory_order_relaxed));
            n += stacked;
            bytes += stacked * owner->space->geometry->classes[i].size;
        }
    }
    out->n_live -= n;
    out->live -= bytes;
    out->free_in_chunks += bytes;
}

void pki_space_stats(pki_space *space, pk_stats *out)
{
    memset(out, 0, sizeof *out);
    out->size = sizeof *out;
    out->name = space->name;
    pki_space_freeze(space);
    out->limit = space->limit == SIZE_MAX ? 0 : space->limit;
    out->n_owners = space->n_owners;
    out->n_chunks = space->n_chunks + space->n_large;
    for (const pki_chunk *chunk = space->all.next; chunk != NULL; chunk = chunk->all.next) {
        add_space_chunk(chunk, out);
    }
    for (const pki_large *large = space->large; large != NULL; large = large->next) {
        out->committed += large->mapped;
        size_t usable = pki_space_usable_pages(space, large->usable);
        out->live += usable;
        out->n_live++;
        out->overhead += large->mapped - usable;
    }
    out->committed += space->large_cached;
    out->free_in_chunks += space->large_cached;
    for (pki_owner *owner = space->owners; owner != NULL; owner = owner->next) {
        subtract_stacked(owner, out);
    }
    space->committed_peak = pki_max(space->committed_peak, out->committed);
    out->committed_peak = space->committed_peak;
    pki_space_thaw(space);
}

/* ---- walk ---- */

typedef struct {
    bool (*fn)(void *arg, void *p, size_t n, bool live);
    void *arg;
} visitor;

static bool walk_slab(const pki_slab *slab, const visitor *v)
{
    char *p = slab->base;
    size_t usable = pki_space_usable(pki_chunk_of(slab)->space, slab->block_size);
    for (unsigned i = 0; i < slab->fresh; i++, p += slab->block_size) {
        bool live = !pki_slab_is_free(slab, i);
        if (!v->fn(v->arg, p, usable, live)) {
            return false;
        }
    }
    return true;
}

static bool walk_chunk(const pki_chunk *chunk, const visitor *v)
{
    for (unsigned i = 1; i < PKI_SLABS; i++) {
        const pki_slab *slab = &chunk->slab[i];
        uint32_t word = pki_word_at(pki_slab_base(slab));
        bool go_on = true;
        if (word >> 16 != 0) {
            go_on = walk_slab(slab, v);
        } else if (word == PKI_WORD_RUN) {
            go_on = v->fn(v->arg, pki_slab_base(slab),
                          pki_space_usable_pages(chunk->space, slab->block_size), true);
        }
        if (!go_on) {
            return false;
        }
    }
    return true;
}

static bool walk_all(const pki_space *space, const visitor *v)
{
    for (const pki_chunk *chunk = space->all.next; chunk != NULL; chunk = chunk->all.next) {
        if (!walk_chunk(chunk, v)) {
            return false;
        }
    }
    for (const pki_large *large = space->large; large != NULL; large = large->next) {
        if (!v->fn(v->arg, large->block, pki_space_usable_pages(space, large->usable), true)) {
            return false;
        }
    }
    return true;
}

bool pki_space_walk(pki_space *space, bool (*fn)(void *arg, void *p, size_t n, bool live),
                    void *arg)
{
    pki_lock_take(&space->owners_lock);
    for (pki_owner *owner = space->owners; owner != NULL; owner = owner->next) {
        pki_owner_flush(owner);
    }
    pki_lock_give(&space->owners_lock);
    visitor v = {fn, arg};
    return walk_all(space, &v);
}

bool pki_space_walk_frozen(const pki_space *space,
                           bool (*fn)(void *arg, void *p, size_t n, bool live), void *arg)
{
    visitor v = {fn, arg};
    return walk_all(space, &v);
}
