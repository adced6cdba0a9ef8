/* SPDX-License-Identifier: MIT
 * large.c: blocks too large for a run: each has a mapping of its own.
 *
 *   4 MiB boundary
 *   ┌ head: one page ┬ (up to the alignment) ┬ block, whole pages ┐
 *   For an alignment of 4 MiB and more the head is one chunk's size below the block, so that the
 *   block's address minus one finds it by the same mask.
 *
 * Freed ones are kept for a while, and a new one is filled with their pages: large_cache.c. */
#include "slab/large.h"

#include <string.h>

#include "base/bits.h"
#include "os/pages.h"
#include "slab/watched.h"

pki_large *pki_large_at(const void *p)
{
    pki_chunk *chunk = pki_chunk_of((const void *)((uintptr_t)p - 1));
    bool found =
        pki_registry_has(chunk) && pki_word_at(chunk) == PKI_WORD_LARGE && chunk->large.block == p;
    return found ? &chunk->large : NULL;
}

bool pki_space_has_large_around(pki_space *space, const void *p)
{
    pki_lock_take(&space->lock);
    bool found = false;
    for (pki_large *large = space->large; large != NULL && !found; large = large->next) {
        const char *begin = (const char *)pki_chunk_of_large(large);
        found = (const char *)p >= begin && (const char *)p < begin + large->mapped;
    }
    pki_lock_give(&space->lock);
    return found;
}

/* ---- mapping ---- */

/* The address of `bytes` bytes whose second chunk begins at a multiple of `align` (over 4 MiB). */
static char *map_over_aligned(pki_space *space, size_t bytes, size_t align, size_t in_place_of)
{
    size_t mapped = bytes + align;
    in_place_of += in_place_of == 0 ? 0 : align;
    bool zero, possible = mapped >= align && pki_space_is_flexible(space);
    char *p = possible ? pki_space_map(space, mapped, PKI_CHUNK_SIZE, in_place_of, &zero) : NULL;
    if (p == NULL) {
        return NULL;
    }
    char *base = (char *)pki_align_up((uintptr_t)p + PKI_CHUNK_SIZE, align) - PKI_CHUNK_SIZE;
    size_t before = (size_t)(base - p), behind = mapped - before - bytes;
    if (before > 0) {
        pki_os_release(p, before); /* refused: addresses are lost, no memory */
    }
    if (behind > 0) {
        pki_os_release(base + bytes, behind);
    }
    return base;
}

static size_t head_size(size_t align)
{
    return pki_min(pki_max(align, pki_os_page_size()), PKI_CHUNK_SIZE);
}

/* Maps a head and a block of `size` bytes (whole pages) behind it. If pages of freed blocks are to move
 * there, none of these is given up before. */
static pki_large *map_large(pki_space *space, size_t size, size_t align, bool gather)
{
    size_t offset = head_size(align), mapped = offset + size, in_place_of = gather ? mapped : 0;
    bool zero = true;
    char *base = align > PKI_CHUNK_SIZE
                     ? map_over_aligned(space, mapped, align, in_place_of)
                     : pki_space_map(space, mapped, PKI_CHUNK_SIZE, in_place_of, &zero);
    if (base == NULL) {
        return NULL;
    }
    pki_chunk *chunk = (pki_chunk *)base;
    if (!zero) {
        memset(chunk, 0, offsetof(pki_chunk, slab));
    }
    chunk->space = space;
    chunk->large =
        (pki_large){.block = base + offset, .mapped = mapped, .zero = zero, .n_pieces = 1};
    pki_word_set(chunk, 0, PKI_WORD_LARGE);
    return &chunk->large;
}

void pki_large_unmap(pki_large *large)
{
    pki_chunk *chunk = pki_chunk_of_large(large);
    pki_registry_remove(chunk);
    if (!pki_space_unmap(chunk->space, chunk, large->mapped)) {
        /* The map count is exhausted: only addresses are lost. */
        pki_space_purge(chunk->space, chunk, large->mapped);
    }
}

/* ---- take, give ---- */

bool pki_large_charge(pki_space *space, size_t bytes)
{
    bool charged = pki_space_charge(space, bytes);
    space->large_used += charged ? bytes : 0;
    return charged;
}

void pki_large_uncharge(pki_space *space, size_t bytes)
{
    pki_space_uncharge(space, bytes);
    space->large_used -= bytes;
}

/* Charges and enters the block, or neither. Lock held. */
static bool enter_large(pki_space *space, pki_large *large, size_t usable)
{
    if (!pki_large_charge(space, large->mapped)) {
        return false;
    }
    large->usable = usable;
    large->cached = false;
    pki_registry_add(pki_chunk_of_large(large));
    pki_large_add(&space->large, large);
    space->n_large++;
    return true;
}

static pki_large *reuse_large(pki_space *space, size_t usable, size_t align)
{
    pki_lock_take(&space->lock);
    pki_large *large = pki_large_reuse(space, usable, align);
    if (large != NULL) {
        enter_large(space, large, usable); /* pki_large_reuse keeps to the limit */
        pki_large_learn(space, 0, large->mapped);
    }
    pki_lock_give(&space->lock);
    return large;
}

/* False: refused, and the mapping is gone. Lock held. */
static bool fill_new(pki_space *space, pki_large *large)
{
    size_t offset = pki_large_offset(large), warm;
    if (!pki_large_fill(space, large, offset, &warm)) {
        pki_large_unmap(large);
        return false;
    }
    pki_large_learn(space, large->mapped - offset - warm, offset + warm);
    return true;
}

static pki_large *new_large(pki_space *space, size_t usable, size_t align, bool gather,
                            pk_status *why)
{
    *why = PK_ELIMIT;
    pki_lock_take(&space->lock);
    bool allowed = head_size(align) + usable <= space->limit - space->used;
    gather = gather && pki_large_may_gather(space);
    pki_lock_give(&space->lock);
    if (!allowed) {
        return NULL;
    }
    *why = PK_ENOMEM;
    pki_large *large = map_large(space, usable, align, gather);
    if (large == NULL) {
        return NULL;
    }
    pki_lock_take(&space->lock);
    bool filled = !gather || fill_new(space, large);
    bool entered = filled && enter_large(space, large, usable);
    pki_lock_give(&space->lock);
    if (filled && !entered) {
        *why = PK_ELIMIT;
        pki_large_unmap(large);
    }
    return entered ? large : NULL;
}

/* When the system refuses to move pages, fresh ones may do. */
static pki_large *fill_or_new(pki_space *space, size_t usable, size_t align, pk_status *why)
{
    pki_large *large = new_large(space, usable, align, true, why);
    return large == NULL && *why == PK_ENOMEM ? new_large(space, usable, align, false, why) : large;
}

void *pki_space_take_large(pki_space *space, size_t size, size_t align, bool *zero, pk_status *why)
{
    if (pki_lock_is_interrupted(&space->lock)) {
        *why = PK_EBUSY;
        return NULL;
    }
    size_t usable = pki_align_up(size, pki_os_page_size());
    pki_large *large = reuse_large(space, usable, align);
    if (large == NULL && (large = fill_or_new(space, usable, align, why)) == NULL) {
        return NULL;
    }
    *zero = large->zero;
    size_t seen = pki_space_usable_pages(space, usable);
    pki_space_hide(space, large->block + seen, large->mapped - pki_large_offset(large) - seen);
    pki_space_tell_alloc(space, large->block, usable, *zero);
    return large->block;
}

void pki_space_give_large(pki_space *space, pki_large *large)
{
    pki_lock_take(&space->lock);
    pki_space_tell_free(space, large->block, large->usable);
    pki_large_remove(&space->large, large);
    space->n_large--;
    pki_large_uncharge(space, large->mapped);
    large->cached = true;
    pki_lock_give(&space->lock);
    pki_large_keep(space, large);
}
