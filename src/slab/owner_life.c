/* SPDX-License-Identifier: MIT
 * owner_life.c: owners come and go with threads. Ids are found in words, so that they are 16 bits:
 * 65,535 owners at once, one for each pair of a thread and a heap that it uses. A record that nobody uses is adopted before a new one is made, so that
 * a program that starts and ends threads without end needs as many as ever ran at once. */
#include <string.h>

#include "base/bits.h"
#include "os/process.h"
#include "slab/fork.h"
#include "slab/meta.h"
#include "slab/owner.h"

enum { IDS = 1 << 16 };

/* Written under ids_lock (release); read without it by whoever holds a block of the owner (acquire). The
 * hand-over of a block published the record of the owner that it had then; but its slab may have been
 * stolen since, by an owner that was made later. */
static _Atomic(pki_owner *) owners_by_id[IDS];
static pki_lock ids_lock;
static uint32_t last_id;

/* What an empty stack without slots looks like: its bottom's NULL. */
static void *no_slots[1];

pki_owner *pki_owner_by_word(uint32_t word)
{
    return atomic_load_explicit(&owners_by_id[word >> 16], memory_order_acquire);
}

/* Gives the owner the next id that is free; 0 is nobody's. */
static bool take_id(pki_owner *owner)
{
    pki_lock_take(&ids_lock);
    uint32_t id = 0;
    for (uint32_t tried = 1; tried < IDS && id == 0; tried++) {
        uint32_t candidate = (last_id + tried) % IDS;
        if (candidate != 0 &&
            atomic_load_explicit(&owners_by_id[candidate], memory_order_relaxed) == NULL) {
            id = candidate;
        }
    }
    if (id != 0) {
        last_id = id;
        owner->key = id << 16;
        atomic_store_explicit(&owners_by_id[id], owner, memory_order_release);
    }
    pki_lock_give(&ids_lock);
    return id != 0;
}

static void drop_id(const pki_owner *owner)
{
    pki_lock_take(&ids_lock);
    atomic_store_explicit(&owners_by_id[owner->key >> 16], NULL, memory_order_relaxed);
    pki_lock_give(&ids_lock);
}

static size_t record_size(const pki_geometry *geometry)
{
    return sizeof(pki_owner) + geometry->n * (sizeof(pki_bin) + sizeof(pki_bin_list));
}

/* owner_by_word's caller may hold any word: the record is complete before its id is known. */
static pki_owner *create(pki_space *space)
{
    const pki_geometry *geometry = space->geometry;
    pki_owner *owner = pki_meta_alloc(record_size(geometry));
    if (owner == NULL) {
        return NULL;
    }
    owner->space = space;
    owner->ticked_at = pki_os_milliseconds();
    owner->limit = geometry->n * (uint32_t)sizeof(pki_bin);
    owner->list = (pki_bin_list *)(pki_bins(owner) + geometry->n);
    for (unsigned i = 0; i < geometry->n; i++) {
        atomic_init(&pki_bins(owner)[i].top, no_slots + 1);
        pki_bins(owner)[i].end = pki_bin_end(no_slots + 1);
        pki_bins(owner)[i].reciprocal = geometry->classes[i].reciprocal;
    }
    if (!take_id(owner)) {
        pki_meta_free(owner, record_size(geometry));
        return NULL;
    }
    owner->next = space->owners;
    space->owners = owner;
    space->n_owners++;
    return owner;
}

static void add_orphan(pki_owner *owner)
{
    pki_space *space = owner->space;
    owner->next_orphan = space->orphans;
    space->orphans = owner;
    if (owner->next_orphan == NULL) {
        space->last_orphan = owner;
    }
    atomic_fetch_add_explicit(&space->n_orphans, 1, memory_order_relaxed);
}

void pki_orphans_rotate(pki_space *space)
{
    pki_owner *first = space->orphans;
    if (first != NULL && first->next_orphan != NULL) {
        space->orphans = first->next_orphan;
        first->next_orphan = NULL;
        space->last_orphan->next_orphan = first;
        space->last_orphan = first;
    }
}

static pki_owner *take_orphan(pki_space *space)
{
    pki_owner *owner = space->orphans;
    if (owner != NULL) {
        space->orphans = owner->next_orphan;
        atomic_fetch_sub_explicit(&space->n_orphans, 1, memory_order_relaxed);
    }
    return owner;
}

static void set_thread(pki_owner *owner, const void *thread)
{
    pki_lock_take(&owner->lock);
    owner->thread = thread;
    pki_lock_give(&owner->lock);
}

pki_owner *pki_owner_adopt(pki_space *space)
{
    pki_lock_take(&space->owners_lock);
    pki_owner *owner = take_orphan(space);
    if (owner == NULL) {
        owner = create(space);
    }
    if (owner != NULL) {
        set_thread(owner, &pki_thread_tag);
    }
    pki_lock_give(&space->owners_lock);
    return owner;
}

void pki_owner_leave(pki_owner *owner)
{
    pki_owner_flush(owner);
    pki_lock_take(&owner->space->owners_lock);
    pki_lock_take(&owner->lock);
    owner->thread = NULL; /* from now on, slabs that become empty go to the space */
    pki_owner_give_spares(owner);
    pki_lock_give(&owner->lock);
    add_orphan(owner);
    pki_lock_give(&owner->space->owners_lock);
}

pki_owner *pki_owner_create_shared(pki_space *space)
{
    pki_lock_take(&space->owners_lock);
    pki_owner *owner = take_orphan(space);
    if (owner == NULL) {
        owner = create(space);
    }
    if (owner != NULL) {
        set_thread(owner, owner); /* no thread's, and no orphan */
    }
    pki_lock_give(&space->owners_lock);
    return owner;
}

pki_owner *pki_space_late_owner(pki_space *space)
{
    pki_lock_take(&space->owners_lock);
    if (space->late == NULL && (space->late = create(space)) != NULL) {
        set_thread(space->late, space->late); /* no thread's, and no orphan */
    }
    pki_owner *late = space->late;
    pki_lock_give(&space->owners_lock);
    return late;
}

static void destroy(pki_owner *owner)
{
    const pki_geometry *geometry = owner->space->geometry;
    drop_id(owner);
    for (unsigned i = 0; i < geometry->n; i++) {
        if (owner->list[i].base != NULL) {
            pki_meta_free(owner->list[i].base - 1, (owner->list[i].capacity + 1) * sizeof(void *));
        }
    }
    pki_meta_free(owner->outbox, PKI_OUTBOXES * sizeof *owner->outbox);
    pki_meta_free(owner, record_size(geometry));
}

void pki_owners_fini(pki_space *space)
{
    while (space->owners != NULL) {
        pki_owner *owner = space->owners;
        space->owners = owner->next;
        destroy(owner);
    }
}

/* ---- fork ---- */

/* Blocks that the program has or had, by the bitmaps; the space's charge may be ahead of them by what
 * another thread was about to take. */
static size_t blocks_in_chunk(const pki_chunk *chunk)
{
    size_t n = 0;
    for (unsigned i = 1; i < PKI_SLABS; i++) {
        uint32_t word = pki_word_at(pki_slab_base(&chunk->slab[i]));
        n += word >> 16 != 0 ? chunk->slab[i].used : word == PKI_WORD_RUN;
    }
    return n;
}

static void recharge_in_child(pki_space *space, size_t lost)
{
    size_t n = space->n_large;
    for (const pki_chunk *chunk = space->all.next; chunk != NULL; chunk = chunk->all.next) {
        n += blocks_in_chunk(chunk);
    }
    atomic_store_explicit(&space->blocks, n - pki_min(n, lost), memory_order_relaxed);
}

static bool is_in_use(const void *p)
{
    const pki_slab *slab = pki_slab_of(p);
    int64_t number = pki_slab_block_number(slab, p);
    return number >= 0 && !pki_slab_is_free(slab, (size_t)number);
}

/* Blocks that another thread's stacks and outboxes kept when the process forked: nobody's from now on,
 * and no longer counted. The oldest of a stack may have gone home already. */
static size_t count_lost(pki_owner *owner)
{
    size_t lost = atomic_load_explicit(&owner->mail_blocks, memory_order_relaxed);
    for (unsigned bin = 0; bin < owner->space->geometry->n; bin++) {
        void **top = atomic_load_explicit(&pki_bins(owner)[bin].top, memory_order_relaxed);
        for (void **at = owner->list[bin].base; at != NULL && at < top; at++) {
            lost += is_in_use(*at);
        }
    }
    return lost;
}

/* In the child, another thread's stack may have been caught between two stores, and the blocks it
 * had taken for its next steps are lost with it: drop the stacks. Slabs and bitmaps are whole,
 * because the forking thread held the owner's lock. */
static void orphan_in_child(pki_owner *owner)
{
    for (unsigned bin = 0; bin < owner->space->geometry->n; bin++) {
        pki_bin_list *list = &owner->list[bin];
        if (list->base != NULL) {
            atomic_store_explicit(&pki_bins(owner)[bin].top, list->base, memory_order_relaxed);
        }
        list->zero_next = list->zero_end = NULL;
    }
    for (unsigned i = 0; owner->outbox != NULL && i < PKI_OUTBOXES; i++) {
        owner->outbox[i].n = 0;
        owner->outbox[i].bytes = 0;
    }
    atomic_store_explicit(&owner->mail_blocks, 0, memory_order_relaxed);
    atomic_store_explicit(&owner->mail_bytes, 0, memory_order_relaxed);
    owner->thread = NULL;
    add_orphan(owner);
}

void pki_owners_before_fork(pki_space *space)
{
    pki_fork_take(&space->owners_lock);
    for (pki_owner *owner = space->owners; owner != NULL; owner = owner->next) {
        pki_fork_take(&owner->lock);
    }
}

void pki_owners_after_fork(pki_space *space, bool in_child)
{
    size_t lost = 0;
    for (pki_owner *owner = space->owners; owner != NULL; owner = owner->next) {
        bool running = owner->thread != NULL && owner->thread != owner;
        if (in_child && running && owner->thread != &pki_thread_tag) {
            lost += space->blocks_max != 0 ? count_lost(owner) : 0;
            orphan_in_child(owner);
        }
        pki_fork_give(&owner->lock, in_child);
    }
    if (in_child && space->blocks_max != 0) {
        recharge_in_child(space, lost);
    }
    pki_fork_give(&space->owners_lock, in_child);
}

void pki_owner_ids_before_fork(void) { pki_fork_take(&ids_lock); }
void pki_owner_ids_after_fork(bool in_child) { pki_fork_give(&ids_lock, in_child); }
