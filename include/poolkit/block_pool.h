/* SPDX-License-Identifier: MIT
 * block_pool.h: blocks of one size.
 *
 * A block pool cuts aligned chunks into equal blocks and keeps the free ones on a stack: alloc pops,
 * free pushes. The stack holds the blocks' addresses and lies apart from them: neither call touches
 * a block, what was in it stays, and no overrun of a block can damage the pool.
 *
 * For many objects of one kind that come and go in any order: nodes, connections, messages. For
 * objects that are costly to construct see object_pool.h, for several threads shared_pool.h.
 *
 * Example:
 *
 *     pk_block_pool pool;
 *     if (pk_block_pool_init(&pool, &(pk_block_pool_opts){.block_size = 48, .name = "nodes"}) != PK_OK)
 *         return 1;
 *     void *a = pk_block_pool_alloc(&pool), *b = pk_block_pool_alloc(&pool);
 *     if (!a || !b) return 1;
 *     pk_block_pool_free(&pool, a);
 *     pk_block_pool_trim(&pool, 0);                    // whole free chunks go back
 *     if (pk_block_pool_fini(&pool) != 1) return 1;    // b was still in use
 *
 * Sizes      any from 1 byte to 1 GiB; rounded up to a multiple of the alignment, at least 16:
 *            pk_block_pool_block_size tells. There is no alloc of n bytes; through allocator.h a request
 *            larger than a block is EINVAL.
 * Alignment  PK_ALIGN (16); any power of two up to 65536 by the option `align`.
 * Threads    one at a time.
 * Cost       alloc, free: some six instructions inline each. Every few hundred calls the stack is
 *            filled from, or half emptied to, the chunks' bitmaps: some ten instructions a block. A new
 *            chunk: one call of the page source.
 * Memory     a bit per block, 8 bytes for each block on the stack (64 KiB at most), and some
 *            150 bytes per chunk. Chunks go back by trim, or by themselves with the option `keep`.
 * Failure    NULL and errno as told in common.h; the pool is as before and can be used on.
 * Misuse     found when a block goes home from the stack to its chunk's bitmap, and reported with the
 *            pool's name (fault.h): a block freed twice, an address that is no block's start, or not
 *            this pool's. With PK_CHECKED: at once.
 * Sanitizers in a program built with AddressSanitizer, or run by Valgrind, free blocks are not to be
 *            touched, and blocks have a gap between them. Each call then goes the slow path by itself.
 * Idea       fixed-size pools: B. Kenwright, Fast efficient fixed-size memory pool (2012); slabs and
 *            magazines: J. Bonwick (USENIX 1994, 2001).
 */
#ifndef POOLKIT_BLOCK_POOL_H
#define POOLKIT_BLOCK_POOL_H

#include <poolkit/allocator.h>
#include <poolkit/common.h>
#include <poolkit/page_source.h>
#include <poolkit/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pk_block_pool_ext pk_block_pool_ext;

/* The caller owns the struct and must not copy or move it while it is in use. The first two members
 * are all that the inline paths read; they are part of the ABI. A pool that was never prepared by
 * pk_block_pool_init must not be used, except that a zero-filled one may be ended. */
typedef struct pk_block_pool {
    void **top; /* the next block is top[-1]; NULL there marks the bottom, and sends alloc the slow
                 * way: always so in pools that see each call (checked, zeroing, with handles)   */
    void **end; /* top == end sends free the slow way                                            */
    pk_block_pool_ext *ext;
} pk_block_pool;

enum {
    PK_ZERO = 1,    /* blocks are handed out with all bytes zero                                 */
    PK_CHECKED = 2, /* each free is checked at once; lowest free address first. Some 60
                     * instructions a pair instead of 12                                         */
    PK_HANDLES = 4  /* blocks can be named by handles: 4 bytes a block, cost as PK_CHECKED       */
};

typedef struct {
    uint32_t size;      /* sizeof(pk_block_pool_opts), or 0                                       */
    const char *name;   /* for statistics and messages; not copied: must outlive the pool         */
    size_t block_size;  /* the only option that must be set                                       */
    size_t align;       /* of each block; 0 = PK_ALIGN                                            */
    void *buffer;       /* static storage for the pool's records and first blocks, any alignment; */
    size_t buffer_size; /* with max_blocks == 0 the pool then never grows beyond it              */
    size_t per_chunk;   /* blocks in a chunk, at least; 0 = as many as fit in 256 KiB, 8 or more */
    size_t max_blocks;  /* most blocks in use at once; 0 = no bound                              */
    size_t limit;       /* most bytes taken from the source at once; 0 = no bound                */
    size_t keep;    /* an empty chunk goes back by itself if this many blocks stay free; 0 = chunks
                         * go back only by trim                                                  */
    unsigned flags; /* PK_ZERO, PK_CHECKED, PK_HANDLES                                       */
    pk_page_source source; /* where chunks come from; zero = the operating system                */
    pk_oom_fn *on_oom;     /* asked before an allocation fails                                   */
    void *oom_arg;

    /* For objects that keep a constructed state while they are free (object_pool.h). `construct` runs
     * when a block is handed out for the first time, or made ahead by reserve; false: the allocation
     * fails with the errno that it left. `destroy` runs when a constructed block's memory is given
     * up: by trim, fini, `keep`. Neither may use the pool (EDEADLK). */
    bool (*construct)(void *block, void *arg);
    void (*destroy)(void *block, void *arg);
    void *object_arg;
} pk_block_pool_opts;

/* ---- life ---- */

/* Prepares *pool; the first chunk is taken by the first allocation. PK_EINVAL: no block size, one
 * above 1 GiB, an alignment that is not possible, unknown flags, PK_ZERO with `construct`, `destroy`
 * without it, a buffer too
 * small for one block, or opts larger than this library knows. PK_ENOMEM, PK_ELIMIT: no memory for
 * the pool's record, or a limit below it and one chunk. On failure *pool is as one that has ended:
 * each allocation from it is EINVAL. */
PK_API pk_status pk_block_pool_init(pk_block_pool *pool, const pk_block_pool_opts *opts);

/* Ends the pool: destroys the objects, gives all memory back. Returns how many blocks were in use.
 * Nothing for a pool that has ended, or is zero-filled. An allocation from an ended pool is EINVAL, a
 * free to it a fault. */
PK_API size_t pk_block_pool_fini(pk_block_pool *pool);

/* The same only if no block is in use; else PK_EBUSY, and nothing done. */
PK_API pk_status pk_block_pool_fini_if_empty(pk_block_pool *pool);

/* All blocks are free again; their memory, and constructed state, is kept. Handles become stale. */
PK_API void pk_block_pool_reset(pk_block_pool *pool);

/* The bytes of static storage that a pool of `n` blocks with these options needs, wherever it lies;
 * 0 if the options are refused or the sum overflows. */
PK_API size_t pk_block_pool_need(const pk_block_pool_opts *opts, size_t n);

/* The same, not less, for an array's size. */
#define PK_BLOCK_POOL_BYTES(n, block_size, align)                                                  \
    (1024 + PK_BLOCK_ALIGN_(align) +                                                               \
     PK_CAST(size_t, n) * (16 + PK_BLOCK_ROUNDED_(block_size, align)))
#define PK_BLOCK_ALIGN_(align)                                                                     \
    (PK_CAST(size_t, align) < PK_ALIGN ? PK_ALIGN : PK_CAST(size_t, align))
#define PK_BLOCK_ROUNDED_(block_size, align)                                                       \
    ((PK_CAST(size_t, block_size) + PK_BLOCK_ALIGN_(align) - 1) & ~(PK_BLOCK_ALIGN_(align) - 1))

/* ---- blocks ---- */

/* What the inline functions call; never call them yourself. */
PK_API void *pk_block_pool_alloc_slow(pk_block_pool *pool);
PK_API void pk_block_pool_free_slow(pk_block_pool *pool, void *block);

/* A block; its contents are undefined, or zero (PK_ZERO), or the object's constructed state. */
static inline void *pk_block_pool_alloc(pk_block_pool *pool)
{
    void *block = pool->top[-1];
    if (block != NULL) {
        pool->top--;
        return block;
    }
    return pk_block_pool_alloc_slow(pool);
}

/* NULL is allowed. */
static inline void pk_block_pool_free(pk_block_pool *pool, void *block)
{
    if (block != NULL && pool->top != pool->end) {
        *pool->top++ = block;
        return;
    }
    if (block != NULL) {
        pk_block_pool_free_slow(pool, block);
    }
}

/* Up to `n` blocks into out[0..]; returns how many, 0 if at_least cannot be had. With at_least == n:
 * all or nothing; more than n is EINVAL. errno is set if there are fewer than n. */
PK_API size_t pk_block_pool_alloc_n(pk_block_pool *pool, void **out, size_t n, size_t at_least);

/* NULLs among them are allowed. */
PK_API void pk_block_pool_free_n(pk_block_pool *pool, void *const *blocks, size_t n);

/* ---- memory ---- */

/* Takes chunks, and constructs objects, until `n` blocks can be had without the page source. PK_ENOMEM,
 * PK_ELIMIT: as many as could be had (PK_ENOMEM: none, if no address space has room for so many).
 * PK_ESYS: construct failed, see errno. */
PK_API pk_status pk_block_pool_reserve(pk_block_pool *pool, size_t n);

/* Gives chunks in which no block is in use back to the source, as long as `keep` free blocks stay.
 * Returns the bytes. O(free blocks on the stack + chunks). */
PK_API size_t pk_block_pool_trim(pk_block_pool *pool, size_t keep);

/* ---- questions ---- */

/* The bytes that each block really has. */
PK_API size_t pk_block_pool_block_size(const pk_block_pool *pool);

/* Is `p` a block of this pool that is in use? For any address; reads nothing that is not the
 * pool's. A block that waits on the stack counts as free. O(blocks on the stack). */
PK_API bool pk_block_pool_owns(pk_block_pool *pool, const void *p);

/* The blocks in use, one by one: the one behind `after` (NULL: the first), NULL at the end. `after` may
 * have been freed, blocks may be allocated meanwhile: those in use throughout are all shown. `after`
 * is an address that this function returned; if its chunk was given up meanwhile, NULL.
 *
 *     for (void *b = NULL; (b = pk_block_pool_next_live(&pool, b)) != NULL;) …                      */
PK_API void *pk_block_pool_next_live(pk_block_pool *pool, const void *after);

/* `untouched` are blocks that never left their chunk; pinned_by_live are free blocks in chunks with one
 * in use, or on the stack: trim first to know what the blocks in use pin.
 * A pool on static storage counts its buffer as committed. */
PK_API void pk_block_pool_stats(const pk_block_pool *pool, pk_stats *out);

/* Compares every record with every other; returns how many of the invariants are broken, and the
 * first one's text (may be NULL, 0). Empties the stack first. */
PK_API size_t pk_block_pool_audit(pk_block_pool *pool, char *text, size_t text_size);

/* ---- handles ---- */

/* Names a block in use; unlike a pointer it can be asked whether the block still is. {0, 0} is never
 * valid. A handle fits in 64 bits and may be sent to strangers: it is checked whenever it is used. */
typedef struct {
    uint32_t index;
    uint32_t generation; /* counts the allocations of the pool: a stale handle could only pass for
                          * valid after exactly 2^32 of them */
} pk_handle;

/* The handle of a block in use; {0, 0} for any other address, and in pools without PK_HANDLES. */
PK_API pk_handle pk_block_pool_handle(pk_block_pool *pool, const void *block);

/* The block, NULL once it was freed, for {0, 0} and for any 64 bits that are no handle. O(1). */
PK_API void *pk_block_pool_at(const pk_block_pool *pool, pk_handle handle);

/* ---- as an allocator ---- */

/* For requests up to the block's size and alignment; larger ones are EINVAL. */
PK_API pk_allocator pk_block_pool_as_alloc(pk_block_pool *pool);

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_BLOCK_POOL_H */
