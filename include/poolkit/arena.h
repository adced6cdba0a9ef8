/* SPDX-License-Identifier: MIT
 * arena.h: blocks of any size that die together.
 *
 * An arena hands out memory by moving a pointer through a chunk. Chunks are chained, each twice the
 * one before. There is no free for a block: a mark is rewound, or the arena is reset or ended, and
 * everything since is gone at once. It is the fastest of the pools, and the right one for what
 * belongs to one request, one frame, one document, one pass of a compiler.
 *
 * Not for blocks that die at different times while others stay: use a heap or a block pool.
 *
 * Example:
 *
 *     pk_arena arena = {0};                            // valid: default options
 *     int  *list = pk_new_array(&arena, int, 100);
 *     char *line = pk_arena_printf(&arena, "%d of %s", 7, "nine");
 *     pk_mark before = pk_arena_mark(&arena);
 *     void *scratch = pk_arena_alloc(&arena, 5000);
 *     pk_arena_rewind(&arena, before);                 // scratch is gone, list and line are not
 *     pk_arena_reset(&arena);                          // all are gone, memory is kept for reuse
 *     pk_arena_fini(&arena);                           // and given back
 *     if (!list || !line || !scratch) return 1;
 *
 * Sizes      0 counts as 1. Blocks are rounded up to multiples of 16. A request that does not fit in
 *            a chunk of the present size gets a chunk of its own; the present one stays in use.
 * Alignment  PK_ALIGN (16); any power of two by pk_arena_alloc_aligned.
 * Threads    one at a time, unless the option `locked` is set: then any, except that marks, rewind,
 *            reset, fini and the questions need everybody else to have stopped.
 * Cost       alloc: some ten instructions inline. A new chunk: one call of the page source. reset and
 *            rewind: as many steps as chunks are given up, and the clean-ups.
 * Memory     what lies between the pointer and the chunk's end, and 64 bytes per chunk. No bytes per
 *            block.
 * Failure    NULL and errno as told in common.h; the arena is as before and can be used on.
 * Idea       regions: D. T. Ross, The AED free storage package (CACM 1967); obstacks in glibc; the
 *            chain of doubling chunks: D. R. Hanson (SP&E 1990).
 */
#ifndef POOLKIT_ARENA_H
#define POOLKIT_ARENA_H

#include <stdarg.h>

#include <poolkit/allocator.h>
#include <poolkit/common.h>
#include <poolkit/page_source.h>
#include <poolkit/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pk_arena_chunk pk_arena_chunk;
typedef struct pk_arena_ext pk_arena_ext;

/* A clean-up to be run later. The arena keeps the address: it may lie in the arena itself or in
 * memory that lives longer than what it cleans up. */
typedef struct pk_defer_node {
    struct pk_defer_node *next;
    void (*fn)(void *arg);
    void *arg;
    uint64_t moment; /* private: when it was added */
} pk_defer_node;

/* Zero-filled it is a valid, empty arena with default options. The caller owns the struct and must
 * not copy or move it while it is in use. The first two members are all that the inline path reads;
 * they are part of the ABI, the others are private. */
typedef struct pk_arena {
    char *ptr; /* the next block: a multiple of 16                                   */
    char *end; /* end - ptr is a multiple of 16; equal to ptr in locked arenas, and while a
                * memory checker looks on: allocations then all take the slow path   */
    pk_arena_chunk *chunk;
    pk_defer_node *defers;
    pk_arena_ext *ext;
} pk_arena;

typedef struct {
    uint32_t size;      /* sizeof(pk_arena_opts), or 0                                           */
    const char *name;   /* for statistics and messages; not copied: must outlive the arena       */
    void *buffer;       /* the caller's first chunk (stack or static memory), any alignment;     */
    size_t buffer_size; /* never freed by the arena. Used first; at least 400 bytes, else unused */
    size_t first;       /* the first chunk's size; 0 = 4 KiB                                     */
    size_t max_chunk;   /* each chunk is twice the last one, up to this; 0 = 1 MiB               */
    size_t limit;       /* most bytes of chunks at once, exact; the buffer counts; 0 = none      */
    size_t retain;      /* bytes of chunks kept by reset; 0 = as many as were lately used        */
    pk_page_source source; /* where chunks come from; zero = the operating system               */
    pk_oom_fn *on_oom;     /* asked before an allocation fails                                  */
    void *oom_arg;
    pk_arena *parent; /* its reset, rewind beyond this moment, or fini ends this arena first   */
    bool locked;      /* any thread may allocate                                               */
} pk_arena_opts;

/* ---- life ---- */

/* Prepares *arena. NULL or zero-filled options: the defaults, and no memory is taken until the first
 * allocation. PK_EINVAL: a size is not possible (max_chunk below first, limit below 400), or opts
 * is larger than this library knows. PK_ENOMEM: no memory for the arena's record, which options
 * other than the sizes need. On failure *arena is zero-filled. */
PK_API pk_status pk_arena_init(pk_arena *arena, const pk_arena_opts *opts);

/* Ends the children, runs the clean-ups, newest first, and forgets every block; keeps memory as the
 * option `retain` says. */
PK_API void pk_arena_reset(pk_arena *arena);

/* The same, and gives every chunk back. *arena is zero-filled then, and may be used anew with default
 * options. Also right for an arena that was never used. */
PK_API void pk_arena_fini(pk_arena *arena);

/* ---- allocation ---- */

/* What the inline functions call when the chunk is full; never call it yourself. */
PK_API void *pk_arena_alloc_slow(pk_arena *arena, size_t n, size_t align) PK_ATTR_ALLOC(2);

/* `n` bytes, contents undefined. */
static inline void *pk_arena_alloc(pk_arena *arena, size_t n)
{
    char *p = arena->ptr;
    /* 0 wraps and goes the slow way. It cannot overflow: the room is a multiple of 16, so that n
     * rounded up fits whenever n does. */
    if (n - 1 < PK_CAST(size_t, arena->end - p)) {
        arena->ptr = p + ((n + (PK_ALIGN - 1)) & ~(PK_ALIGN - 1));
        return p;
    }
    return pk_arena_alloc_slow(arena, n, PK_ALIGN);
}

/* At a multiple of `align`, a power of two; else EINVAL. */
PK_API void *pk_arena_alloc_aligned(pk_arena *arena, size_t n, size_t align) PK_ATTR_ALLOC(2);

/* All bytes zero. */
PK_API void *pk_arena_zalloc(pk_arena *arena, size_t n) PK_ATTR_ALLOC(2);

/* count × elem bytes; ENOMEM if the product overflows. */
PK_API void *pk_arena_array(pk_arena *arena, size_t count, size_t elem, size_t align);

/* What pk_new calls. */
static inline void *pk_arena_alloc_type(pk_arena *arena, size_t n, size_t align)
{
    return align <= PK_ALIGN ? pk_arena_alloc(arena, n) : pk_arena_alloc_aligned(arena, n, align);
}

/* One T, or an array of n of them, uninitialised, as a T *. */
#define pk_new(arena, T) PK_CAST(T *, pk_arena_alloc_type((arena), sizeof(T), PK_ALIGNOF(T)))
#define pk_new_array(arena, T, n)                                                                  \
    PK_CAST(T *, pk_arena_array((arena), (n), sizeof(T), PK_ALIGNOF(T)))

/* Changes the size of the newest block where it is; old_n is the size asked for. false, and nothing
 * done, if it is not the newest one or the chunk has no room. Shrinking an older block is true and
 * gains nothing. */
PK_API bool pk_arena_resize(pk_arena *arena, void *p, size_t old_n, size_t new_n);

/* In place if it can be, else a new block with the old contents; the old one stays till the end.
 * p == NULL allocates. */
PK_API void *pk_arena_realloc(pk_arena *arena, void *p, size_t old_n, size_t new_n)
    PK_ATTR_REALLOC(4);

/* Copies. strndup copies at most `max` bytes and adds a NUL. */
PK_API void *pk_arena_memdup(pk_arena *arena, const void *p, size_t n);
PK_API char *pk_arena_strdup(pk_arena *arena, const char *s);
PK_API char *pk_arena_strndup(pk_arena *arena, const char *s, size_t max);

/* As sprintf, into a block of just the size. Formatted once if it fits in the chunk's rest. NULL also
 * if the format is refused by the C library. */
PK_API char *pk_arena_printf(pk_arena *arena, const char *format, ...) PK_ATTR_PRINTF(2, 3);
PK_API char *pk_arena_vprintf(pk_arena *arena, const char *format, va_list args)
    PK_ATTR_PRINTF(2, 0);

/* ---- mark and rewind ---- */

/* A moment in the arena's life. Good until the arena is rewound to an earlier one, reset or ended. */
typedef struct {
    pk_arena_chunk *chunk;
    char *ptr;
    uint64_t moment;     /* what the arena gained later has a later one */
    uint64_t generation; /* of resets: tells a stale mark               */
} pk_mark;

/* The present moment. */
PK_API pk_mark pk_arena_mark(const pk_arena *arena);

/* Forgets every block and runs every clean-up added since the mark, newest first, and ends the
 * children made since. Chunks made since are kept for reuse as reset would. PK_EINVAL, and nothing
 * done: the mark is stale or another arena's. The same mark may be rewound to again and again. */
PK_API pk_status pk_arena_rewind(pk_arena *arena, pk_mark mark);

/* ---- clean-ups ---- */

/* fn(arg) will run at the next reset, rewind beyond this moment, or fini. PK_ENOMEM: no room for the
 * node, and fn will not run. */
PK_API pk_status pk_arena_defer(pk_arena *arena, void (*fn)(void *arg), void *arg);

/* The same with the caller's node: cannot fail. */
PK_API void pk_arena_defer_at(pk_arena *arena, pk_defer_node *node, void (*fn)(void *arg),
                              void *arg);

/* Takes the newest clean-up with this fn and arg back, and runs it now if `run`. false: there is
 * none. */
PK_API bool pk_arena_undefer(pk_arena *arena, void (*fn)(void *arg), void *arg, bool run);

/* ---- questions ---- */

/* Does `p` point into memory that was handed out by this arena and not forgotten since? O(chunks). */
PK_API bool pk_arena_owns(const pk_arena *arena, const void *p);

/* Calls fn for each chunk, newest first: its first byte, the bytes handed out, the bytes it has. Until
 * fn returns false; true if all were shown. */
typedef bool pk_arena_walk_fn(void *arg, void *begin, size_t used, size_t size);
PK_API bool pk_arena_walk(const pk_arena *arena, pk_arena_walk_fn *fn, void *arg);

/* `live` is what was handed out since the last reset, rounding included; n_live is 0: an arena does
 * not count its blocks. */
PK_API void pk_arena_stats(const pk_arena *arena, pk_stats *out);

/* The arena as an allocator: free gives back the newest block only, and else nothing. */
PK_API pk_allocator pk_arena_as_alloc(pk_arena *arena);

/* ---- scratch ---- */

/* An arena of the calling thread's for short-lived work, made at the first call and ended with the
 * thread. `conflicts` (n of them, may be NULL) are arenas that the caller was given to put results
 * in: the scratch arena returned is none of them. NULL: no memory, or more than one conflict. Take
 * a mark before and rewind to it after. */
PK_API pk_arena *pk_scratch(pk_arena *const *conflicts, size_t n);

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_ARENA_H */
