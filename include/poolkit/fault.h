/* SPDX-License-Identifier: MIT
 * fault.h: what happens when the caller's program has a bug.
 *
 * A double free, a pointer that is no block's start, a block of nobody's: such a call has no
 * honest return value. The library reports it to one handler of the process, with one line of
 * text. The default handler writes that line to standard error, without allocating, and aborts:
 *
 *     poolkit: process heap: free of 0x7f0000000010: not the start of a block
 *
 * When it is found, in heaps and shared pools: at the call, whether the address is not poolkit's, not where
 * a block begins, or of a block that is free already. But a block of another thread's, freed twice, when
 * the batch goes home that it is in; and a block that somebody else got meanwhile is that one's: only
 * hardened and debug heaps, which use blocks again late, tell the two apart (docs/faults.md).
 *
 * A handler of your own may log and return: the faulty call then has no effect.
 */
#ifndef POOLKIT_FAULT_H
#define POOLKIT_FAULT_H

#include <poolkit/common.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    PK_FAULT_DOUBLE_FREE = 1, /* the block is free already                                  */
    PK_FAULT_NOT_A_BLOCK,     /* inside poolkit's memory, but not where a live block starts */
    PK_FAULT_FOREIGN,         /* the address belongs to no pool of poolkit                  */
    PK_FAULT_OTHER_POOL,      /* a block of another pool than the one it was given to       */
    PK_FAULT_ENDED,           /* the pool has ended                                         */
    PK_FAULT_BUSY,            /* a callback used the pool that called it                    */
    PK_FAULT_WRONG_SIZE,      /* the size given is not one that the block can have          */
    PK_FAULT_CORRUPT,         /* poolkit's own records were overwritten                     */
    PK_FAULT_OVERRUN,         /* the block was written beyond its end                       */
    PK_FAULT_USE_AFTER_FREE   /* the block was written after it was freed                   */
} pk_fault_kind;

typedef struct {
    uint32_t size;         /* sizeof this struct, as the library was built           */
    pk_fault_kind kind;    /* which bug                                              */
    const void *ptr;       /* the pointer that was passed                            */
    const char *pool_name; /* the pool or heap concerned; never NULL                 */
    const char *text;      /* the line the default handler prints, without a newline */
    /* Of checked heaps (pk_heap_mode), as far as it is known; else 0 and NULL. */
    size_t block_size;        /* bytes that were asked for                            */
    const void *allocated_at; /* debug: where the call that took the block returns to */
    const void *freed_at;     /* debug: the call that freed it first                  */
} pk_fault;

/* Runs in the thread that made the faulty call; it must not allocate from the pool at fault. */
typedef void pk_fault_fn(const pk_fault *fault, void *arg);

/* How many faults were reported so far, to whomever. */
PK_API uint64_t pk_fault_count(void);

/* Installs `fn` for the whole process; NULL brings the default back. Safe from any thread. */
PK_API void pk_on_fault(pk_fault_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_FAULT_H */
