/* SPDX-License-Identifier: MIT
 * large_resize.c: a large block becomes longer or shorter where it is, or its pages move to a longer
 * mapping; nothing is copied. */
#include <string.h>

#include "base/bits.h"
#include "os/pages.h"
#include "slab/large.h"

/* Gives back the pages behind the first `mapped` bytes. */
static void cut_large(pki_space *space, pki_large *large, size_t mapped, size_t usable)
{
    pki_lock_take(&space->lock);
    size_t surplus = large->mapped - mapped;
    if (surplus > 0 && pki_space_is_flexible(space) &&
        pki_os_release((char *)pki_chunk_of_large(large) + mapped, surplus)) {
        pki_large_set_end(large, mapped);
        pki_large_uncharge(space, surplus);
    }
    large->usable = usable;
    pki_lock_give(&space->lock);
}

static bool extend_last_piece(pki_space *space, pki_large *large, size_t mapped)
{
    size_t begin = pki_large_last_piece(large), before = large->mapped, warm;
    if (!pki_space_is_flexible(space) ||
        !pki_os_extend((char *)pki_chunk_of_large(large) + begin, before - begin, mapped - begin)) {
        return false;
    }
    pki_large_set_end(large, mapped);
    return pki_large_fill(space, large, before, &warm);
}

/* Charges and extends, or neither. */
static bool extend_large(pki_space *space, pki_large *large, size_t mapped, size_t usable,
                         pk_status *why)
{
    size_t more = mapped - large->mapped;
    *why = PK_ELIMIT;
    pki_lock_take(&space->lock);
    bool extended = pki_large_charge(space, more);
    if (extended) {
        *why = PK_ENOMEM;
        extended = extend_last_piece(space, large, mapped);
        if (extended) {
            large->usable = usable;
        } else {
            pki_large_uncharge(space, more);
        }
    }
    pki_lock_give(&space->lock);
    return extended;
}

/* ---- elsewhere ---- */

/* Moves all pieces to `to`, a mapping of `mapped` bytes, the last one with the range behind it, and all or
 * none: what the others leave behind stays mapped until the last one was moved, so that the way back
 * needs only a copy, which cannot be refused. */
static bool move_pieces(char *from, const pki_large *large, char *to, size_t mapped)
{
    pki_large block = *large; /* its head moves */
    size_t last = pki_large_last_piece(&block);
    unsigned moved = 0;
    while (moved + 1 < block.n_pieces &&
           pki_os_move_contents(from + block.piece[moved],
                                block.piece[moved + 1] - block.piece[moved],
                                to + block.piece[moved])) {
        moved++;
    }
    if (moved + 1 == block.n_pieces &&
        pki_os_move(from + last, block.mapped - last, to + last, mapped - last)) {
        if (last > 0) {
            pki_os_release(from, last); /* refused: only addresses are lost, it is empty */
        }
        return true;
    }
    memcpy(from, to, block.piece[moved]);
    /* Where the refused piece would lie may be somebody else's now. */
    size_t next = moved + 1 < block.n_pieces ? block.piece[moved + 1] : mapped;
    if (block.piece[moved] > 0) {
        pki_os_release(to, block.piece[moved]);
    }
    if (next < mapped) {
        pki_os_release(to + next, mapped - next);
    }
    return false;
}

/* Moves head and block to a mapping of `mapped` bytes. When the move of a piece fails, older kernels have
 * unmapped the place for it already: it is not released, only addresses are lost. */
static pki_large *move_large(pki_space *space, pki_large *large, size_t mapped, size_t usable,
                             pk_status *why)
{
    pki_chunk *from = pki_chunk_of_large(large);
    size_t old_mapped = large->mapped, offset = pki_large_offset(large);
    bool zero;
    pki_chunk *to = pki_space_map(space, mapped, PKI_CHUNK_SIZE, mapped, &zero);
    if (to == NULL) {
        return NULL;
    }
    pki_lock_take(&space->lock);
    pki_large_remove(&space->large, large);
    pki_registry_remove(from);
    bool allowed = pki_large_charge(space, mapped - old_mapped);
    bool moved = allowed && move_pieces((char *)from, large, (char *)to, mapped);
    *why = allowed ? PK_ENOMEM : PK_ELIMIT;
    large = moved ? &to->large : large;
    if (moved) {
        large->block = (char *)to + offset;
        large->usable = usable;
        pki_large_set_end(large, mapped);
        pki_space_make_up(space, mapped - old_mapped);
    } else if (allowed) {
        pki_large_uncharge(space, mapped - old_mapped);
    }
    pki_registry_add(pki_chunk_of_large(large));
    pki_large_add(&space->large, large);
    pki_lock_give(&space->lock);
    if (!allowed) {
        pki_os_release(to, mapped);
    }
    return moved ? large : NULL;
}

/* ---- huge pages ---- */

static const size_t HUGE_FROM = (size_t)16
                                << 20; /* of which a huge page's unused rest is an eighth */

/* A block that grows again and again has been filled from its beginning: asked for before its new part is
 * touched, huge pages take a quarter of the time and hold at most one huge page more. Not for one
 * that more than doubles: that may be a table of which little is used. */
static void prefer_huge(pki_large *large, size_t grown_from)
{
    if (!large->huge && large->mapped >= HUGE_FROM && large->mapped / 2 <= grown_from) {
        large->huge = true;
        pki_os_huge_pages(pki_chunk_of_large(large), large->mapped, true);
    }
}

void *pki_space_resize_large(pki_space *space, pki_large *large, size_t size, bool may_move,
                             pk_status *why)
{
    size_t usable = pki_align_up(size, pki_os_page_size()), before = large->mapped;
    size_t mapped = pki_large_offset(large) + usable;
    if (mapped <= before) {
        cut_large(space, large, mapped, usable);
    } else if (!extend_large(space, large, mapped, usable, why)) {
        bool move = may_move && pki_space_is_flexible(space) && *why == PK_ENOMEM;
        large = move ? move_large(space, large, mapped, usable, why) : NULL;
    }
    if (large == NULL) {
        return NULL;
    }
    if (mapped > before && pki_space_is_flexible(space)) {
        prefer_huge(large, before);
    }
    return large->block;
}
