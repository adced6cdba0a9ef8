/* SPDX-License-Identifier: MIT
 * heap.h: blocks of any size, from any thread, freed singly or all at once.
 *
 * A heap is malloc as an object: it has a name, a byte limit and an end. Everything in it can be
 * given back in one call, which makes it the right pool for a part of a program whose blocks have
 * many sizes and many lifetimes but die together at the latest: a plug-in, a session, a query.
 * For one size use a block pool, for blocks that all die together an arena: both are faster.
 *
 * Example:
 *
 *     pk_heap *heap;
 *     if (pk_heap_create(&heap, NULL) != PK_OK) return 1;
 *     char *name = pk_heap_alloc(heap, 32);
 *     int  *list = pk_heap_zalloc(heap, 100 * sizeof *list);
 *     if (name && list) list = pk_heap_realloc(heap, list, 200 * sizeof *list);
 *     pk_heap_free(name);
 *     pk_heap_destroy(heap);                       // list goes with it
 *
 * Sizes      0 counts as 1 and gives a pointer of its own. Up to 32 KiB a request is rounded up to
 *            a size class: to 16 bytes up to 128, above that so that at most 1/8 of the block is waste; larger ones are
 *            rounded to whole pages. More than PTRDIFF_MAX is refused with ENOMEM.
 * Alignment  PK_ALIGN (16) at least; any power of two by pk_heap_alloc_aligned.
 * Threads    every call may be made from any thread at any time, and any thread may free any
 *            block, except where a function says otherwise. Each thread allocates from its own
 *            slabs without a lock or an atomic instruction.
 * Cost       alloc and free of small blocks: some fifteen instructions. One call in about twenty takes an
 *            uncontended lock and moves a batch of blocks. Blocks above 32 KiB take a lock each.
 * Checkers   in a process that AddressSanitizer or Valgrind's memcheck looks on, blocks have a gap behind
 *            them, freed ones are hidden, and every call takes a lock. As many bytes as
 *            pk_heap_usable says may then be used, still at least what was asked for.
 * Memory     a heap reserves address space in chunks of 4 MiB; only pages that are used become
 *            resident, and those that are not needed for a while go back to the system.
 * Source     with a source of its own a heap takes chunks of 4 MiB, and for each block above 1 MiB its size
 *            and one page more, both at multiples of 4 MiB. Such blocks grow by copying only, and
 *            alignments above 4 MiB are refused with ENOMEM. The heap's records stay the system's.
 * Idea       slabs per size after Bonwick (USENIX 1994), per-thread stacks of free block addresses
 *            after his magazines (USENIX 2001), owner found by masking the address as in Hoard.
 */
#ifndef POOLKIT_HEAP_H
#define POOLKIT_HEAP_H

#include <poolkit/allocator.h>
#include <poolkit/common.h>
#include <poolkit/page_source.h>
#include <poolkit/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pk_heap pk_heap;

/* How much a heap checks; docs/faults.md has what each mode finds, and when. */
typedef enum {
    PK_HEAP_MODE_DEFAULT = 0, /* as POOLKIT_OPTIONS=mode=… says, else fast                       */
    PK_HEAP_FAST,             /* what costs next to nothing: a double free, a free of no block   */
    PK_HEAP_HARDENED,         /* writes beyond a block's end and into freed blocks are found too, */
                              /* a double free at once; freed blocks are used again late         */
    PK_HEAP_DEBUG             /* the same to the byte, with the places of the calls in reports   */
} pk_heap_mode;

typedef struct {
    uint32_t size;     /* sizeof(pk_heap_opts), or 0                                           */
    const char *name;  /* used in messages and statistics, copied (31 bytes); NULL = "heap"    */
    size_t limit;      /* most bytes of slabs and large blocks at once (64 KiB steps; blocks of up
                        * to 16 bytes count as 32); 0 = none */
    pk_oom_fn *on_oom; /* asked before an allocation fails; NULL = just fail                   */
    void *oom_arg;     /* its argument                                                         */
    pk_page_source source; /* where its chunks and large blocks come from; {NULL} = the system */
    pk_heap_mode mode;     /* how much is checked                                              */
} pk_heap_opts;

/* Makes an empty heap and stores it in *out. PK_EINVAL: out is NULL, or opts->size is larger than
 * this library knows or below sizeof(uint32_t), or opts->mode is none. PK_ENOMEM: no memory for its record. On failure *out is left alone. */
PK_API pk_status pk_heap_create(pk_heap **out, const pk_heap_opts *opts);

/* Frees every block of the heap and the heap itself, from any thread. No other thread may use the
 * heap or its blocks during or after the call. NULL is allowed; the process heap is not. */
PK_API void pk_heap_destroy(pk_heap *heap);

/* The heap that stands behind malloc in the drop-in, and that any program may share. It cannot be
 * destroyed and has no limit. Never NULL. */
PK_API pk_heap *pk_heap_process(void);

/* Contents are undefined. */
PK_API void *pk_heap_alloc(pk_heap *heap, size_t n) PK_ATTR_ALLOC(2);

/* All bytes are zero. Large fresh blocks are known to be zero and are not touched. */
PK_API void *pk_heap_zalloc(pk_heap *heap, size_t n) PK_ATTR_ALLOC(2);

/* The block's address is a multiple of `align`, a power of two of any size; else EINVAL. */
PK_API void *pk_heap_alloc_aligned(pk_heap *heap, size_t n, size_t align) PK_ATTR_ALLOC(2);

/* As pk_heap_alloc, and tells in *got (may be NULL) how many bytes may be used. */
PK_API void *pk_heap_alloc_atleast(pk_heap *heap, size_t n, size_t *got);

/* Grows or shrinks `p`, moving it if it must; the bytes up to the smaller size are kept. p == NULL
 * allocates from `heap`; otherwise the block stays in the heap that it came from. n == 0 gives a
 * block of the smallest size (malloc's realloc(p, 0) differs). On failure NULL, and `p` lives on. */
PK_API void *pk_heap_realloc(pk_heap *heap, void *p, size_t n) PK_ATTR_REALLOC(3);

/* True if `p` can hold `n` bytes from now on without moving; otherwise nothing is changed. */
PK_API bool pk_heap_resize(void *p, size_t n);

/* Gives one block back; the heap is found from the address. NULL is allowed. errno is kept. */
PK_API void pk_heap_free(void *p);

/* The same when the caller knows the size: `n` is the size asked for or the usable size. */
PK_API void pk_heap_free_sized(void *p, size_t n);

/* Bytes that may be used at `p`: at least what was asked for. 0 for NULL and for addresses that
 * are not poolkit's; of blocks up to 32 KiB also for one that is free, and for addresses inside one. */
PK_API size_t pk_heap_usable(const void *p);

/* The heap that the block at `p` belongs to, NULL if it is not poolkit's. Reads no memory of an
 * address that is not poolkit's. */
PK_API pk_heap *pk_heap_of(const void *p);

/* Hands the calling thread's free blocks back to their slabs and gives every page without a live
 * block back to the system, but keeps up to `keep` bytes of whole free slabs. Returns how many
 * bytes went back. What other running threads hold in their stacks stays with them. */
PK_API size_t pk_heap_trim(pk_heap *heap, size_t keep);

/* Calls `fn` for every block, live and free, until it returns false; true if all were shown. `fn`
 * must not use the heap, and no other thread may use it meanwhile. */
typedef bool pk_heap_walk_fn(void *arg, void *p, size_t n, bool live);
PK_API bool pk_heap_walk(pk_heap *heap, pk_heap_walk_fn *fn, void *arg);

/* Fills *out. Takes each owner's lock in turn; never fails. */
PK_API void pk_heap_stats(pk_heap *heap, pk_stats *out);

/* True if the heap's summary figures agree. O(1), any time. */
PK_API bool pk_heap_check(pk_heap *heap);

/* Walks every record of the heap and compares each with each (see src/slab/README.md for the
 * numbered invariants). Returns how many are broken and, if `text` is not NULL, puts the first
 * one's number and description in it. No other thread may use the heap meanwhile. */
PK_API size_t pk_heap_audit(pk_heap *heap, char *text, size_t text_size);

/* The heap as an allocator. */
PK_API pk_allocator pk_heap_as_alloc(pk_heap *heap);

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_HEAP_H */
