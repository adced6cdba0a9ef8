/* SPDX-License-Identifier: MIT
 * lane.c: see lane.h. A block is taken from its thread's lane, and waits in that of the thread that frees
 * it; home it goes to whichever owner its slab names. */
#include "heap/lane.h"

#include <string.h>

#include "heap/heap_internal.h"
#include "os/process.h"
#include "slab/idle.h"
#include "slab/meta.h"

enum { CLOCK_EVERY_FREES = 64 }; /* frees between two looks at the clock */

/* What a lane's quarantine keeps at most, beside the bound of its queue, 1,024 blocks. More finds stale
 * pointers that are used later, and costs cache misses. */
static const size_t KEPT_HARDENED = (size_t)1 << 20;
static const size_t KEPT_DEBUG = (size_t)4 << 20;

static size_t bound_of(const pk_heap *heap)
{
    return heap->checked.mode == PKI_MODE_DEBUG ? KEPT_DEBUG : KEPT_HARDENED;
}

/* ---- lanes ---- */

/* xorshift: unpredictable enough for an order, not for a key. */
static uint64_t next_random(pki_lane *lane)
{
    uint64_t x = lane->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return lane->random = x;
}

static pki_lane *create_lane(pk_heap *heap)
{
    pki_lane *lane = pki_meta_alloc(sizeof *lane);
    if (lane == NULL) {
        return NULL;
    }
    lane->random = pki_os_random() | 1;
    lane->owner = pki_owner_create_shared(&heap->space);
    if (lane->owner == NULL) {
        pki_meta_free(lane, sizeof *lane);
        return NULL;
    }
    return lane;
}

/* Two threads may make the same lane: the second one's owner is left for the next lane. */
static PKI_COLD pki_lane *make_lane(pk_heap *heap, unsigned number)
{
    pki_lane *expected = NULL, *lane = create_lane(heap);
    if (lane == NULL) {
        return NULL;
    }
    if (!atomic_compare_exchange_strong_explicit(&heap->checked.lane[number], &expected, lane,
                                                 memory_order_acq_rel, memory_order_acquire)) {
        pki_owner_leave(lane->owner);
        pki_meta_free(lane, sizeof *lane);
        lane = expected;
    }
    pki_thread_make_hooks();
    return lane;
}

static pki_lane *lane_at(const pk_heap *heap, unsigned number)
{
    return atomic_load_explicit(&heap->checked.lane[number], memory_order_acquire);
}

/* Threads' tags lie at the same place of each thread's block of variables. */
static unsigned number_of_thread(void)
{
    return (unsigned)((uint64_t)pki_lock_me() * UINT64_C(0x9E3779B97F4A7C15) >> 61);
}

static pki_lane *my_lane(pk_heap *heap)
{
    unsigned number = number_of_thread();
    pki_lane *lane = lane_at(heap, number);
    return pki_likely(lane != NULL) ? lane : make_lane(heap, number);
}

/* ---- taking ---- */

void *pki_checked_take(pk_heap *heap, unsigned cls, pk_status *why)
{
    pki_lane *lane = my_lane(heap);
    if (lane == NULL) {
        *why = PK_ENOMEM;
        return NULL;
    }
    if (!pki_lock_enter(&lane->owner->lock)) {
        *why = PK_EBUSY;
        return NULL;
    }
    void *p = pki_owner_take_random(lane->owner, cls, next_random(lane), why);
    if (p != NULL) {
        pki_place place = {.space = &heap->space, .usable = pki_class_size(cls) - heap->space.gap};
        pki_block b = pki_checked_block(&place, p);
        pki_block_clear(&b);
    }
    pki_lock_give(&lane->owner->lock);
    return p;
}

/* ---- putting ---- */

/* The block before this one, if its record was overwritten: by an overrun of its own, or an underrun of this
 * one. Of the lane's slabs only, whose blocks are taken, and their records begun, under this lock; and
 * not of a block that its slab has back: its page may have been purged. */
static bool finds_damaged_neighbour(const pki_lane *lane, const pki_place *place,
                                    const pki_block *b, pki_block *found)
{
    const pki_slab *slab = place->slab;
    if (place->kind != PKI_PLACE_CLASS || b->p == slab->base ||
        (place->word ^ lane->owner->key) >= lane->owner->limit) {
        return false;
    }
    char *p = b->p - slab->block_size;
    if (pki_slab_is_free(slab, pki_block_index(slab, (size_t)(p - slab->base)))) {
        return false;
    }
    *found = pki_block_at(p, b->room, b->debug);
    return !pki_block_record_holds(found);
}

/* What is due each 100 ms, whatever the threads do. */
static void tick(pk_heap *heap)
{
    uint64_t now = pki_os_milliseconds();
    uint64_t last = atomic_load_explicit(&heap->checked.ticked_at, memory_order_relaxed);
    if (now - last >= pki_settings.purge_ms &&
        atomic_compare_exchange_strong_explicit(&heap->checked.ticked_at, &last, now,
                                                memory_order_relaxed, memory_order_relaxed)) {
        pki_owners_settle(&heap->space);
        pki_space_tick(&heap->space, now);
        pki_idle_look(&heap->space, 0);
    }
}

/* Sends home what has left the quarantine, or takes it back. */
static bool send_home(pki_lane *lane, const pki_quarantined *out)
{
    bool left = pki_checked_leave(out);
    if (!left && pki_lock_enter(&lane->owner->lock)) {
        pki_quarantine_enter(&lane->quarantine, out, next_random(lane));
        pki_lock_give(&lane->owner->lock);
    }
    return left;
}

static bool leave_next(pki_lane *lane, size_t bound)
{
    pki_quarantined out;
    if (!pki_lock_enter(&lane->owner->lock)) {
        return false;
    }
    bool leaves = pki_quarantine_leave(&lane->quarantine, bound, &out);
    pki_lock_give(&lane->owner->lock);
    return leaves && send_home(lane, &out);
}

void pki_lane_put(const pki_place *place, const pki_block *b, const pki_quarantined *entry)
{
    pk_heap *heap = (pk_heap *)place->space;
    pki_lane *lane = my_lane(heap);
    pki_quarantined out;
    pki_block neighbour;
    if (lane == NULL) {
        pki_checked_leave(entry);
        return;
    }
    if (!pki_lock_enter(&lane->owner->lock)) {
        return; /* as in pki_owner_put_home */
    }
    bool damaged = finds_damaged_neighbour(lane, place, b, &neighbour);
    pki_quarantine_enter(&lane->quarantine, entry, next_random(lane));
    bool leaves = pki_quarantine_leave(&lane->quarantine, bound_of(heap), &out);
    bool is_time = ++lane->calls % CLOCK_EVERY_FREES == 0;
    bool more = lane->quarantine.weight > bound_of(heap);
    pki_lock_give(&lane->owner->lock);
    if (damaged) {
        pki_checked_report(place, &neighbour, PK_FAULT_OVERRUN, "check", NULL);
    }
    more = leaves && send_home(lane, &out) && more;
    while (more) {
        more = leave_next(lane, bound_of(heap));
    }
    if (is_time) {
        tick(heap);
    }
}

/* Every block has a weight: none stays. */
void pki_checked_flush(pk_heap *heap)
{
    for (unsigned i = 0; i < PKI_LANES; i++) {
        pki_lane *lane = lane_at(heap, i);
        while (lane != NULL && leave_next(lane, 0)) {}
    }
}

void pki_checked_fini(pk_heap *heap)
{
    pki_checked_flush(heap);
    for (unsigned i = 0; i < PKI_LANES; i++) {
        pki_lane *lane = lane_at(heap, i);
        atomic_store_explicit(&heap->checked.lane[i], NULL, memory_order_relaxed);
        pki_meta_free(lane, sizeof *lane);
    }
}
