/* SPDX-License-Identifier: MIT
 * chunk.h: what lies in the 4 MiB of a chunk, and how an address finds it.
 *
 *   chunk, 4 MiB, aligned to 4 MiB
 *   ┌ head, in slab 0 ────────────────────────────┬ slab 1 ┬ slab 2 ┬ … ┬ slab 63 ┐
 *   │ word[64]    whose slab, and of what class   │ 64 KiB: blocks of one class,    │
 *   │ slab[64]    64-byte records                 │ or part of a run of slabs       │
 *   │ bits[64]    two bitmaps each, of its blocks │ that is one large block         │
 *   └─────────────────────────────────────────────┴────────┴────────┴───┴───────────┘
 *   p & ~(4 MiB - 1) is its chunk, (p >> 16) & 63 its slab.
 *
 * The words are apart from the slabs' records, 16 to a cache line: freeing blocks of many slabs
 * at random touches few lines, and records at one offset of every slab would collide in the cache.
 *
 *   word:  owner id << 16 | class × 16     blocks of one class, owned by that owner
 *          PKI_WORD_…                      what else a slab can be; the owner id in it is 0,
 *                                          which is nobody's
 *
 * A word changes only while no block of its slab can be freed lawfully, or under the lock of the
 * owner named in it; whoever reads it without that lock holds a block of the slab (so it cannot
 * become free) and compares it with its own key, or reads it again under the lock. Hence relaxed.
 *
 * A block larger than a run has a mapping of its own, whose first page is such a head with only
 * its words and the `large` part in use.
 *
 * Invariants (the audit's numbers; checked in space_audit.c):
 *   C1  every chunk on a space's list is in the registry, and its head names that space
 *   C2  slab 0's word is PKI_WORD_HEAD, and free slabs, and only those, have PKI_WORD_FREE
 *   C3  dirty slabs are free slabs
 *   C4  the chunk stands on the lists for its longest run of free and of dirty slabs
 *   C5  a run's first slab says how many follow, and exactly those have PKI_WORD_RUN_REST
 */
#ifndef PKI_SLAB_CHUNK_H
#define PKI_SLAB_CHUNK_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slab/registry.h"

enum {
    PKI_SLAB_SHIFT = 16,
    PKI_SLABS = 1 << (PKI_CHUNK_SHIFT - PKI_SLAB_SHIFT),
    PKI_SLAB_BLOCKS = 2048, /* in a slab at most: of 16 bytes, half of its addresses are used */
    PKI_BITMAP_WORDS = PKI_SLAB_BLOCKS / 64,
    PKI_BINS_MAX = 128 /* classes of one owner */
};

/* The library without the look at each block that is freed: only to measure what it costs. */
#if defined(POOLKIT_UNCHECKED)
enum { PKI_BLOCKS_ARE_LOOKED_AT = 0 };
#else
enum { PKI_BLOCKS_ARE_LOOKED_AT = 1 };
#endif

#define PKI_SLAB_SIZE ((size_t)1 << PKI_SLAB_SHIFT)
#define PKI_ALL_SLABS (~UINT64_C(1)) /* every slab of a chunk but the head's */

enum {
    PKI_WORD_FREE = 0,
    PKI_WORD_RUN = 0xFFF0,      /* the first slab of a run                           */
    PKI_WORD_RUN_REST = 0xFFE0, /* its other slabs                                   */
    PKI_WORD_LARGE = 0xFFD0,    /* the block of a mapping of its own begins here     */
    PKI_WORD_HEAD = 0xFFC0,     /* a chunk's head                                    */
    PKI_WORD_SPARE = 0xFFB0     /* an empty slab that an owner keeps for its next use */
};

/* Two bits for each block of a chunk's slab: whose is it, if it is not the program's? A block is the
 * program's when neither is set.
 *
 *   home  1 = free in the slab. Written under the owner's lock.
 *   idle  1 = in a stack of the owner, or it was when it came home, or never handed out. Written by
 *         the owner's thread alone, or, where an owner has none, under its lock: so it needs no
 *         atomic operation. A block that another thread brings home keeps its 0 until it is taken
 *         out again.
 *
 * Relaxed: whoever asks for a block that the program holds, by a free, has it from its allocation by
 * the program's own hand-over, and its bits do not change meanwhile. */
typedef pki_shared64 pki_bits;

PKI_INLINE uint64_t pki_bits_get(const pki_bits *bits) { return pki_load_relaxed(bits); }

PKI_INLINE void pki_bits_put(pki_bits *bits, uint64_t value) { pki_store_relaxed(bits, value); }

/* A slab: memory cut into equal blocks, and its bitmaps. Blocks [0, fresh) were handed out at
 * least once, [fresh, capacity) never. A chunk has 63 of them; a block pool's chunk is one.
 *
 * Invariants (checked in owner_audit.c):
 *   S1  its word names its owner and its class, and the class's size is block_size
 *   S2  used + set home bits + (capacity - fresh) == capacity
 *   S3  no home bit at or above fresh is set
 *   S4  no home bit below word `hint` is set
 *   S5  it is on its owner's list of the class exactly if it has a set home bit or fresh blocks */
typedef struct pki_slab {
    char *base;          /* of the blocks                                            */
    pki_bits *bits;      /* the home bits; in a chunk, the idle ones follow them     */
    uint32_t block_size; /* of a run: the bytes that were asked for                  */
    uint32_t reciprocal; /* of block_size: see pki_block_index                       */
    uint32_t used;       /* blocks whose home bit is not set: the program's or in a stack */
    uint32_t capacity;   /* for a run: how many slabs it has                         */
    uint32_t fresh;
    uint32_t hint;
    struct pki_slab *next; /* the list of this class: slabs with room                 */
    struct pki_slab *prev;
    uint8_t bin;     /* the class                                                   */
    uint8_t marked;  /* it has idle bits                                            */
    uint16_t purged; /* pages (64 KiB / 16 each) given back while their blocks are free */
    uint8_t listed;  /* is on the list                                              */
    uint8_t zero;    /* what lies beyond fresh is known to be zero                   */
    uint8_t touched; /* the owner's tick at the last take or put                    */
    union {
        uint8_t settled; /* its free pages were given back since                    */
        uint8_t guarded; /* of a run: there is a guard page behind it               */
    };
} PKI_CACHE_ALIGNED pki_slab;

struct pki_space;
struct pki_chunk;

/* A list of chunks threaded through one of their links. */
typedef struct {
    struct pki_chunk *next;
    struct pki_chunk *prev;
} pki_chunk_link;

/* A large block is put together from at most so many ranges of pages: see large_cache.c. */
enum { PKI_LARGE_PIECES = 28 };

/* What a mapping of its own holds: one block. */
typedef struct pki_large {
    char *block;   /* the user's address                                    */
    size_t usable; /* from block to the end of the mapping                  */
    size_t mapped; /* from the head's first byte to the end of the mapping  */
    struct pki_large *next;
    struct pki_large *prev;
    uint32_t cached; /* freed, kept for the next one: not the program's       */
    uint32_t zero;   /* all of it is fresh from the system                    */
    bool guarded;    /* there is a guard page behind it                       */
    uint64_t freed_at;
    uint32_t huge;     /* transparent huge pages were asked for                 */
    uint32_t n_pieces; /* each is one mapping to the system, which moves no more at once */
    size_t piece[PKI_LARGE_PIECES]; /* where they begin, from the head's first byte; ascending */
} pki_large;

typedef struct pki_chunk {
    _Atomic uint32_t word[PKI_SLABS];
    struct pki_space *space;
    union {
        struct {
            uint64_t free;      /* slabs that nobody has                            */
            uint64_t dirty;     /* those of them that may be resident               */
            uint32_t free_run;  /* the longest run of free, of dirty slabs: the  */
            uint32_t dirty_run; /* list that the chunk is on                    */
            pki_chunk_link by_free;
            pki_chunk_link by_dirty;
            pki_chunk_link all;
        };
        pki_large large;
    };
    pki_slab slab[PKI_SLABS];
    pki_bits bits[PKI_SLABS][2 * PKI_BITMAP_WORDS]; /* home, idle */
} pki_chunk;

static_assert(sizeof(pki_slab) == 64, "a slab's record is one cache line");
static_assert(sizeof(pki_chunk) <= PKI_SLAB_SIZE, "a chunk's head fits in its slab 0");
static_assert(offsetof(pki_chunk, slab) <= 1024, "a large block's head fits in any page");
static_assert(PKI_BINS_MAX * 16 <= PKI_WORD_SPARE, "no class looks like another kind of slab");

PKI_INLINE pki_chunk *pki_chunk_of(const void *p)
{
    return (pki_chunk *)((uintptr_t)p & ~(PKI_CHUNK_SIZE - 1));
}

PKI_INLINE unsigned pki_slab_number(const void *p)
{
    return (unsigned)((uintptr_t)p >> PKI_SLAB_SHIFT) & (PKI_SLABS - 1);
}

/* The word of the slab that `p` lies in. */
PKI_INLINE uint32_t pki_word_at(const void *p)
{
    return atomic_load_explicit(&pki_chunk_of(p)->word[pki_slab_number(p)], memory_order_relaxed);
}

static inline void pki_word_set(pki_chunk *chunk, unsigned number, uint32_t word)
{
    atomic_store_explicit(&chunk->word[number], word, memory_order_relaxed);
}

static inline pki_slab *pki_slab_of(const void *p)
{
    return &pki_chunk_of(p)->slab[pki_slab_number(p)];
}

/* Do the two addresses lie in one slab of a chunk? */
static inline bool pki_is_same_slab(const void *a, const void *b)
{
    return ((uintptr_t)a ^ (uintptr_t)b) >> PKI_SLAB_SHIFT == 0;
}

static inline unsigned pki_slab_index(const pki_slab *slab)
{
    return (unsigned)(slab - pki_chunk_of(slab)->slab);
}

static inline char *pki_slab_base(const pki_slab *slab)
{
    return (char *)pki_chunk_of(slab) + ((size_t)pki_slab_index(slab) << PKI_SLAB_SHIFT);
}

static inline pki_bits *pki_slab_bits(const pki_slab *slab)
{
    return pki_chunk_of(slab)->bits[pki_slab_index(slab)];
}

/* ceil(2^32 / size): offset × reciprocal >> 32 is then offset / size, exact for every offset below
 * 64 KiB and every size from 16 bytes to 64 KiB (tests/unit/slab_test.c tries them all). Beyond, below
 * 4 GiB, it is exact for multiples of size: its excess is below offset / 2^32 blocks. */
static inline uint32_t pki_reciprocal(size_t size)
{
    return (uint32_t)(((UINT64_C(1) << 32) + size - 1) / size);
}

static inline unsigned pki_block_index(const pki_slab *slab, size_t offset)
{
    return (unsigned)((uint64_t)offset * slab->reciprocal >> 32);
}

/* The same for a block's address within a chunk's slab, whose class has the reciprocal: the number in the
 * upper half, and in the lower a fraction that is below the reciprocal exactly where a block begins
 * (each byte beyond adds the reciprocal, and the excess of 2,048 blocks is less). A reciprocal of 0
 * has no blocks. */
PKI_INLINE uint64_t pki_block_position(const void *p, uint32_t reciprocal)
{
    return (uint64_t)((uintptr_t)p & (PKI_SLAB_SIZE - 1)) * reciprocal;
}

/* Where a block's two bits stand: in *home, and in the word PKI_BITMAP_WORDS behind it. */
typedef struct {
    pki_bits *home;
    unsigned bit;
} pki_block_mark;

/* The position is a block's, held or not. */
PKI_INLINE pki_block_mark pki_block_mark_at(const void *p, uint64_t position)
{
    return (pki_block_mark){&pki_chunk_of(p)->bits[pki_slab_number(p)][position >> 38],
                            (unsigned)(position >> 32) % 64};
}

PKI_INLINE pki_bits *pki_idle_of(pki_bits *home) { return home + PKI_BITMAP_WORDS; }

/* Is `p` a block that the program holds? Then its mark, else one without a home. Asked, as what follows is
 * done, by the thread of the slab's owner, or under its lock. */
PKI_INLINE pki_block_mark pki_block_held(const void *p, uint32_t reciprocal)
{
    uint64_t position = pki_block_position(p, reciprocal);
    if (pki_unlikely((uint32_t)position >= reciprocal || position >> 32 >= PKI_SLAB_BLOCKS)) {
        return (pki_block_mark){NULL, 0};
    }
    pki_block_mark mark = pki_block_mark_at(p, position);
    uint64_t idle = PKI_BLOCKS_ARE_LOOKED_AT ? pki_bits_get(pki_idle_of(mark.home)) : 0;
    uint64_t free = pki_bits_get(mark.home) | idle;
    return pki_likely((free >> mark.bit & 1) == 0) ? mark : (pki_block_mark){NULL, 0};
}

PKI_INLINE bool pki_block_is_held(const void *p, uint32_t reciprocal)
{
    return pki_block_held(p, reciprocal).home != NULL;
}

PKI_INLINE void pki_block_becomes_idle(pki_block_mark mark)
{
    pki_bits *idle = pki_idle_of(mark.home);
    pki_bits_put(idle, pki_bits_get(idle) | UINT64_C(1) << mark.bit);
}

/* The idle block becomes the program's. */
PKI_INLINE void pki_block_hand_out(const void *p, uint32_t reciprocal)
{
    pki_block_mark mark = pki_block_mark_at(p, pki_block_position(p, reciprocal));
    pki_bits *idle = pki_idle_of(mark.home);
    pki_bits_put(idle, pki_bits_get(idle) & ~(UINT64_C(1) << mark.bit));
}

#endif /* PKI_SLAB_CHUNK_H */
