/* SPDX-License-Identifier: MIT
 * large_cache.c: freed large blocks, whose resident pages go into new ones. A page fault costs as much
 * as moving a hundred pages from one mapping to another (docs/design/large-blocks.md).
 *
 *   freed:  ┌head┬ 5 MiB ──────────────┐     ┌head┬ 3 MiB ─────┐
 *           └────┴───────────┬─────────┘     └────┴─────┬──────┘
 *                  the end of it moves          all of it moves
 *                            ▼                          ▼
 *   new:    ┌head┬───────────────────┬─────────────────────┬ fresh ┐     4 pieces
 *
 * A freed block of about the right size serves as it is. Otherwise a new mapping is filled from the
 * ends of freed ones: first from the shortest that has all that is needed, else from the longest.
 * Hence no page is asked of the system while there is a freed one, whatever the sizes: what is kept
 * never adds to the peak. The system moves only what is one mapping to it: a block remembers where the pieces
 * begin that it was put together from.
 *
 * How much is kept: as many bytes as large blocks in use have, or as freed ones were of use
 * lately. The latter is learned: when a new block has to ask the system for what was given back
 * shortly before, so much is wanted, and half of it is forgotten at each tick of the space. What
 * was not used between two ticks goes back. */
#include "base/bits.h"
#include "os/pages.h"
#include "os/process.h"
#include "slab/large.h"

#define MIB ((size_t)1 << 20)

static const size_t KEPT_ALWAYS = 16 * MIB; /* z3: 5,450 page faults; with 4 MiB 8,250 */
static const size_t KEPT_MOST = 256 * MIB;  /* to unmap it takes 18 ms, under the lock     */
static const size_t KEPT_LEAST = MIB / 4;   /* of one block: less is not worth an entry    */
static const size_t DIRTY_LEAST = MIB / 4;  /* of slabs: shorter runs are wanted again soon */
static const size_t PIECE_LEAST = 16384;    /* a system call costs as much as a page fault or two */

enum {
    GATHER_BLOCKS_MAX = 1024
}; /* times PKI_LARGE_PIECES: a fifth of the mappings that Linux allows */

static void leave_cache(pki_space *space, pki_large *large)
{
    pki_large_remove(&space->large_cache, large);
    space->large_cached -= large->mapped;
}

/* ---- a block as it is ---- */

/* Has room, and at most an eighth too much, which is lost while it is in use. */
static bool serves(const pki_space *space, pki_large *large, size_t usable, size_t align)
{
    size_t room = large->mapped - pki_large_offset(large);
    return room >= usable && room - usable <= usable / 8 &&
           ((uintptr_t)large->block & (align - 1)) == 0 &&
           large->mapped <= space->limit - space->used;
}

pki_large *pki_large_reuse(pki_space *space, size_t usable, size_t align)
{
    pki_large *best = NULL;
    for (pki_large *large = space->large_cache; large != NULL; large = large->next) {
        if (serves(space, large, usable, align) && (best == NULL || large->mapped < best->mapped)) {
            best = large;
        }
    }
    if (best != NULL) {
        leave_cache(space, best);
        best->zero = false;
    }
    return best;
}

/* ---- pages of blocks ---- */

/* Bytes that can be moved from its end at once. */
static size_t movable(const pki_large *large)
{
    return large->mapped - pki_large_last_piece(large);
}

static pki_large *best_source(const pki_space *space, size_t needed)
{
    pki_large *best = NULL;
    for (pki_large *large = space->large_cache; large != NULL; large = large->next) {
        size_t has = movable(large), best_has = best == NULL ? 0 : movable(best);
        bool better = best_has < needed ? has > best_has : has >= needed && has < best_has;
        if (has >= PIECE_LEAST && better) {
            best = large;
        }
    }
    return best;
}

/* Moves the last `n` bytes of a freed block, its last piece or a part of that, to `to`, a range of equal
 * length. If hardly anything remains of it, it ends. False: refused; it is as it was. */
static bool move_end(pki_space *space, pki_large *source, size_t n, void *to)
{
    char *base = (char *)pki_chunk_of_large(source);
    size_t mapped = source->mapped, rest = mapped - n;
    bool ends = rest < pki_large_offset(source) + KEPT_LEAST;
    if (ends) {
        leave_cache(space, source);
        pki_registry_remove(base);
    }
    if (!pki_os_move(base + rest, n, to, n)) {
        if (ends) {
            pki_registry_add(base);
            space->large_cached += mapped;
            pki_large_add(&space->large_cache, source);
        }
        return false;
    }
    if (!ends) {
        pki_large_set_end(source, rest);
        space->large_cached -= n;
    } else if (rest > 0 && !pki_space_unmap(space, base, rest)) {
        pki_space_purge(space, base, rest); /* only addresses are lost */
    }
    return true;
}

static void begin_piece(pki_large *large, size_t at)
{
    if (at < large->mapped && pki_large_last_piece(large) != at) {
        large->piece[large->n_pieces++] = at;
    }
}

/* The system does not move pages so: not asked again, as each time may lose addresses. Relaxed, a hint. */
static _Atomic bool moving_is_refused;

bool pki_large_may_gather(const pki_space *space)
{
    return pki_space_is_flexible(space) && !space->watched && !space->checked &&
           space->n_large < GATHER_BLOCKS_MAX &&
           !atomic_load_explicit(&moving_is_refused, memory_order_relaxed);
}

/* Moves pages of a freed block, or if there is none of dirty slabs, to `to`, `needed` bytes at most. Returns
 * how many; 0 if there are none. */
static size_t move_some(pki_space *space, size_t needed, char *to, bool *refused)
{
    pki_large *source = best_source(space, needed);
    size_t dirty = source == NULL ? pki_space_dirty_run(space) : 0;
    size_t n = pki_min(source == NULL ? dirty : movable(source), needed);
    if (source == NULL && n < DIRTY_LEAST) {
        return 0;
    }
    *refused =
        source == NULL ? !pki_space_move_dirty(space, n, to) : !move_end(space, source, n, to);
    return n;
}

/* Returns the bytes moved. The range of *refused bytes behind them may be somebody else's now. */
static size_t gather(pki_space *space, pki_large *large, size_t from, size_t *refused)
{
    char *base = (char *)pki_chunk_of_large(large);
    size_t at = from;
    *refused = 0;
    while (at < large->mapped && large->n_pieces + 2 <= PKI_LARGE_PIECES) {
        bool failed = false;
        size_t n = move_some(space, large->mapped - at, base + at, &failed);
        if (n == 0 || failed) {
            *refused = n;
            break;
        }
        large->zero = false;
        begin_piece(large, at);
        at += n;
        begin_piece(large, at);
    }
    return at - from;
}

/* Unmaps what lies behind `from` but for [hole, hole_end). */
static void end_around(pki_space *space, pki_large *large, size_t from, size_t hole,
                       size_t hole_end)
{
    char *base = (char *)pki_chunk_of_large(large);
    size_t mapped = large->mapped;
    if (hole > from && !pki_space_unmap(space, base + from, hole - from)) {
        pki_space_purge(space, base + from, hole - from); /* only addresses are lost */
    }
    if (hole_end < mapped) {
        pki_space_unmap(space, base + hole_end, mapped - hole_end); /* the same: it is untouched */
    }
    pki_large_set_end(large, from);
}

bool pki_large_fill(pki_space *space, pki_large *large, size_t from, size_t *warm)
{
    size_t refused = 0;
    *warm = pki_large_may_gather(space) ? gather(space, large, from, &refused) : 0;
    size_t filled = from + *warm;
    if (refused > 0) {
        atomic_store_explicit(&moving_is_refused, true, memory_order_relaxed);
        end_around(space, large, from, filled, filled + refused);
        return false;
    }
    pki_space_make_up(space, large->mapped - filled);
    return true;
}

/* ---- how much is kept ---- */

void pki_large_learn(pki_space *space, size_t fresh, size_t warm)
{
    size_t missed = pki_min(fresh, space->large_missed);
    space->large_missed -= missed;
    space->large_wanted = pki_max(space->large_wanted, warm) + missed;
}

static size_t kept_bytes(const pki_space *space)
{
    size_t useful = pki_max(2 * space->large_used, space->large_wanted);
    return pki_min(pki_max(useful, KEPT_ALWAYS), KEPT_MOST);
}

static size_t n_cached(const pki_space *space)
{
    size_t n = 0;
    for (const pki_large *large = space->large_cache; large != NULL; large = large->next) {
        n++;
    }
    return n;
}

/* How many bytes of the freed block, from its head, are to be kept; 0 = none. Makes room first: those
 * freed before give way. Lock held. */
static size_t bytes_to_keep(pki_space *space, pki_large *large)
{
    size_t most = kept_bytes(space);
    size_t all = space->large_cached + large->mapped;
    size_t surplus = all > most ? all - most : 0;
    size_t dropped = pki_space_drop_cached(space, UINT64_MAX, surplus);
    size_t cut = surplus - pki_min(dropped, surplus);
    size_t keep = large->mapped - pki_min(cut, large->mapped);
    bool whole = !pki_space_is_flexible(space) && cut > 0;
    if (whole || keep < pki_large_offset(large) + KEPT_LEAST ||
        n_cached(space) >= PKI_LARGE_CACHE_ENTRIES) {
        keep = 0;
    }
    space->large_missed += dropped + large->mapped - keep;
    return keep;
}

static bool cut_end(pki_space *space, pki_large *large, size_t n)
{
    size_t rest = large->mapped - n;
    if (!pki_space_unmap(space, (char *)pki_chunk_of_large(large) + rest, n)) {
        return false;
    }
    pki_large_set_end(large, rest);
    return true;
}

void pki_large_keep(pki_space *space, pki_large *large)
{
    pki_lock_take(&space->lock);
    size_t keep = bytes_to_keep(space, large);
    pki_lock_give(&space->lock);
    if (keep == 0) {
        pki_large_unmap(large);
        return;
    }
    if (keep < large->mapped) {
        cut_end(space, large, large->mapped - keep); /* refused: more is kept, for a while */
    }
    pki_lock_take(&space->lock);
    large->freed_at = pki_os_milliseconds();
    space->large_cached += large->mapped;
    pki_large_add(&space->large_cache, large);
    pki_lock_give(&space->lock);
}

static pki_large *oldest_cached(const pki_space *space)
{
    pki_large *large = space->large_cache;
    while (large != NULL && large->next != NULL) {
        large = large->next;
    }
    return large;
}

/* Gives back the end of a freed block, if what remains is worth keeping. */
static bool drop_end(pki_space *space, pki_large *large, size_t n)
{
    if (!pki_space_is_flexible(space) || large->mapped < n + pki_large_offset(large) + KEPT_LEAST ||
        !cut_end(space, large, n)) {
        return false;
    }
    space->large_cached -= n;
    return true;
}

size_t pki_space_drop_cached(pki_space *space, uint64_t before, size_t bytes)
{
    size_t dropped = 0, page = pki_os_page_size();
    pki_large *large;
    while (dropped < bytes && (large = oldest_cached(space)) != NULL && large->freed_at <= before) {
        size_t n = bytes - dropped;
        if (n < large->mapped && drop_end(space, large, pki_align_up(n, page))) {
            return dropped + pki_align_up(n, page);
        }
        leave_cache(space, large);
        dropped += large->mapped;
        pki_large_unmap(large);
    }
    return dropped;
}
