/* SPDX-License-Identifier: MIT
 * shared_pool.h: a block pool for many threads: any thread allocates, any thread frees.
 *
 * PK_PER_THREAD  each thread has a stack of free blocks of its own and takes no lock while it has
 *                some. A block that another thread frees finds its owner by its address, and goes home
 *                in batches. For many threads, or much traffic.
 * PK_LOCKED      all threads use one stack under one lock. Memory is as compact as it can be, no thread
 *                holds blocks back. For few threads, little traffic, or many threads that each use few
 *                blocks.
 *
 * Example:
 *
 *     pk_shared_pool *pool;
 *     if (pk_shared_pool_create(&pool, &(pk_block_pool_opts){.block_size = 128, .name = "messages"},
 *                               PK_PER_THREAD) != PK_OK) return 1;
 *     char *message = pk_shared_pool_alloc(pool);      // in any thread
 *     if (!message) return 1;
 *     pk_shared_pool_free(message);                    // in any other
 *     if (pk_shared_pool_destroy(pool) != 0) return 1; // none was in use
 *
 * Sizes      1 byte to 1 GiB; rounded up to a multiple of 16 and of the alignment. Blocks above 32 KiB
 *            are taken from the pool one by one, under its lock.
 * Alignment  PK_ALIGN (16); any power of two up to 65536 by the option `align`.
 * Threads    any, at any time; destroy: when no other thread is inside, from any thread. A thread that
 *            ends hands its blocks over by itself, and may still allocate and free in its last
 *            destructors. After a fork the child may use the pool on.
 * Cost       per thread: 14 instructions for alloc, 30 for free, in the pool that the thread used
 *            last; more in others. Locked: some 65 each, the lock included.
 * Bounds     max_blocks is never exceeded. Locked, all of them can be had. Per thread, free blocks in
 *            stacks of other running threads count until they flush: the bound may be met earlier.
 * Memory     chunks of 4 MiB of addresses, of which slabs of 64 KiB are used as needed; what is free
 *            goes back after a while, or by trim. Each thread may hold some hundred free blocks.
 * Failure    NULL and errno as told in common.h.
 * Misuse     as told in fault.h for the heap: foreign addresses at once, a block freed twice when it
 *            goes home.
 * Idea       magazines and vmem: J. Bonwick, J. Adams (USENIX 2001); owner by mask: E. Berger, Hoard
 *            (ASPLOS 2000).
 */
#ifndef POOLKIT_SHARED_POOL_H
#define POOLKIT_SHARED_POOL_H

#include <poolkit/allocator.h>
#include <poolkit/block_pool.h>
#include <poolkit/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pk_shared_pool pk_shared_pool;

typedef enum { PK_PER_THREAD, PK_LOCKED } pk_threading;

/* A new pool in *out. Of the options those apply that make sense for many threads: name (copied, up to
 * 31 bytes), block_size, align, max_blocks, limit, source, on_oom, and the flag PK_ZERO. PK_EINVAL:
 * another one is set, or one is out of range. PK_ENOMEM: no memory. *out is untouched on failure. */
PK_API pk_status pk_shared_pool_create(pk_shared_pool **out, const pk_block_pool_opts *opts,
                                       pk_threading threading);

/* Ends the pool: every block in it is gone. Returns how many were in use. NULL does nothing; a pool that
 * was destroyed already is a fault. */
PK_API size_t pk_shared_pool_destroy(pk_shared_pool *pool);

/* The same only if no block is in use; else PK_EBUSY, and nothing done. */
PK_API pk_status pk_shared_pool_destroy_if_empty(pk_shared_pool *pool);

/* A block of the pool; contents undefined, or zero (PK_ZERO). */
PK_API void *pk_shared_pool_alloc(pk_shared_pool *pool);

/* Frees a block of whichever shared pool it is; NULL is allowed. errno is kept. */
PK_API void pk_shared_pool_free(void *block);

/* The calling thread's free blocks, and those of others that it has gathered, go home at once. */
PK_API void pk_shared_pool_flush(pk_shared_pool *pool);

/* Gives free memory back but `keep` bytes; returns the bytes given back. */
PK_API size_t pk_shared_pool_trim(pk_shared_pool *pool, size_t keep);

/* The pool that a block belongs to, NULL if it is no shared pool's. Reads no memory that is not
 * poolkit's. */
PK_API pk_shared_pool *pk_shared_pool_of(const void *block);

/* The bytes that each block really has. */
PK_API size_t pk_shared_pool_block_size(const pk_shared_pool *pool);

/* Calls fn for each block that was ever handed out, until it returns false. No other thread may use
 * the pool meanwhile. */
typedef bool pk_shared_pool_walk_fn(void *arg, void *block, size_t size, bool live);
PK_API bool pk_shared_pool_walk(pk_shared_pool *pool, pk_shared_pool_walk_fn *fn, void *arg);

/* Fills *out; the figures are told in stats.h. */
PK_API void pk_shared_pool_stats(pk_shared_pool *pool, pk_stats *out);

/* As pk_heap_audit: how many invariants are broken, and the first one's text. */
PK_API size_t pk_shared_pool_audit(pk_shared_pool *pool, char *text, size_t text_size);

/* For requests up to the block's size and alignment; larger ones are EINVAL. */
PK_API pk_allocator pk_shared_pool_as_alloc(pk_shared_pool *pool);

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_SHARED_POOL_H */
