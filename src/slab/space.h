/* SPDX-License-Identifier: MIT
 * space.h: a space is the memory of one heap or one shared pool: its chunks, the slabs of them that
 * nobody has, its large blocks, and the owners (one for each thread that allocates there).
 *
 *   space ─┬─ all chunks ──► chunk ──► chunk …
 *          ├─ by_free  [longest run of free slabs ] ──► chunk …   taken from by best fit: the
 *          ├─ by_dirty [… of slabs free and dirty] ──► chunk …    fullest chunk first, and
 *          ├─ large blocks, and a few freed ones kept for reuse    resident memory first
 *          └─ owners: of running threads, and orphans to be adopted (owner.h)
 *
 * Locks, in the order in which they may be taken (a lock is never taken with a later one held):
 *   the table of spaces (thread.c) → owners_lock → an owner's lock → lock → ids → meta.h's →
 *   the fault handler's (fault.h)
 * No other room is called while `lock` is held, but src/os.
 *
 * Purge. A dirty slab was used and may be resident. Every 100 ms of use, half of the smallest
 * number of dirty slabs seen since the last time goes back to the system: what nobody needed
 * during the whole period is not needed now either. Longest runs first: the fewest calls.
 *
 * Invariants (checked in space_audit.c; C1–C5 in chunk.h):
 *   P1  n_chunks, dirty_slabs and used are the sums over the chunks and the large blocks
 *   P2  the least number of dirty slabs is not above the present one
 *   L1  a large block's head says so: registry, word, address inside its mapping
 *   L2  a large block's pieces begin at its head, ascend and end inside its mapping
 *   L3  large_used and large_cached are the sums over the blocks in use and over the freed ones */
#ifndef PKI_SLAB_SPACE_H
#define PKI_SLAB_SPACE_H

#include <poolkit/page_source.h>

#include "os/lock.h"
#include "slab/chunk.h"

/* One class of blocks. */
typedef struct {
    uint32_t size;
    uint32_t reciprocal;
    uint16_t capacity;    /* blocks in a slab                                 */
    uint16_t refill;      /* blocks moved to an empty stack at once, at most  */
    uint16_t stack_first; /* a stack's first and largest number of entries    */
    uint16_t stack_max;
} pki_class;

/* The numbers that follow from a block's size. A stack starts with 31 blocks and grows to 1,023, or
 * 64 KiB of blocks if that is less, but 7 at least; a refill brings 16 KiB at most. Batches of 1,000
 * blocks set the upper bound, and the memory of threads that only touch a class now and then the
 * lower (docs/design/growth.md). One slot of each stack holds the bottom's NULL: sizes with it are
 * powers of two. Macros, because tables of classes are constants. */
#define PKI_CLAMP(x, low, high) ((x) < (low) ? (low) : (x) > (high) ? (high) : (x))
#define PKI_STACK_MAX(size) (PKI_CLAMP(65536 / (size), 8, 1024) - 1)
#define PKI_CLASS(s)                                                                               \
    {                                                                                              \
        .size = (s), .reciprocal = (uint32_t)(((UINT64_C(1) << 32) + (s)-1) / (s)),                \
        .capacity = (uint16_t)PKI_CLAMP(65536 / (s), 1, PKI_SLAB_BLOCKS),                          \
        .refill = (uint16_t)PKI_CLAMP(16384 / (s), 1, 512),                                        \
        .stack_first = (uint16_t)PKI_CLAMP(PKI_STACK_MAX(s), 7, 31),                               \
        .stack_max = (uint16_t)PKI_STACK_MAX(s)                                                    \
    }

enum {
    PKI_CLASS_MAX = 32 * 1024, /* the largest class                                      */
    PKI_RUN_MAX = 1024 * 1024  /* three such runs fill a chunk to three quarters, and the rest
                                * takes smaller ones; larger ones would leave holes       */
};

/* The classes of a space, the same for all its owners. */
typedef struct {
    const pki_class *classes;
    unsigned n;
} pki_geometry;

/* The chunks that have a run of n free (dirty) slabs and no longer one, for each n. */
typedef struct {
    pki_chunk *first[PKI_SLABS];
    uint64_t nonempty;
    size_t link_offset;
} pki_run_index;

enum { PKI_NAME_SIZE = 32, PKI_LARGE_CACHE_ENTRIES = 32 };

struct pki_owner;

/* What a space is the first member of: only that one's functions free its blocks. */
typedef enum { PKI_SPACE_OF_HEAP, PKI_SPACE_OF_POOL } pki_space_kind;

typedef struct pki_space {
    const pki_geometry *geometry;
    pk_page_source source; /* ops == NULL: the operating system                        */
    pki_space_kind kind;
    bool watched;          /* a memory checker is told of each block: watched.h         */
    bool checked;          /* a heap's: its checks see each call (heap/checked.h)       */
    size_t gap;            /* bytes of each block that are not the program's            */
    size_t guard;          /* bytes more behind each run and large block: a guard page  */
    size_t shown;          /* bytes of each block that the program sees, 0 = all but the gap */
    size_t blocks_max;     /* of `blocks`; 0 = none, and they are not counted           */
    _Atomic size_t blocks; /* the program's or in a stack or outbox; relaxed          */
    char name[PKI_NAME_SIZE];
    size_t limit;    /* of `used`; SIZE_MAX = none                                    */
    uint32_t slot;   /* its place in the table of spaces and in each thread's table  */
    uint64_t serial; /* never used twice: tells a space from an earlier one there  */

    pki_lock owners_lock; /* [owners_lock:] */
    struct pki_owner *owners;
    struct pki_owner *orphans; /* those of threads that ended                      */
    struct pki_owner *last_orphan;
    struct pki_owner *late; /* serves threads that have no owner of their own      */
    uint32_t n_owners;
    _Atomic uint32_t n_orphans;

    pki_lock lock; /* [lock:] */
    pki_chunk_link all;
    pki_run_index by_free;
    pki_run_index by_dirty;
    pki_large *large;
    pki_large *large_cache;
    size_t large_used;   /* bytes mapped for those in use                          */
    size_t large_cached; /* bytes mapped for the freed ones                        */
    size_t large_wanted; /* bytes of freed ones that were of use lately            */
    size_t large_missed; /* bytes lately given back because nobody seemed to want them */
    size_t n_large;
    size_t n_chunks;
    size_t used; /* bytes of slabs that somebody has, and of large blocks in use   */
    size_t used_peak;
    size_t committed_peak; /* as far as statistics saw it                         */
    size_t dirty_slabs;
    size_t dirty_least;         /* the fewest since the last tick                          */
    _Atomic uint64_t ticked_at; /* relaxed: a late tick does no harm               */
} pki_space;

/* `space` is zero-filled. */
void pki_space_init(pki_space *space, const pki_geometry *geometry, const char *name, size_t limit);

/* Gives every chunk and large block back to the system, whatever is in them. */
void pki_space_fini(pki_space *space);

/* An empty slab (its word PKI_WORD_SPARE); slab->zero tells whether it is known to be zero. NULL:
 * *why is PK_ENOMEM or PK_ELIMIT. */
pki_slab *pki_space_take_slab(pki_space *space, pk_status *why);
void pki_space_give_slab(pki_space *space, pki_slab *slab);

/* A run of `n` slabs for one block of `size` bytes; *zero as above. */
void *pki_space_take_run(pki_space *space, unsigned n, size_t size, bool *zero, pk_status *why);
void pki_space_give_run(pki_space *space, pki_slab *first);

/* Makes the run `n` slabs long where it is; false if the slabs behind it are not free. */
bool pki_space_resize_run(pki_space *space, pki_slab *first, unsigned n, size_t size);

/* A block with a mapping of its own, at any alignment. */
void *pki_space_take_large(pki_space *space, size_t size, size_t align, bool *zero, pk_status *why);
void pki_space_give_large(pki_space *space, pki_large *large);

/* Changes the size of a large block, moving the pages, not copying, if it must. The block's new
 * address, or NULL with everything as it was. */
void *pki_space_resize_large(pki_space *space, pki_large *large, size_t size, bool may_move,
                             pk_status *why);

/* The large block that starts at `p`, NULL if none does. Reads no memory that is not ours. */
pki_large *pki_large_at(const void *p);

/* Does `p` lie in a large block of the space? Slow: for fault reports. */
bool pki_space_has_large_around(pki_space *space, const void *p);

/* Counts up to `n` blocks more, returns how many are allowed; and fewer. */
unsigned pki_space_charge_blocks(pki_space *space, unsigned n);
void pki_space_uncharge_blocks(pki_space *space, unsigned n);

/* Purge, if 100 ms have passed since the last time. Returns the bytes given back. */
size_t pki_space_tick(pki_space *space, uint64_t now);

/* Gives dirty slabs, free chunks and cached large blocks back, but `keep` bytes of dirty slabs.
 * Returns the bytes given back. */
size_t pki_space_trim(pki_space *space, size_t keep);

/* Do the summary figures agree? O(1). */
bool pki_space_check(pki_space *space);

/* ---- inside the room ---- */

/* Counts `bytes` as used; false if the limit does not allow it. Lock held. */
bool pki_space_charge(pki_space *space, size_t bytes);
void pki_space_uncharge(pki_space *space, size_t bytes);

/* Maps `size` bytes at `align`, after giving up as many bytes of cached large blocks, less those whose
 * pages will move here (in_place_of); if there are no addresses, gives back all that is free and
 * tries again. *zero: are they known to be zero? */
void *pki_space_map(pki_space *space, size_t size, size_t align, size_t in_place_of, bool *zero);

/* Gives back to where it came from: what was mapped; whole pages of it. A source's pages go back
 * whole, or by its purge if it has one. False: refused. */
bool pki_space_unmap(const pki_space *space, void *p, size_t size);
bool pki_space_purge(const pki_space *space, void *p, size_t size);

/* May pages be extended, moved and cut? Only the operating system's. */
static inline bool pki_space_is_flexible(const pki_space *space)
{
    return space->source.ops == NULL;
}

/* Unmaps cached large blocks freed not after `before`, oldest first and the last one only in part, until
 * `bytes` are dropped. Lock held. Returns the bytes. */
size_t pki_space_drop_cached(pki_space *space, uint64_t before, size_t bytes);

/* Bytes of the longest run of dirty slabs, and moving the first `bytes` (whole pages) of them to `to`, a
 * range of equal size: the slabs stay where they are, and are clean then. False: refused. Lock held. */
size_t pki_space_dirty_run(const pki_space *space);
bool pki_space_move_dirty(pki_space *space, size_t bytes, void *to);

/* A large block takes `bytes` from the system: as many go back, of freed large blocks, then of dirty
 * slabs, so that what is kept for later does not add to the peak. It costs at most the page faults that the
 * large block costs anyway. Lock held. */
void pki_space_make_up(pki_space *space, size_t bytes);

#endif /* PKI_SLAB_SPACE_H */
