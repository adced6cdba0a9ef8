/* SPDX-License-Identifier: MIT
 * allocator.h: one interface for everything that hands out memory. A pk_allocator is two words, passed
 * by value: a table of four functions and the thing they work on. Each pool can be seen as one
 * (pk_arena_as_alloc, pk_block_pool_as_alloc, pk_shared_pool_as_alloc, pk_heap_as_alloc), the
 * system's malloc too (pk_libc). A data structure that takes a pk_allocator lets its user choose.
 *
 * Any pool can stand on any allocator: pk_allocator_pages makes a page source of one.
 *
 * Example: a test that counts what code under test allocates, and one that lets it run out of memory.
 *
 *     pk_counting count;
 *     pk_allocator counted = pk_counting_alloc(&count, pk_libc());
 *     int *numbers = pk_get(counted, 10 * sizeof *numbers, _Alignof(int));
 *     numbers = pk_remap(counted, numbers, 10 * sizeof *numbers, 20 * sizeof *numbers, _Alignof(int));
 *     pk_put(counted, numbers, 20 * sizeof *numbers, _Alignof(int));
 *     if (count.n_live != 0 || count.bytes_peak < 20 * sizeof *numbers) return 1;
 *
 *     pk_failing fail;
 *     pk_allocator failing = pk_failing_alloc(&fail, pk_libc(), 2, false);   // only the second
 *     void *first = pk_get(failing, 8, 8), *second = pk_get(failing, 8, 8);
 *     if (!first || second || fail.n_failed != 1) return 1;
 *     pk_put(failing, first, 8, 8);
 *
 * Sizes      the size and alignment of a block are given back with it: an allocator needs no header
 *            in front of a block. n == 0 counts as 1.
 * Alignment  any power of two; one that is none is EINVAL.
 * Threads    as the pool below; pk_libc: any. The counting and the failing allocator: one at a time.
 * Failure    NULL with errno set as told in common.h, and everything as before.
 * Idea       Zig's std.mem.Allocator; std::pmr::memory_resource.
 */
#ifndef POOLKIT_ALLOCATOR_H
#define POOLKIT_ALLOCATOR_H

#include <poolkit/common.h>
#include <poolkit/page_source.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t size; /* sizeof this table, so that it can grow */

    /* `n` bytes at a multiple of `align`. */
    void *(*alloc)(void *ctx, size_t n, size_t align);

    /* Makes the block new_n bytes long where it is; false, and nothing done, if that cannot be. */
    bool (*resize)(void *ctx, void *p, size_t old_n, size_t new_n, size_t align);

    /* The same, moving the block if it must. NULL: the block is as it was. May be NULL: then pk_remap
     * gets a new block and copies. */
    void *(*remap)(void *ctx, void *p, size_t old_n, size_t new_n, size_t align);

    /* `n` and `align` are those it was asked for with, or last resized to. */
    void (*free)(void *ctx, void *p, size_t n, size_t align);
} pk_allocator_ops;

typedef struct {
    const pk_allocator_ops *ops;
    void *ctx;
} pk_allocator;

/* malloc, posix_memalign, realloc and free of the C library. In place a block can only shrink, which
 * gives nothing back. */
PK_API pk_allocator pk_libc(void);

/* A block of `n` bytes, contents undefined. */
static inline void *pk_get(pk_allocator a, size_t n, size_t align)
{
    return a.ops->alloc(a.ctx, n, align);
}

/* p == NULL does nothing. */
static inline void pk_put(pk_allocator a, void *p, size_t n, size_t align)
{
    if (p != NULL) {
        a.ops->free(a.ctx, p, n, align);
    }
}

/* In place only. p == NULL is false. */
static inline bool pk_resize(pk_allocator a, void *p, size_t old_n, size_t new_n, size_t align)
{
    return p != NULL && a.ops->resize(a.ctx, p, old_n, new_n, align);
}

/* In place or moved, contents kept as far as both sizes reach. p == NULL gets a block. On failure the
 * old block is untouched. */
PK_API void *pk_remap(pk_allocator a, void *p, size_t old_n, size_t new_n, size_t align);

/* All bytes zero. */
PK_API void *pk_get_zero(pk_allocator a, size_t n, size_t align);

/* count × elem bytes; ENOMEM if the product overflows. */
PK_API void *pk_get_array(pk_allocator a, size_t count, size_t elem, size_t align);

/* ---- pools on allocators ---- */

/* A page source that takes its pages from `*a`, which must outlive the pools on it. Each chunk costs
 * sizeof(size_t) bytes more there. map returns NULL, with errno set, when `*a` has no more. */
PK_API pk_page_source pk_allocator_pages(const pk_allocator *a);

/* ---- for tests ---- */

/* Passes everything on to `below` and counts. Bytes are as asked for. */
typedef struct {
    pk_allocator below;
    uint64_t n_alloc, n_free;        /* calls; a remap that moved counts as both            */
    uint64_t n_fail;                 /* alloc and remap that returned NULL                  */
    uint64_t n_live;                 /* blocks not yet freed                                */
    uint64_t bytes_live, bytes_peak; /* in blocks not yet freed, now and at most            */
    uint64_t bytes_total;            /* all that was asked for; growth in place adds itself */
} pk_counting;

/* Sets *counting to zero and returns it as an allocator; both it and `below` must outlive the blocks. */
PK_API pk_allocator pk_counting_alloc(pk_counting *counting, pk_allocator below);

/* Passes everything on to `below`, but lets the fail_at-th request for memory (from 1) fail, and all
 * after it if `for_ever`. 0: none fails; calls are only counted, to know how many there are. */
typedef struct {
    pk_allocator below;
    uint64_t calls; /* requests: alloc, remap and growing resizes */
    uint64_t fail_at;
    uint64_t n_failed;
    bool for_ever;
} pk_failing;

/* The same with *failing. */
PK_API pk_allocator pk_failing_alloc(pk_failing *failing, pk_allocator below, uint64_t fail_at,
                                     bool for_ever);

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_ALLOCATOR_H */
