/* SPDX-License-Identifier: MIT
 * owner.h: the record of one thread in one space: its stacks of free blocks and its slabs.
 *
 *   owner ┌ key, lock, …
 *         ├ bin[class]  { top, end } ──► stack  │NULL│ b │ b │ b │ … │
 *         │                                         base ▲     ▲ top ▲ end
 *         └ list[class] slabs with room ──► slab ──► slab …  (the first one is taken from)
 *
 * alloc   p = top[-1]; NULL marks the bottom and sends the call to refill. No block is read.
 * free    word ^ key is the class's offset if the slab is mine, and too large otherwise: one
 *         comparison checks both. One multiplication tells whether a block begins there and which,
 *         two bits whether the program has it (chunk.h). What fails, or top == end, goes to the
 *         slow path: report, grow or flush.
 * refill  half a stack from the first slab with room; lowest address on top.
 * flush   the older half of a stack goes back to the bitmaps of its slabs.
 *
 * Only the owner's thread touches bin[] and the stacks. Slabs, lists and bitmaps are touched under
 * `lock`, by the owner's thread when it refills or flushes, and by other threads that bring
 * blocks home: a thread that frees another's blocks gathers up to PKI_OUTBOX_BLOCKS of one owner
 * and puts them back under that owner's lock, once per batch. So memory that was freed is free at
 * once, whatever the owner's thread does afterwards: it may sleep for ever.
 *
 * Orphans: a thread that ends flushes its stacks and leaves the record with its slabs to the next
 * thread that starts (adopt). Until then running threads take from it single slabs of a class
 * they need (steal): they change the slab's word under the orphan's lock.
 *
 * Invariants (checked in owner_audit.c; S1–S5 in chunk.h):
 *   O1  base[-1] is NULL and base <= top <= end
 *   O2  each stacked block is a block of this owner and class, in use in its slab's bitmap
 *   O3  no block is in a stack twice, and each that is in one is marked idle
 *   O4  spare slabs have PKI_WORD_SPARE and n_spare counts them
 *   O5  an orphan's stacks and outbox are empty */
#ifndef PKI_SLAB_OWNER_H
#define PKI_SLAB_OWNER_H

#include <poolkit/fault.h>

#include "slab/slab.h"
#include "slab/space.h"

enum { PKI_OUTBOX_BLOCKS = 62, PKI_OUTBOXES = 8, PKI_SPARE_SLABS = 2 };

/* The top is written by the owner's thread alone. Release, so that a forked child, which sees some
 * moment of this thread, does not see a top above a slot that was not written. */
typedef struct {
    void **_Atomic top;
    uint32_t end;        /* the end's address, its lower half: stacks are below 4 GiB */
    uint32_t reciprocal; /* of the class's size: see pki_block_position               */
} pki_bin;

static_assert(sizeof(void *) < 8 || sizeof(pki_bin) == 16, "a word holds 16 times the class");

typedef struct {
    void **base;
    pki_slab *first;          /* slabs with room                                              */
    char *zero_next;          /* [zero_next, zero_end): blocks in the stack known to be zero, */
    char *zero_end;           /*   to be popped in this order; kept for blocks above 1 KiB    */
    void **quiet_top;         /* top at the last tick: an idle stack is flushed               */
    uint32_t capacity;        /* entries                                                      */
    uint32_t n_slabs;         /* of this class                                                */
    _Atomic uint32_t leaving; /* oldest blocks on their way home; relaxed: statistics      */
} pki_bin_list;

/* Blocks of one other owner on their way home. Sent when full, or at 64 KiB: a block that waits
 * here is nobody's. */
typedef struct {
    uint32_t key;   /* the owner's, and its limit: (word ^ key) < limit tells its blocks */
    uint32_t limit; /* 0: nobody's box yet                                               */
    uint32_t n;
    uint32_t bytes;
    void *block[PKI_OUTBOX_BLOCKS];
} pki_outbox;

/* What other threads read of an owner whenever they free its blocks stands on a line that changes
 * only when the owner changes hands; what its own thread counts, and the lock, on lines of their
 * own (docs/design/scaling.md). */
typedef struct pki_owner {
    uint32_t key;   /* id << 16 */
    uint32_t limit; /* n_bins × 16: a word that is below it after xor with key is mine */
    pki_space *space;
    struct pki_owner *next; /* all owners of the space                              */
    struct pki_owner *next_orphan;
    const void *thread; /* pki_thread_tag of its thread; NULL: an orphan         */
    pki_outbox *outbox; /* [PKI_OUTBOXES], made by the first remote free         */
    pki_bin_list *list; /* [geometry->n] */

    PKI_CACHE_ALIGNED uint32_t slow_calls; /* slow paths taken: the clock is read every few */
    uint32_t grown; /* slabs taken that were not resident, since the last look */
    uint32_t growth_looks;
    uint8_t tick;
    uint8_t n_spare;
    uint64_t ticked_at;
    _Atomic size_t mail_bytes; /* in the outboxes; relaxed: read by statistics */
    _Atomic size_t mail_blocks;

    PKI_CACHE_ALIGNED pki_lock lock;
    pki_slab *spare[PKI_SPARE_SLABS];
} PKI_CACHE_ALIGNED pki_owner; /* bin[geometry->n] follows */

/* The owner whose id is in a word, NULL if there is none. */
pki_owner *pki_owner_by_word(uint32_t word);

/* A record for the calling thread: an orphan of the space, or a new one. NULL: no memory. */
pki_owner *pki_owner_adopt(pki_space *space);

/* The calling thread gives the record up. */
void pki_owner_leave(pki_owner *owner);

/* Frees the records of all owners of a space that is going. */
void pki_owners_fini(pki_space *space);

/* The bin at an offset from a word, or number by number from 0. */
PKI_INLINE pki_bin *pki_bin_at(pki_owner *owner, size_t class_offset)
{
    return (pki_bin *)((char *)(owner + 1) + class_offset);
}

PKI_INLINE pki_bin *pki_bins(pki_owner *owner) { return pki_bin_at(owner, 0); }

PKI_INLINE uint32_t pki_bin_end(void *const *end) { return (uint32_t)(uintptr_t)end; }

/* Pops the newest free block of the class for the program, NULL if the stack is empty. */
PKI_INLINE void *pki_bin_pop(pki_bin *bin)
{
    void **top = atomic_load_explicit(&bin->top, memory_order_relaxed);
    void *p = top[-1];
    if (pki_likely(p != NULL)) {
        atomic_store_explicit(&bin->top, top - 1, memory_order_release);
        if (PKI_BLOCKS_ARE_LOOKED_AT) {
            pki_block_hand_out(p, bin->reciprocal);
        }
    }
    return p;
}

/* Pushes what the program frees. False: the stack is full, or it is no block that the program holds. */
PKI_INLINE bool pki_bin_push(pki_bin *bin, void *p)
{
    void **top = atomic_load_explicit(&bin->top, memory_order_relaxed);
    if (pki_unlikely(pki_bin_end(top) == bin->end)) {
        return false;
    }
    if (PKI_BLOCKS_ARE_LOOKED_AT) {
        pki_block_mark mark = pki_block_held(p, bin->reciprocal);
        if (pki_unlikely(mark.home == NULL)) {
            return false;
        }
        pki_block_becomes_idle(mark);
    }
    *top = p;
    atomic_store_explicit(&bin->top, top + 1, memory_order_release);
    return true;
}

/* One block of an empty stack's class, after refilling it. NULL: see *why. */
void *pki_owner_refill(pki_owner *owner, unsigned bin, pk_status *why);

/* What pki_bin_push does not take: it is reported if it is no block that the program holds; else the stack
 * grows, or its older half is flushed. */
void pki_owner_push_slow(pki_owner *owner, unsigned bin, void *p);

/* Takes a block that `target` owns; `self` is the calling thread's record in the same space. */
void pki_owner_free_remote(pki_owner *self, uint32_t word, void *p);

/* For threads without a record: one block from, or to, an owner under its lock. */
void *pki_space_alloc_direct(pki_space *space, unsigned bin, bool *zero, pk_status *why);
void pki_space_free_direct(uint32_t word, void *p);

/* One block from the owner's slabs under its lock, past its stack. NULL: see *why. */
void *pki_owner_take_one(pki_owner *owner, unsigned bin, bool *zero, pk_status *why);

/* The same, but any of its class's first slab, as `random` says; for spaces without a bound of blocks. The
 * lock is held. */
void *pki_owner_take_random(pki_owner *owner, unsigned bin, uint64_t random, pk_status *why);

/* For an owner that all threads share: one block from, or to, its stack under its lock. `zero` may be
 * NULL, then always. */
void *pki_owner_alloc_locked(pki_owner *owner, unsigned bin, bool *zero, pk_status *why);
void pki_owner_free_locked(pki_owner *owner, unsigned bin, void *p);
void pki_owner_flush_locked(pki_owner *owner, unsigned bin);

/* The block just popped from this bin, or NULL: did it come fresh from the system? See
 * pki_bin_list. To be asked of each block of the class, or else of none. */
static inline bool pki_owner_pop_was_zero(pki_owner *owner, unsigned bin, const char *p)
{
    pki_bin_list *list = &owner->list[bin];
    if (p != list->zero_next || p == NULL) {
        return false;
    }
    list->zero_next += owner->space->geometry->classes[bin].size;
    if (list->zero_next == list->zero_end) {
        list->zero_next = list->zero_end = NULL;
    }
    return true;
}

/* Empties the calling thread's stacks and outboxes into the slabs. */
void pki_owner_flush(pki_owner *owner);

/* Sends what waits in the outboxes, flushes idle stacks, purges idle slabs; at most each 100 ms. */
void pki_owner_tick(pki_owner *owner);

/* pki_owner_tick of the calling thread, or of the space alone if it has no owner there. For calls that
 * touch no stack: runs and large blocks. */
void pki_thread_tick(pki_space *space);

/* What pki_owner_tick does with slabs, for all owners at once, whatever their threads do; returns the
 * bytes given back. Their stacks stay. */
size_t pki_owners_settle(pki_space *space);

/* Gives back the free pages of all owners' slabs and their spare slabs; for trim. */
size_t pki_owners_purge(pki_space *space);

/* Is `p`, in a slab with this word, a block that the program holds? */
bool pki_owner_is_block(uint32_t word, const void *p);

/* The record that serves threads without one of their own; made when first needed. */
pki_owner *pki_space_late_owner(pki_space *space);

/* A record that no thread has: who holds its lock may take from it. NULL: no memory. pki_owner_leave ends
 * it. */
pki_owner *pki_owner_create_shared(pki_space *space);

/* ---- inside the room ---- */

/* The slab was taken from or put to just now. The owner's lock is held. */
static inline void pki_owner_touch(const pki_owner *owner, pki_slab *slab)
{
    slab->touched = owner->tick;
    slab->settled = false;
}

/* Fills an empty stack, takes its top for the program. NULL: see *why. The owner's lock is held. */
void *pki_owner_fill_stack(pki_owner *owner, unsigned bin, pk_status *why);

/* Makes a stack larger, if its class's bound and the memory allow. The owner's lock is held. */
bool pki_owner_grow_stack(pki_owner *owner, unsigned bin);

/* Gives the empty slabs that the owner keeps to its space; its lock is held. */
void pki_owner_give_spares(pki_owner *owner);

/* Moves the first orphan to the end of the list; owners_lock is held. */
void pki_orphans_rotate(pki_space *space);

/* Take and give the locks of all owners of the space, and of the ids (see fork.h). */
void pki_owners_before_fork(pki_space *space);
void pki_owners_after_fork(pki_space *space, bool in_child);
void pki_owner_ids_before_fork(void);
void pki_owner_ids_after_fork(bool in_child);

/* Puts blocks back to their slabs; reports those that are none, or were not what they should have been
 * until now. Lock not held. */
void pki_owner_put_home(pki_owner *owner, void *const *blocks, unsigned n, pki_was was);

/* Tells the fault handler what is wrong with a free of `p`, in a slab of the owner. No lock is held. */
void pki_owner_report_free(const pki_owner *owner, const void *p);

/* The block that was just taken from a slab past the stack becomes the program's. The lock is held. */
static inline void pki_owner_hand_out(pki_owner *owner, unsigned bin, const void *p)
{
    pki_block_hand_out(p, pki_bins(owner)[bin].reciprocal);
}
void pki_owner_send(pki_owner *owner);

#endif /* PKI_SLAB_OWNER_H */
