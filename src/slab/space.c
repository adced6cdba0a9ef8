/* SPDX-License-Identifier: MIT
 * space.c: a space's chunks: who has which slab, which free ones are dirty, and giving them back.
 * Large blocks are in large.c. */
#include "slab/space.h"

#include <string.h>

#include "base/bits.h"
#include "os/pages.h"
#include "os/probe.h"
#include "os/process.h"
#include "slab/names.h"
#include "slab/settings.h"
#include "slab/watched.h"

_Atomic uint32_t pki_registry[PKI_REGISTRY_CHUNKS / 32];

enum {
    TICK_PURGE_SLABS = 1024, /* 64 MiB: some milliseconds under the lock */
    SPARE_CHUNKS = 1         /* empty chunks kept, so that one block's life is no mmap pair */
};

/* ---- the two indexes by longest run ---- */

static pki_chunk_link *link_of(const pki_run_index *index, pki_chunk *chunk)
{
    return (pki_chunk_link *)((char *)chunk + index->link_offset);
}

static void index_remove(pki_run_index *index, pki_chunk *chunk, unsigned run)
{
    if (run == 0) {
        return;
    }
    pki_chunk_link *link = link_of(index, chunk);
    if (link->next != NULL) {
        link_of(index, link->next)->prev = link->prev;
    }
    if (link->prev != NULL) {
        link_of(index, link->prev)->next = link->next;
    } else {
        index->first[run] = link->next;
        if (link->next == NULL) {
            index->nonempty &= ~(UINT64_C(1) << run);
        }
    }
}

static void index_add(pki_run_index *index, pki_chunk *chunk, unsigned run)
{
    if (run == 0) {
        return;
    }
    pki_chunk_link *link = link_of(index, chunk);
    link->prev = NULL;
    link->next = index->first[run];
    if (link->next != NULL) {
        link_of(index, link->next)->prev = chunk;
    }
    index->first[run] = chunk;
    index->nonempty |= UINT64_C(1) << run;
}

static uint32_t index_move(pki_run_index *index, pki_chunk *chunk, uint32_t from, uint64_t mask)
{
    unsigned run = pki_longest_run(mask);
    if (run != from) {
        index_remove(index, chunk, from);
        index_add(index, chunk, run);
    }
    return run;
}

/* The chunk with the shortest longest run that still holds `n`. */
static pki_chunk *index_best_fit(const pki_run_index *index, unsigned n)
{
    uint64_t long_enough = index->nonempty & ~(pki_mask_range(0, n));
    return long_enough == 0 ? NULL : index->first[pki_count_trailing_zeros(long_enough)];
}

static pki_chunk *index_longest(const pki_run_index *index)
{
    return index->nonempty == 0 ? NULL : index->first[pki_log2_floor(index->nonempty)];
}

static void set_masks(pki_space *space, pki_chunk *chunk, uint64_t free, uint64_t dirty)
{
    space->dirty_slabs += pki_popcount(dirty);
    space->dirty_slabs -= pki_popcount(chunk->dirty);
    if (space->dirty_slabs < space->dirty_least) {
        space->dirty_least = space->dirty_slabs;
    }
    chunk->free = free;
    chunk->dirty = dirty;
    chunk->free_run = index_move(&space->by_free, chunk, chunk->free_run, free);
    chunk->dirty_run = index_move(&space->by_dirty, chunk, chunk->dirty_run, dirty);
}

/* ---- chunks ---- */

static void list_add(pki_space *space, pki_chunk *chunk)
{
    chunk->all.prev = NULL;
    chunk->all.next = space->all.next;
    if (chunk->all.next != NULL) {
        chunk->all.next->all.prev = chunk;
    }
    space->all.next = chunk;
    space->n_chunks++;
}

static void list_remove(pki_space *space, pki_chunk *chunk)
{
    if (chunk->all.next != NULL) {
        chunk->all.next->all.prev = chunk->all.prev;
    }
    if (chunk->all.prev != NULL) {
        chunk->all.prev->all.next = chunk->all.next;
    } else {
        space->all.next = chunk->all.next;
    }
    space->n_chunks--;
}

static void *map_pages(const pki_space *space, size_t size, size_t align, bool *zero)
{
    if (space->source.ops == NULL) {
        *zero = true;
        void *p = pki_os_map(size, align);
        const char *kind = space->kind == PKI_SPACE_OF_HEAP ? "heap" : "shared pool";
        pki_name_pages(p, size, kind, space->name);
        return p;
    }
    unsigned got = 0;
    void *p = space->source.ops->map(space->source.ctx, size, align, &got);
    *zero = (got & PK_PAGES_ZERO) != 0;
    return p;
}

bool pki_space_unmap(const pki_space *space, void *p, size_t size)
{
    pki_space_show(space, p, size);
    if (space->source.ops == NULL) {
        return pki_os_release(p, size);
    }
    space->source.ops->unmap(space->source.ctx, p, size);
    return true;
}

bool pki_space_purge(const pki_space *space, void *p, size_t size)
{
    const pk_page_source_ops *ops = space->source.ops;
    PKI_PROBE(purge, space, space->name, p, size);
    if (ops == NULL) {
        return pki_os_purge(p, size);
    }
    if (ops->purge != NULL) {
        pki_space_show(space, p, size);
        ops->purge(space->source.ctx, p, size);
        pki_space_hide(space, p, size);
    }
    return ops->purge != NULL;
}

void *pki_space_map(pki_space *space, size_t size, size_t align, size_t in_place_of, bool *zero)
{
    pki_lock_take(&space->lock);
    pki_space_drop_cached(space, UINT64_MAX, size - in_place_of);
    pki_lock_give(&space->lock);
    void *p = map_pages(space, size, align, zero);
    if (p == NULL && pki_space_trim(space, 0) > 0) {
        p = map_pages(space, size, align, zero);
    }
    return p;
}

/* Called without the lock: a new chunk is nobody's yet. */
static pki_chunk *chunk_map(pki_space *space)
{
    bool zero;
    pki_chunk *chunk = pki_space_map(space, PKI_CHUNK_SIZE, PKI_CHUNK_SIZE, 0, &zero);
    if (chunk != NULL) {
        if (!zero) {
            memset(chunk, 0, sizeof *chunk);
        }
        if (pki_space_is_flexible(space)) {
            pki_os_huge_pages(chunk, PKI_CHUNK_SIZE, pki_settings.huge_pages);
        }
        chunk->space = space;
        pki_space_hide(space, (char *)chunk + PKI_SLAB_SIZE, PKI_CHUNK_SIZE - PKI_SLAB_SIZE);
        pki_word_set(chunk, 0, PKI_WORD_HEAD);
        pki_registry_add(chunk);
    }
    return chunk;
}

static void chunk_release(pki_space *space, pki_chunk *chunk)
{
    set_masks(space, chunk, 0, 0);
    list_remove(space, chunk);
    pki_registry_remove(chunk);
    if (!pki_space_unmap(space, chunk, PKI_CHUNK_SIZE)) {
        /* The map count is exhausted: keep the addresses, give back the memory. */
        pki_space_purge(space, (char *)chunk + PKI_SLAB_SIZE, PKI_CHUNK_SIZE - PKI_SLAB_SIZE);
        pki_space_hide(space, (char *)chunk + PKI_SLAB_SIZE, PKI_CHUNK_SIZE - PKI_SLAB_SIZE);
        pki_registry_add(chunk);
        list_add(space, chunk);
        set_masks(space, chunk, PKI_ALL_SLABS, 0);
    }
}

/* Releases empty chunks, but SPARE_CHUNKS (none if `all`). Returns the bytes that were resident. */
static size_t release_empty(pki_space *space, bool all)
{
    size_t kept = 0, before = space->n_chunks;
    pki_chunk *chunk = space->by_free.first[PKI_SLABS - 1];
    while (chunk != NULL) {
        pki_chunk *next = chunk->by_free.next;
        if (chunk->dirty == 0 && (all || kept++ >= SPARE_CHUNKS)) {
            size_t n = space->n_chunks;
            chunk_release(space, chunk);
            if (space->n_chunks == n) {
                break; /* refused */
            }
        }
        chunk = next;
    }
    return (before - space->n_chunks) * PKI_SLAB_SIZE; /* the head; the rest was clean */
}

/* ---- slabs ---- */

bool pki_space_charge(pki_space *space, size_t bytes)
{
    if (bytes > space->limit - space->used) {
        return false;
    }
    space->used += bytes;
    space->used_peak = pki_max(space->used_peak, space->used);
    return true;
}

void pki_space_uncharge(pki_space *space, size_t bytes) { space->used -= bytes; }

unsigned pki_space_charge_blocks(pki_space *space, unsigned n)
{
    if (space->blocks_max == 0) {
        return n;
    }
    size_t now = atomic_load_explicit(&space->blocks, memory_order_relaxed);
    unsigned allowed;
    do {
        allowed = (unsigned)pki_min(n, space->blocks_max - now);
    } while (!atomic_compare_exchange_weak_explicit(&space->blocks, &now, now + allowed,
                                                    memory_order_relaxed, memory_order_relaxed));
    return allowed;
}

void pki_space_uncharge_blocks(pki_space *space, unsigned n)
{
    if (space->blocks_max != 0) {
        atomic_fetch_sub_explicit(&space->blocks, n, memory_order_relaxed);
    }
}

/* Finds `n` free slabs in a row, resident ones if there are such, and takes them. */
static pki_slab *take_slabs(pki_space *space, unsigned n, bool *zero)
{
    pki_chunk *chunk = index_best_fit(&space->by_dirty, n);
    uint64_t starts = 0;
    if (chunk != NULL) {
        starts = pki_run_starts(chunk->dirty, n);
    } else if ((chunk = index_best_fit(&space->by_free, n)) != NULL) {
        starts = pki_run_starts(chunk->free, n);
    } else {
        return NULL;
    }
    unsigned first = pki_count_trailing_zeros(starts);
    uint64_t taken = pki_mask_range(first, n);
    /* What a source's purge leaves is unknown. */
    *zero = (chunk->dirty & taken) == 0 && pki_space_is_flexible(space);
    set_masks(space, chunk, chunk->free & ~taken, chunk->dirty & ~taken);
    return &chunk->slab[first];
}

static void give_slabs(pki_space *space, pki_slab *first, unsigned n, bool dirty)
{
    pki_chunk *chunk = pki_chunk_of(first);
    unsigned number = pki_slab_index(first);
    for (unsigned i = 0; i < n; i++) {
        pki_word_set(chunk, number + i, PKI_WORD_FREE);
    }
    uint64_t given = pki_mask_range(number, n);
    set_masks(space, chunk, chunk->free | given, chunk->dirty | (dirty ? given : 0));
    pki_space_uncharge(space, n * PKI_SLAB_SIZE);
}

/* Charge and take, or neither: the lock's holder (also a fork) sees sums that agree. */
static pki_slab *take_charged(pki_space *space, unsigned n, bool *zero, pk_status *why)
{
    if (!pki_space_charge(space, n * PKI_SLAB_SIZE)) {
        *why = PK_ELIMIT;
        return NULL;
    }
    pki_slab *first = take_slabs(space, n, zero);
    if (first == NULL) {
        pki_space_uncharge(space, n * PKI_SLAB_SIZE);
        *why = PK_ENOMEM;
    }
    return first;
}

/* take_charged, and a new chunk if there are none. Called and left with the lock held. */
static pki_slab *take_slabs_or_grow(pki_space *space, unsigned n, bool *zero, pk_status *why)
{
    pki_slab *first = take_charged(space, n, zero, why);
    if (first != NULL || *why == PK_ELIMIT) {
        return first;
    }
    pki_lock_give(&space->lock);
    pki_chunk *chunk = chunk_map(space);
    pki_lock_take(&space->lock);
    if (chunk != NULL) {
        list_add(space, chunk);
        set_masks(space, chunk, PKI_ALL_SLABS, 0);
    }
    return take_charged(space, n, zero, why);
}

pki_slab *pki_space_take_slab(pki_space *space, pk_status *why)
{
    bool zero = false;
    pki_lock_take(&space->lock);
    pki_slab *slab = take_slabs_or_grow(space, 1, &zero, why);
    if (slab != NULL) {
        slab->zero = zero;
        pki_word_set(pki_chunk_of(slab), pki_slab_index(slab), PKI_WORD_SPARE);
    }
    pki_lock_give(&space->lock);
    return slab;
}

void pki_space_give_slab(pki_space *space, pki_slab *slab)
{
    pki_lock_take(&space->lock);
    give_slabs(space, slab, 1, !slab->zero || slab->fresh > 0);
    pki_lock_give(&space->lock);
}

/* ---- runs ---- */

/* The fields of a run's first slab, and the words: `n` slabs, `size` bytes that may be used. */
static void describe_run(pki_slab *first, unsigned n, size_t size)
{
    pki_chunk *chunk = pki_chunk_of(first);
    unsigned number = pki_slab_index(first);
    first->block_size = (uint32_t)size;
    first->capacity = n;
    pki_word_set(chunk, number, PKI_WORD_RUN);
    for (unsigned i = 1; i < n; i++) {
        pki_word_set(chunk, number + i, PKI_WORD_RUN_REST);
    }
}

void *pki_space_take_run(pki_space *space, unsigned n, size_t size, bool *zero, pk_status *why)
{
    if (pki_lock_is_interrupted(&space->lock)) {
        *why = PK_EBUSY;
        return NULL;
    }
    pki_lock_take(&space->lock);
    pki_slab *first = take_slabs_or_grow(space, n, zero, why);
    if (first != NULL) {
        describe_run(first, n, size);
    }
    pki_lock_give(&space->lock);
    void *p = first == NULL ? NULL : pki_slab_base(first);
    pki_space_tell_alloc(space, p, size, p != NULL && *zero);
    return p;
}

void pki_space_give_run(pki_space *space, pki_slab *first)
{
    pki_lock_take(&space->lock);
    pki_space_tell_free(space, pki_slab_base(first), first->block_size);
    give_slabs(space, first, first->capacity, true);
    pki_lock_give(&space->lock);
}

static bool extend_run(pki_space *space, pki_slab *first, unsigned n)
{
    pki_chunk *chunk = pki_chunk_of(first);
    unsigned behind = pki_slab_index(first) + first->capacity;
    unsigned more = n - first->capacity;
    if (behind + more > PKI_SLABS) {
        return false;
    }
    uint64_t wanted = pki_mask_range(behind, more);
    if ((chunk->free & wanted) != wanted || !pki_space_charge(space, more * PKI_SLAB_SIZE)) {
        return false;
    }
    set_masks(space, chunk, chunk->free & ~wanted, chunk->dirty & ~wanted);
    return true;
}

bool pki_space_resize_run(pki_space *space, pki_slab *first, unsigned n, size_t size)
{
    pki_lock_take(&space->lock);
    bool resized = n <= first->capacity || extend_run(space, first, n);
    if (resized) {
        if (n < first->capacity) {
            give_slabs(space, first + n, first->capacity - n, true);
        }
        describe_run(first, n, size);
    }
    pki_lock_give(&space->lock);
    return resized;
}

/* ---- giving memory back ---- */

/* Purges the longest run of dirty slabs of the chunk, `most` at the most. Returns how many slabs, 0 if
 * refused. */
static unsigned purge_run(pki_space *space, pki_chunk *chunk, size_t most)
{
    unsigned first = pki_count_trailing_zeros(pki_run_starts(chunk->dirty, chunk->dirty_run));
    unsigned n = (unsigned)pki_min(chunk->dirty_run, most);
    char *base = (char *)chunk + ((size_t)first << PKI_SLAB_SHIFT);
    if (!pki_space_purge(space, base, n * PKI_SLAB_SIZE)) {
        return 0;
    }
    set_masks(space, chunk, chunk->free, chunk->dirty & ~pki_mask_range(first, n));
    return n;
}

static size_t purge(pki_space *space, size_t slabs)
{
    size_t purged = 0;
    while (purged < slabs) {
        pki_chunk *chunk = index_longest(&space->by_dirty);
        unsigned n = chunk == NULL ? 0 : purge_run(space, chunk, slabs - purged);
        if (n == 0) {
            break;
        }
        purged += n;
    }
    return purged;
}

size_t pki_space_dirty_run(const pki_space *space)
{
    const pki_chunk *chunk = index_longest(&space->by_dirty);
    return chunk == NULL ? 0 : chunk->dirty_run * PKI_SLAB_SIZE;
}

bool pki_space_move_dirty(pki_space *space, size_t bytes, void *to)
{
    pki_chunk *chunk = index_longest(&space->by_dirty);
    unsigned first = pki_count_trailing_zeros(pki_run_starts(chunk->dirty, chunk->dirty_run));
    char *base = (char *)chunk + ((size_t)first << PKI_SLAB_SHIFT);
    if (!pki_os_move_contents(base, bytes, to)) {
        return false;
    }
    unsigned whole = (unsigned)(bytes >> PKI_SLAB_SHIFT); /* a part of one may stay behind */
    set_masks(space, chunk, chunk->free, chunk->dirty & ~pki_mask_range(first, whole));
    return true;
}

void pki_space_make_up(pki_space *space, size_t bytes)
{
    size_t dropped = pki_space_drop_cached(space, UINT64_MAX, bytes);
    if (dropped < bytes) {
        purge(space, pki_min((bytes - dropped) / PKI_SLAB_SIZE, TICK_PURGE_SLABS));
    }
}

size_t pki_space_tick(pki_space *space, uint64_t now)
{
    size_t bytes = 0;
    uint64_t last = atomic_load_explicit(&space->ticked_at, memory_order_relaxed);
    if (now - last < pki_settings.purge_ms || !pki_lock_try(&space->lock)) {
        return 0;
    }
    if (atomic_load_explicit(&space->ticked_at, memory_order_relaxed) == last) {
        atomic_store_explicit(&space->ticked_at, now, memory_order_relaxed);
        size_t slabs = pki_min((space->dirty_least + 1) / 2, TICK_PURGE_SLABS);
        bytes = purge(space, slabs) * PKI_SLAB_SIZE;
        space->dirty_least = space->dirty_slabs;
        bytes += pki_space_drop_cached(space, last, SIZE_MAX);
        space->large_wanted /= 2;
        space->large_missed /= 2;
        bytes += release_empty(space, false);
    }
    pki_lock_give(&space->lock);
    return bytes;
}

size_t pki_space_trim(pki_space *space, size_t keep)
{
    pki_lock_take(&space->lock);
    size_t keep_slabs = keep / PKI_SLAB_SIZE, bytes = 0;
    if (space->dirty_slabs > keep_slabs) {
        bytes = purge(space, space->dirty_slabs - keep_slabs) * PKI_SLAB_SIZE;
    }
    bytes += pki_space_drop_cached(space, UINT64_MAX, SIZE_MAX);
    bytes += release_empty(space, true);
    pki_lock_give(&space->lock);
    return bytes;
}

/* ---- life ---- */

void pki_space_init(pki_space *space, const pki_geometry *geometry, const char *name, size_t limit)
{
    space->geometry = geometry;
    strncpy(space->name, name, PKI_NAME_SIZE - 1);
    space->limit = limit;
    space->by_free.link_offset = offsetof(pki_chunk, by_free);
    space->by_dirty.link_offset = offsetof(pki_chunk, by_dirty);
}

void pki_space_fini(pki_space *space)
{
    while (space->large != NULL) {
        pki_space_give_large(space, space->large);
    }
    pki_space_drop_cached(space, UINT64_MAX, SIZE_MAX);
    if (space->watched) {
        pki_watch_end(space);
    }
    for (pki_chunk *chunk = space->all.next; chunk != NULL;) {
        pki_chunk *next = chunk->all.next;
        pki_registry_remove(chunk);
        if (!pki_space_unmap(space, chunk, PKI_CHUNK_SIZE)) {
            pki_space_purge(space, chunk, PKI_CHUNK_SIZE); /* only addresses are lost */
        }
        chunk = next;
    }
    space->all.next = NULL;
}

bool pki_space_check(pki_space *space)
{
    pki_lock_take(&space->lock);
    bool agree = space->dirty_least <= space->dirty_slabs && space->used <= space->used_peak &&
                 space->used <= space->limit &&
                 space->dirty_slabs <= space->n_chunks * (PKI_SLABS - 1) &&
                 (space->n_chunks != 0) == (space->all.next != NULL);
    pki_lock_give(&space->lock);
    return agree;
}
