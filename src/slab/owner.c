/* SPDX-License-Identifier: MIT
 * owner.c: an owner's stacks: refill, flush, where new slabs come from. How blocks come home to their
 * slabs is in owner_home.c, its life (adopt, leave) in owner_life.c. */
#include "slab/owner.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "os/probe.h"
#include "os/process.h"
#include "slab/fault.h"
#include "slab/idle.h"
#include "slab/meta.h"
#include "slab/settings.h"
#include "slab/watched.h"

enum {
    CLOCK_EVERY = 16,        /* slow calls between two looks at the clock (some 20 ns each)     */
    IDLE_TICKS = 2,          /* a slab untouched for so long has its free pages purged          */
    SETTLE_PER_TICK = 256,   /* slabs purged in one tick at most: about 1 ms of system calls     */
    GROWTH_LOOK = 8,         /* fresh slabs taken between two looks for idle stacks: 512 KiB     */
    SETTLE_LOOKS = 4,        /* such looks between two for idle slabs: 2 MiB                     */
    SETTLE_PER_LOOK = 64,    /* slabs purged then at most: below the price of 2 MiB page faults  */
    SETTLE_LOOKS_MAX = 4096, /* slabs looked at then: some 0.1 ms                              */
    STEAL_LOOKS = 8          /* orphans looked at for a slab of the class                       */
};

/* ---- new slabs; the owner's lock is held ---- */

static uint32_t word_of(const pki_owner *owner, unsigned bin)
{
    return owner->key | bin * (uint32_t)sizeof(pki_bin);
}

static void give_label(pki_owner *owner, pki_slab *slab, unsigned bin)
{
    pki_word_set(pki_chunk_of(slab), pki_slab_index(slab), word_of(owner, bin));
    owner->list[bin].n_slabs++;
    pki_slab_list_add(&owner->list[bin].first, slab);
    pki_owner_touch(owner, slab);
}

/* An orphan's slab of the class, with room. Both locks are held for the change of its word. */
static bool steal_from(pki_owner *owner, pki_owner *orphan, unsigned bin)
{
    if (!pki_lock_try(&orphan->lock)) {
        return false;
    }
    pki_slab *slab = orphan->thread == NULL ? orphan->list[bin].first : NULL;
    if (slab != NULL) {
        pki_slab_list_remove(&orphan->list[bin].first, slab);
        orphan->list[bin].n_slabs--;
        give_label(owner, slab, bin);
    }
    pki_lock_give(&orphan->lock);
    return slab != NULL;
}

/* The lock of the list of owners comes before an owner's, hence only tried. Orphans that have nothing
 * of the class go to the end of the list, so that all of them are looked at in turn. */
static bool steal(pki_owner *owner, unsigned bin)
{
    pki_space *space = owner->space;
    if (atomic_load_explicit(&space->n_orphans, memory_order_relaxed) == 0 ||
        !pki_lock_try(&space->owners_lock)) {
        return false;
    }
    bool stolen = false;
    for (unsigned looks = 0; looks < STEAL_LOOKS && space->orphans != NULL && !stolen; looks++) {
        stolen = steal_from(owner, space->orphans, bin);
        if (!stolen) {
            pki_orphans_rotate(space);
        }
    }
    pki_lock_give(&space->owners_lock);
    return stolen;
}

/* Puts a slab of the class first on its list. */
static bool get_slab(pki_owner *owner, unsigned bin, pk_status *why)
{
    if (owner->n_spare == 0 && steal(owner, bin)) {
        return true;
    }
    pki_slab *slab = owner->n_spare > 0 ? owner->spare[--owner->n_spare]
                                        : pki_space_take_slab(owner->space, why);
    if (slab == NULL) {
        return false;
    }
    owner->grown += slab->zero;
    const pki_class *cls = &owner->space->geometry->classes[bin];
    pki_slab_init(slab, pki_slab_base(slab), pki_slab_bits(slab), cls->size, cls->capacity);
    pki_slab_mark(slab);
    slab->bin = (uint8_t)bin;
    give_label(owner, slab, bin);
    return true;
}

/* ---- stacks ---- */

static bool resize_stack(pki_owner *owner, unsigned bin, uint32_t capacity)
{
    pki_bin_list *list = &owner->list[bin];
    void **slots = pki_meta_alloc((capacity + 1) * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    void **base = slots + 1;
    size_t n = 0;
    if (list->base != NULL) {
        n = (size_t)(atomic_load_explicit(&pki_bins(owner)[bin].top, memory_order_relaxed) -
                     list->base);
        memcpy(base, list->base, n * sizeof *base);
        pki_meta_free(list->base - 1, (list->capacity + 1) * sizeof *slots);
    }
    list->base = base;
    list->capacity = capacity;
    list->quiet_top = NULL;
    atomic_store_explicit(&pki_bins(owner)[bin].top, base + n, memory_order_release);
    pki_bins(owner)[bin].end = pki_bin_end(base + capacity);
    return true;
}

static bool has_stack(pki_owner *owner, unsigned bin)
{
    return owner->list[bin].base != NULL ||
           resize_stack(owner, bin, owner->space->geometry->classes[bin].stack_first);
}

/* Takes up to `n` blocks from the first slab with room. */
static unsigned take_from_first(pki_owner *owner, unsigned bin, void **out, unsigned n)
{
    pki_bin_list *list = &owner->list[bin];
    pki_slab *slab = list->first;
    unsigned fresh;
    unsigned got = pki_slab_take(slab, out, n, &fresh);
    pki_owner_touch(owner, slab);
    if (!pki_slab_has_room(slab)) {
        pki_slab_list_remove(&list->first, slab);
    }
    list->zero_next = list->zero_end = NULL;
    if (fresh > 0 && slab->zero) {
        list->zero_next = out[fresh - 1];
        list->zero_end = list->zero_next + (size_t)fresh * slab->block_size;
    }
    return got;
}

/* The same as far as the number of the space's blocks is not bounded. */
static unsigned take_slab_charged(pki_owner *owner, unsigned bin, void **out, unsigned n)
{
    unsigned allowed = pki_space_charge_blocks(owner->space, n);
    unsigned got = allowed == 0 ? 0 : take_from_first(owner, bin, out, allowed);
    if (got < allowed) {
        pki_space_uncharge_blocks(owner->space, allowed - got);
    }
    return got;
}

/* Fills an empty stack from one slab, so that what is known to be zero is one range. */
void *pki_owner_fill_stack(pki_owner *owner, unsigned bin, pk_status *why)
{
    pki_bin_list *list = &owner->list[bin];
    if (!has_stack(owner, bin)) {
        *why = PK_ENOMEM;
        return NULL;
    }
    if (list->first == NULL && !get_slab(owner, bin, why)) {
        return NULL;
    }
    size_t refill = owner->space->geometry->classes[bin].refill;
    unsigned wanted = (unsigned)pki_min(refill, (list->capacity + 1) / 2);
    unsigned got = take_slab_charged(owner, bin, list->base, wanted);
    if (got == 0) {
        *why = PK_ELIMIT;
        return NULL;
    }
    void *p = list->base[got - 1];
    PKI_PROBE(refill, owner->space, owner->space->name, owner->space->geometry->classes[bin].size,
              got);
    atomic_store_explicit(&pki_bins(owner)[bin].top, list->base + got - 1, memory_order_release);
    pki_owner_hand_out(owner, bin, p);
    return p;
}

/* Sends the `n` oldest blocks of a stack home. */
static void flush_oldest(pki_owner *owner, unsigned bin, unsigned n)
{
    pki_bin_list *list = &owner->list[bin];
    void **top = atomic_load_explicit(&pki_bins(owner)[bin].top, memory_order_relaxed);
    size_t rest = (size_t)(top - list->base) - n;
    list->zero_next = list->zero_end = NULL;
    PKI_PROBE(flush, owner->space, owner->space->name, owner->space->geometry->classes[bin].size,
              n);
    atomic_store_explicit(&list->leaving, n, memory_order_relaxed);
    pki_owner_put_home(owner, list->base, n, PKI_WAS_IDLE);
    memmove(list->base, list->base + n, rest * sizeof *list->base);
    atomic_store_explicit(&pki_bins(owner)[bin].top, list->base + rest, memory_order_release);
    atomic_store_explicit(&list->leaving, 0, memory_order_release);
}

/* A stack that did not move since the last look is emptied: each block in it may be all that keeps
 * a slab from being given to another class. */
static void flush_idle_stacks(pki_owner *owner)
{
    for (unsigned bin = 0; bin < owner->space->geometry->n; bin++) {
        pki_bin_list *list = &owner->list[bin];
        void **top = atomic_load_explicit(&pki_bins(owner)[bin].top, memory_order_relaxed);
        if (list->base != NULL && top > list->base && top == list->quiet_top) {
            flush_oldest(owner, bin, (unsigned)(top - list->base));
        }
        list->quiet_top = atomic_load_explicit(&pki_bins(owner)[bin].top, memory_order_relaxed);
    }
}

/* Purges the free pages of slabs that nobody took from or put to, `most` slabs at the most, among at
 * most `looks` slabs. The owner's lock is held. */
static size_t purge_slabs(pki_owner *owner, unsigned idle_ticks, unsigned most, unsigned looks)
{
    size_t bytes = 0;
    for (unsigned bin = 0; bin < owner->space->geometry->n && looks > 0; bin++) {
        pki_slab *slab = owner->list[bin].first;
        for (; slab != NULL && most > 0 && looks > 0; slab = slab->next, looks--) {
            if (!slab->settled && (uint8_t)(owner->tick - slab->touched) >= idle_ticks) {
                bytes += pki_slab_purge(slab);
                slab->settled = true;
                most--;
            }
        }
    }
    return bytes;
}

static void settle_slabs(pki_owner *owner, unsigned most)
{
    int saved_errno = errno;
    pki_lock_take(&owner->lock);
    owner->tick++;
    purge_slabs(owner, IDLE_TICKS, most, SETTLE_LOOKS_MAX);
    pki_lock_give(&owner->lock);
    errno = saved_errno;
}

size_t pki_owners_settle(pki_space *space)
{
    size_t bytes = 0;
    pki_lock_take(&space->owners_lock);
    for (pki_owner *owner = space->owners; owner != NULL; owner = owner->next) {
        pki_lock_take(&owner->lock);
        owner->tick++;
        bytes += purge_slabs(owner, IDLE_TICKS, SETTLE_PER_TICK, SETTLE_LOOKS_MAX);
        pki_lock_give(&owner->lock);
    }
    pki_lock_give(&space->owners_lock);
    return bytes;
}

/* An orphan has no thread that would do it: one of them at each tick of another. */
static void settle_orphan(pki_space *space)
{
    if (atomic_load_explicit(&space->n_orphans, memory_order_relaxed) == 0 ||
        !pki_lock_try(&space->owners_lock)) {
        return;
    }
    pki_owner *orphan = space->orphans;
    if (orphan != NULL && pki_lock_try(&orphan->lock)) {
        purge_slabs(orphan, 0, SETTLE_PER_TICK, SETTLE_LOOKS_MAX);
        pki_lock_give(&orphan->lock);
    }
    pki_orphans_rotate(space);
    pki_lock_give(&space->owners_lock);
}

/* A program that changes over from one size to another leaves stacks and sparse slabs behind. They
 * are looked at not only when time passes, but also when memory grows: what they pin is used
 * first, and what they leave free goes back (docs/design/growth.md has the measurements). */
static void look_before_growth(pki_owner *owner)
{
    if (pki_likely(owner->grown < GROWTH_LOOK)) {
        return;
    }
    pki_idle_look(owner->space, owner->grown * PKI_SLAB_SIZE);
    owner->grown = 0;
    flush_idle_stacks(owner);
    if (++owner->growth_looks % SETTLE_LOOKS == 0) {
        settle_slabs(owner, SETTLE_PER_LOOK);
    }
}

PKI_NOINLINE void *pki_owner_refill(pki_owner *owner, unsigned bin, pk_status *why)
{
    if (pki_lock_is_interrupted(&owner->lock)) {
        *why = PK_EBUSY; /* called by a signal handler that interrupted this very place */
        return NULL;
    }
    pki_owner_tick(owner);
    look_before_growth(owner);
    void *p = pki_bin_pop(&pki_bins(owner)[bin]);
    if (pki_unlikely(p != NULL)) {
        return p; /* to start the purging thread, malloc was called from here, and filled it */
    }
    pki_lock_take(&owner->lock);
    p = pki_owner_fill_stack(owner, bin, why);
    pki_lock_give(&owner->lock);
    return p;
}

/* A burst of frees doubles a stack twice over, up to the class's bound. The lock is held. */
bool pki_owner_grow_stack(pki_owner *owner, unsigned bin)
{
    uint32_t capacity = owner->list[bin].capacity;
    uint32_t most = owner->space->geometry->classes[bin].stack_max;
    return capacity < most && resize_stack(owner, bin, (uint32_t)pki_min(most, capacity * 4 + 3));
}

static bool grow_stack(pki_owner *owner, unsigned bin)
{
    pki_lock_take(&owner->lock);
    bool grown = pki_owner_grow_stack(owner, bin);
    pki_lock_give(&owner->lock);
    return grown;
}

static void push_full(pki_owner *owner, unsigned bin, void *p)
{
    if (owner->list[bin].base == NULL && !grow_stack(owner, bin)) {
        pki_owner_put_home(owner, &p, 1, PKI_WAS_HELD);
        return;
    }
    if (!pki_bin_push(&pki_bins(owner)[bin], p)) {
        if (!grow_stack(owner, bin)) {
            flush_oldest(owner, bin, (owner->list[bin].capacity + 1) / 2);
        }
        pki_bin_push(&pki_bins(owner)[bin], p);
    }
}

PKI_NOINLINE void pki_owner_push_slow(pki_owner *owner, unsigned bin, void *p)
{
    if (PKI_BLOCKS_ARE_LOOKED_AT && !pki_block_is_held(p, pki_bins(owner)[bin].reciprocal)) {
        pki_owner_report_free(owner, p);
        return;
    }
    if (pki_lock_is_interrupted(&owner->lock)) {
        return; /* as in pki_owner_put_home */
    }
    pki_owner_tick(owner);
    if (!pki_bin_push(&pki_bins(owner)[bin], p)) {
        push_full(owner, bin, p);
    }
}

void pki_owner_flush(pki_owner *owner)
{
    pki_owner_send(owner);
    for (unsigned bin = 0; bin < owner->space->geometry->n; bin++) {
        void **top = atomic_load_explicit(&pki_bins(owner)[bin].top, memory_order_relaxed);
        if (owner->list[bin].base != NULL && top > owner->list[bin].base) {
            flush_oldest(owner, bin, (unsigned)(top - owner->list[bin].base));
        }
    }
}

/* ---- what is done now and then ---- */

void pki_owner_tick(pki_owner *owner)
{
    if (pki_likely(++owner->slow_calls % CLOCK_EVERY != 0)) {
        return;
    }
    uint64_t now = pki_os_milliseconds();
    if (now - owner->ticked_at < pki_settings.purge_ms) {
        return;
    }
    int saved_errno = errno;
    owner->ticked_at = now;
    pki_idle_look(owner->space, 0);
    pki_owner_send(owner);
    flush_idle_stacks(owner);
    settle_slabs(owner, SETTLE_PER_TICK);
    settle_orphan(owner->space);
    pki_space_tick(owner->space, now);
    errno = saved_errno;
}

static size_t purge_owner(pki_owner *owner)
{
    pki_lock_take(&owner->lock);
    pki_owner_give_spares(owner);
    size_t bytes = purge_slabs(owner, 0, UINT32_MAX, UINT32_MAX);
    pki_lock_give(&owner->lock);
    return bytes;
}

size_t pki_owners_purge(pki_space *space)
{
    size_t bytes = 0;
    pki_lock_take(&space->owners_lock);
    for (pki_owner *owner = space->owners; owner != NULL; owner = owner->next) {
        bytes += purge_owner(owner);
    }
    pki_lock_give(&space->owners_lock);
    return bytes;
}

/* ---- threads without a record ---- */

void *pki_owner_take_one(pki_owner *owner, unsigned bin, bool *zero, pk_status *why)
{
    void *p = NULL;
    if (pki_lock_is_interrupted(&owner->lock)) {
        *why = PK_EBUSY;
        return NULL;
    }
    pki_lock_take(&owner->lock);
    if ((owner->list[bin].first != NULL || get_slab(owner, bin, why)) &&
        take_slab_charged(owner, bin, &p, 1) == 0) {
        *why = PK_ELIMIT;
    }
    if (p != NULL) {
        pki_owner_hand_out(owner, bin, p);
    }
    *zero = p != NULL && owner->list[bin].zero_next == p;
    pki_lock_give(&owner->lock);
    return p;
}

void *pki_owner_take_random(pki_owner *owner, unsigned bin, uint64_t random, pk_status *why)
{
    pki_bin_list *list = &owner->list[bin];
    if (list->first == NULL && !get_slab(owner, bin, why)) {
        return NULL;
    }
    pki_slab *slab = list->first;
    void *p = pki_slab_take_random(slab, random);
    pki_owner_hand_out(owner, bin, p);
    pki_owner_touch(owner, slab);
    if (!pki_slab_has_room(slab)) {
        pki_slab_list_remove(&list->first, slab);
    }
    return p;
}

void *pki_space_alloc_direct(pki_space *space, unsigned bin, bool *zero, pk_status *why)
{
    pki_owner *late = pki_space_late_owner(space);
    if (late == NULL) {
        *why = PK_ENOMEM;
        return NULL;
    }
    void *p = pki_owner_take_one(late, bin, zero, why);
    pki_space_tell_alloc(space, p, space->geometry->classes[bin].size, p != NULL && *zero);
    return p;
}

bool pki_owner_is_block(uint32_t word, const void *p)
{
    pki_owner *owner = pki_owner_by_word(word);
    if (owner == NULL || (word ^ owner->key) >= owner->limit) {
        return false;
    }
    const pki_slab *slab = pki_slab_of(p);
    pki_lock_take(&owner->lock);
    int64_t number = pki_slab_block_number(slab, p);
    bool held = number >= 0 && pki_block_is_held(p, slab->reciprocal);
    pki_lock_give(&owner->lock);
    return held;
}
