/* SPDX-License-Identifier: MIT
 * large.c: blocks too large for a run: each has a mapping of its own.
 *
 *   4 MiB boundary
 *   ┌ head: one page ┬ (up to the alignment) ┬ block, whole pages ┐
 *   For an alignment of 4 MiB and more the head is one chunk's size below the block, so that the
 *   block's address minus one finds it by the same mask.
 *
 * Freed ones are kept for a while: a program that allocates and frees one large block in a loop would
 * otherwise pay for the system calls and for the page faults each time. They are bounded by number,
 * by bytes and, at the space's tick, by age; and as many bytes as a new mapping brings are given
 * up before it, so that what is kept never adds to the peak. One that is too long is split, one that is
 * too short made longer (bench/malloc/large.c, 600 operations: 399,000 page faults with exact fits
 * only, 120,000 with cutting and extending, 109,000 with splitting; glibc 86,000). */
#include <string.h>

#include "base/bits.h"
#include "os/pages.h"
#include "os/process.h"
#include "slab/watched.h"

static const size_t CACHE_BYTES_MAX = (size_t)64 << 20;
static const size_t SPLIT_LEAST = (size_t)1 << 20; /* no smaller block has a mapping of its own */

static pki_chunk *chunk_of_large(pki_large *large)
{
    return (pki_chunk *)((char *)large - offsetof(pki_chunk, large));
}

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
        const char *begin = (const char *)chunk_of_large(large);
        found = (const char *)p >= begin && (const char *)p < begin + large->mapped;
    }
    pki_lock_give(&space->lock);
    return found;
}

/* ---- lists; the lock is held ---- */

static void list_add(pki_large **list, pki_large *large)
{
    large->prev = NULL;
    large->next = *list;
    if (large->next != NULL) {
        large->next->prev = large;
    }
    *list = large;
}

static void list_remove(pki_large **list, pki_large *large)
{
    if (large->next != NULL) {
        large->next->prev = large->prev;
    }
    if (large->prev != NULL) {
        large->prev->next = large->next;
    } else {
        *list = large->next;
    }
}

/* ---- mapping ---- */

/* The address of `bytes` bytes whose second chunk begins at a multiple of `align` (over 4 MiB). */
static char *map_over_aligned(pki_space *space, size_t bytes, size_t align)
{
    size_t mapped = bytes + align;
    bool zero, possible = mapped >= align && pki_space_is_flexible(space);
    char *p = possible ? pki_space_map(space, mapped, PKI_CHUNK_SIZE, 0, &zero) : NULL;
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

/* Maps a head and a block of `size` bytes (whole pages) behind it. */
static pki_large *map_large(pki_space *space, size_t size, size_t align)
{
    size_t offset = head_size(align), mapped = offset + size;
    bool zero = true;
    char *base = align > PKI_CHUNK_SIZE ? map_over_aligned(space, mapped, align)
                                        : pki_space_map(space, mapped, PKI_CHUNK_SIZE, 0, &zero);
    if (base == NULL) {
        return NULL;
    }
    pki_chunk *chunk = (pki_chunk *)base;
    if (!zero) {
        memset(chunk, 0, offsetof(pki_chunk, slab));
    }
    chunk->space = space;
    chunk->large = (pki_large){.block = base + offset, .mapped = mapped, .zero = zero};
    pki_word_set(chunk, 0, PKI_WORD_LARGE);
    return &chunk->large;
}

static void unmap_large(pki_large *large)
{
    pki_chunk *chunk = chunk_of_large(large);
    pki_registry_remove(chunk);
    if (!pki_space_unmap(chunk->space, chunk, large->mapped)) {
        /* The map count is exhausted: only addresses are lost. */
        pki_space_purge(chunk->space, chunk, large->mapped);
    }
}

/* ---- the cache of freed ones ---- */

static void leave_cache(pki_space *space, pki_large *large)
{
    list_remove(&space->large_cache, large);
    space->large_cached -= large->mapped;
    large->zero = false;
}

/* The smallest cached one that holds `size` at `align` and is at most a quarter too large. */
static pki_large *take_cached(pki_space *space, size_t size, size_t align)
{
    pki_large *best = NULL;
    for (pki_large *large = space->large_cache; large != NULL; large = large->next) {
        size_t room = large->mapped - (size_t)(large->block - (char *)chunk_of_large(large));
        bool fits =
            room >= size && room - size <= size / 4 && ((uintptr_t)large->block & (align - 1)) == 0;
        bool allowed = large->mapped <= space->limit - space->used;
        if (fits && allowed && (best == NULL || large->mapped < best->mapped)) {
            best = large;
        }
    }
    if (best != NULL) {
        leave_cache(space, best);
    }
    return best;
}

/* The smallest that is long enough, or else the longest. */
static bool suits_better(size_t a, size_t b, size_t wanted)
{
    return (a >= wanted) != (b >= wanted) ? a >= wanted : (a < b) == (a >= wanted);
}

/* The cached one that lacks the fewest pages, and has the fewest beyond. */
static pki_large *take_nearest(pki_space *space, size_t mapped)
{
    pki_large *best = NULL;
    for (pki_large *large = space->large_cache; large != NULL; large = large->next) {
        bool usual = large->block == (char *)chunk_of_large(large) + head_size(PK_ALIGN);
        if (usual && large->mapped <= space->limit - space->used &&
            (best == NULL || suits_better(large->mapped, best->mapped, mapped))) {
            best = large;
        }
    }
    if (best != NULL) {
        leave_cache(space, best);
    }
    return best;
}

static bool worth_caching(const pki_space *space, const pki_large *large)
{
    unsigned entries = 0;
    for (const pki_large *l = space->large_cache; l != NULL; l = l->next) {
        entries++;
    }
    return entries < PKI_LARGE_CACHE_ENTRIES &&
           space->large_cached + large->mapped <= CACHE_BYTES_MAX;
}

static bool enter_cache(pki_space *space, pki_large *large)
{
    bool enters = worth_caching(space, large);
    large->cached = true;
    if (enters) {
        large->freed_at = pki_os_milliseconds();
        space->large_cached += large->mapped;
        list_add(&space->large_cache, large);
    }
    return enters;
}

static pki_large *oldest_cached(const pki_space *space)
{
    pki_large *large = space->large_cache;
    while (large != NULL && large->next != NULL) {
        large = large->next;
    }
    return large;
}

size_t pki_space_drop_cached(pki_space *space, uint64_t before, size_t bytes)
{
    size_t dropped = 0;
    pki_large *large;
    while (dropped < bytes && (large = oldest_cached(space)) != NULL && large->freed_at <= before) {
        list_remove(&space->large_cache, large);
        space->large_cached -= large->mapped;
        dropped += large->mapped;
        unmap_large(large);
    }
    return dropped;
}

/* ---- take, give, resize ---- */

/* Charges and enters the block, or neither. Lock held. */
static bool enter_large(pki_space *space, pki_large *large, size_t usable)
{
    if (!pki_space_charge(space, large->mapped)) {
        return false;
    }
    large->usable = usable;
    large->cached = false;
    pki_registry_add(chunk_of_large(large));
    list_add(&space->large, large);
    space->n_large++;
    return true;
}

static pki_large *reuse_large(pki_space *space, size_t usable, size_t align)
{
    pki_lock_take(&space->lock);
    pki_large *large = take_cached(space, usable, align);
    if (large != NULL) {
        enter_large(space, large, usable); /* take_cached keeps to the limit */
    }
    pki_lock_give(&space->lock);
    return large;
}

static pki_large *new_large(pki_space *space, size_t usable, size_t align, pk_status *why)
{
    *why = PK_ELIMIT;
    pki_lock_take(&space->lock);
    bool allowed = head_size(align) + usable <= space->limit - space->used;
    pki_lock_give(&space->lock);
    if (!allowed) {
        return NULL;
    }
    pki_large *large = map_large(space, usable, align);
    if (large == NULL) {
        *why = PK_ENOMEM;
        return NULL;
    }
    pki_lock_take(&space->lock);
    bool entered = enter_large(space, large, usable);
    pki_lock_give(&space->lock);
    if (!entered) {
        unmap_large(large);
        return NULL;
    }
    return large;
}

/* Moves the pages behind the first `mapped` bytes to `to`; the lock is held meanwhile, so that a child of
 * fork sees the block with all its pages or without them. */
static bool move_tail(pki_space *space, pki_large *large, size_t mapped, pki_chunk *to)
{
    char *base = (char *)chunk_of_large(large);
    pki_lock_take(&space->lock);
    size_t rest = large->mapped - mapped;
    bool moved = pki_os_move(base + mapped, rest, to, rest);
    if (moved) {
        large->mapped = mapped;
        large->usable = pki_min(large->usable, (size_t)(base + mapped - large->block));
        pki_space_uncharge(space, rest);
    }
    pki_lock_give(&space->lock);
    return moved;
}

/* What a block taken from the cache has behind its first `mapped` bytes becomes a freed one of its own:
 * its pages move to a chunk's boundary. Cut off, they would be unmapped, and faulted in again by the
 * next block. Does nothing if the rest is too short or the system refuses. */
static void split_large(pki_space *space, pki_large *large, size_t mapped)
{
    static _Atomic bool refused; /* never again: each time may lose addresses; relaxed, a hint */
    size_t rest = large->mapped - pki_min(mapped, large->mapped);
    bool zero;
    if (rest < SPLIT_LEAST || atomic_load_explicit(&refused, memory_order_relaxed)) {
        return;
    }
    pki_chunk *to = pki_space_map(space, rest, PKI_CHUNK_SIZE, rest, &zero);
    if (to == NULL || !move_tail(space, large, mapped, to)) {
        atomic_store_explicit(&refused, true, memory_order_relaxed);
        return; /* as in move_large */
    }
    memset(to, 0, offsetof(pki_chunk, slab));
    to->space = space;
    to->large = (pki_large){.block = (char *)to + head_size(PK_ALIGN), .mapped = rest};
    pki_word_set(to, 0, PKI_WORD_LARGE);
    pki_registry_add(to);
    pki_lock_take(&space->lock);
    bool cached = enter_cache(space, &to->large);
    pki_lock_give(&space->lock);
    if (!cached) {
        unmap_large(&to->large);
    }
}

/* None fits: the nearest is made longer or shorter. What it has of resident pages serves on, only what it
 * lacks is faulted in. */
static pki_large *stretch_large(pki_space *space, size_t usable, size_t align, pk_status *why)
{
    if (align > PK_ALIGN || !pki_space_is_flexible(space) || space->watched) {
        return NULL; /* a checker does not follow pages that move */
    }
    pki_lock_take(&space->lock);
    pki_large *large = take_nearest(space, head_size(align) + usable);
    if (large != NULL) {
        enter_large(space, large, large->mapped - head_size(align)); /* within the limit */
    }
    pki_lock_give(&space->lock);
    if (large == NULL) {
        return NULL;
    }
    split_large(space, large, head_size(align) + usable);
    void *block = pki_space_resize_large(space, large, usable, true, why);
    if (block == NULL) {
        pki_space_give_large(space, large);
        return NULL;
    }
    return pki_large_at(block);
}

void *pki_space_take_large(pki_space *space, size_t size, size_t align, bool *zero, pk_status *why)
{
    if (pki_lock_is_interrupted(&space->lock)) {
        *why = PK_EBUSY;
        return NULL;
    }
    size_t usable = pki_align_up(size, pki_os_page_size());
    pki_large *large = reuse_large(space, usable, align);
    if (large == NULL) {
        large = stretch_large(space, usable, align, why);
    }
    if (large == NULL && (large = new_large(space, usable, align, why)) == NULL) {
        return NULL;
    }
    *zero = large->zero;
    size_t seen = pki_space_usable(space, usable);
    pki_space_hide(space, large->block + seen,
                   (size_t)((char *)chunk_of_large(large) + large->mapped - large->block) - seen);
    pki_space_tell_alloc(space, large->block, usable, *zero);
    return large->block;
}

void pki_space_give_large(pki_space *space, pki_large *large)
{
    pki_lock_take(&space->lock);
    pki_space_tell_free(space, large->block, large->usable);
    list_remove(&space->large, large);
    space->n_large--;
    pki_space_uncharge(space, large->mapped);
    bool cache = enter_cache(space, large);
    pki_lock_give(&space->lock);
    if (!cache) {
        unmap_large(large);
    }
}

/* Moves head and block to a mapping of `mapped` bytes; the pages move, nothing is copied. When the
 * move fails, older kernels have unmapped `to` already: it is not released, only addresses are lost. */
static pki_large *move_large(pki_space *space, pki_large *large, size_t mapped, size_t usable,
                             pk_status *why)
{
    pki_chunk *from = chunk_of_large(large);
    size_t old_mapped = large->mapped, offset = (size_t)(large->block - (char *)from);
    bool zero;
    pki_chunk *to = pki_space_map(space, mapped, PKI_CHUNK_SIZE, old_mapped, &zero);
    if (to == NULL) {
        return NULL;
    }
    pki_lock_take(&space->lock);
    list_remove(&space->large, large);
    pki_registry_remove(from);
    bool allowed = pki_space_charge(space, mapped - old_mapped);
    bool moved = allowed && pki_os_move(from, old_mapped, to, mapped);
    *why = allowed ? PK_ENOMEM : PK_ELIMIT;
    large = moved ? &to->large : large;
    if (moved) {
        large->block = (char *)to + offset;
        large->mapped = mapped;
        large->usable = usable;
    } else if (allowed) {
        pki_space_uncharge(space, mapped - old_mapped);
    }
    pki_registry_add(chunk_of_large(large));
    list_add(&space->large, large);
    pki_lock_give(&space->lock);
    if (!allowed) {
        pki_os_release(to, mapped);
    }
    return moved ? large : NULL;
}

/* Gives back the pages behind the first `mapped` bytes. */
static void cut_large(pki_space *space, pki_large *large, size_t mapped, size_t usable)
{
    pki_lock_take(&space->lock);
    size_t surplus = large->mapped - mapped;
    if (surplus > 0 && pki_space_is_flexible(space) &&
        pki_os_release((char *)chunk_of_large(large) + mapped, surplus)) {
        large->mapped = mapped;
        pki_space_uncharge(space, surplus);
    }
    large->usable = usable;
    pki_lock_give(&space->lock);
}

/* Charges and extends, or neither. */
static bool extend_large(pki_space *space, pki_large *large, size_t mapped, size_t usable,
                         pk_status *why)
{
    size_t more = mapped - large->mapped;
    *why = PK_ELIMIT;
    pki_lock_take(&space->lock);
    bool extended = pki_space_charge(space, more);
    if (extended) {
        pki_space_drop_cached(space, UINT64_MAX, more);
        *why = PK_ENOMEM;
        extended = pki_space_is_flexible(space) &&
                   pki_os_extend(chunk_of_large(large), large->mapped, mapped);
        if (extended) {
            large->mapped = mapped;
            large->usable = usable;
        } else {
            pki_space_uncharge(space, more);
        }
    }
    pki_lock_give(&space->lock);
    return extended;
}

void *pki_space_resize_large(pki_space *space, pki_large *large, size_t size, bool may_move,
                             pk_status *why)
{
    size_t usable = pki_align_up(size, pki_os_page_size());
    size_t mapped = (size_t)(large->block - (char *)chunk_of_large(large)) + usable;
    if (mapped <= large->mapped) {
        cut_large(space, large, mapped, usable);
    } else if (!extend_large(space, large, mapped, usable, why)) {
        bool move = may_move && pki_space_is_flexible(space) && *why == PK_ENOMEM;
        large = move ? move_large(space, large, mapped, usable, why) : NULL;
    }
    return large == NULL ? NULL : large->block;
}
