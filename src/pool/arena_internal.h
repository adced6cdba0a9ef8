/* SPDX-License-Identifier: MIT
 * arena_internal.h: an arena's chunks and record.
 *
 *   arena {ptr, end, chunk, …} ──► newest chunk ──► … ──► base chunk ──► NULL
 *
 *   chunk       ┌ head 64 ┬ blocks … ┬ ptr ──► free ┬ end
 *   base chunk  ┌ head 64 ┬ ext ┬ blocks …                    stays until fini
 *
 * A block too large for a chunk of the present size gets one of its own, put behind the newest one.
 *
 * Time is counted in moments: each chunk, clean-up and child that the arena gains has the next one. A
 * mark remembers the last moment; what has a later one goes when the arena is rewound.
 *
 * While a memory checker looks on (os/watch.h), allocations take the slow path as in a locked arena.
 * Then of each chunk only its head, the ext and the blocks are shown, each block with its exact size
 * and a hidden gap behind it.
 *
 * Invariants (checked by pki_arena_audit):
 *   A1  ptr and end lie in the newest chunk, begin <= ptr <= end, both multiples of 16
 *   A2  the base chunk, which holds the ext, is the last of the chain but for chunks of one block
 *   A3  committed is the sum of the chain's and the spare chunks' sizes, and within the limit
 *   A4  clean-ups, newest first, have falling moments, none above the clock
 *   A5  spare chunks are sorted by size, largest first
 *   A6  each child names this arena as its parent */
#ifndef PKI_POOL_ARENA_INTERNAL_H
#define PKI_POOL_ARENA_INTERNAL_H

#include <assert.h>

#include <poolkit/arena.h>

#include "base/attr.h"
#include "base/bits.h"
#include "os/lock.h"
#include "os/watch.h"
#include "pool/named.h"
#include "pool/page_source_internal.h"

struct pk_arena_chunk {
    pk_arena_chunk *prev;
    size_t size;   /* of the whole chunk, from this head on                               */
    char *begin;   /* of the blocks                                                       */
    char *left_at; /* ptr when a newer chunk became the current one; a chunk of its own: the end */
    char *touched; /* zero: bytes from here on, and from ptr on, were never handed out    */
    uint64_t moment;
    bool zero;     /* fresh from the source, see touched                                  */
    bool borrowed; /* the caller's buffer: not given back                                 */
};

/* Hidden between a head or ext and the first block behind it. */
enum { PKI_CHUNK_HEAD = 64, PKI_ARENA_EDGE = 8 };

static_assert(sizeof(pk_arena_chunk) + PKI_ARENA_EDGE <= PKI_CHUNK_HEAD, "a chunk's head");

/* What the inline path works on; of an arena without one (slow) it lies in the ext. */
typedef struct {
    char *ptr;
    char *end;
} pki_cursor;

/* In this order the compiler sets neighbours together when an arena is opened. */
struct pk_arena_ext {
    const char *name;
    const pk_page_source_ops *source_ops; /* NULL: the operating system's; no source_ctx then */
    pk_oom_fn *on_oom;                    /* NULL: no oom_arg                                  */
    size_t retain;                        /* 0 = adapt                                         */
    size_t recent;                        /* bytes of chunks that lately sufficed              */
    uint64_t rewound_to; /* marks of moments in (rewound_to, rewound_at] are stale             */
    uint64_t rewound_at;
    pk_arena_chunk *spare;
    pk_arena *parent;   /* NULL: no next_sibling, no born */
    pk_arena *children; /* newest first                   */
    uint64_t clock;
    size_t n_chunks;
    size_t next_size; /* of the next chunk */
    size_t max_chunk;
    size_t limit; /* SIZE_MAX = none   */
    pk_arena_chunk *base;
    size_t committed;
    size_t committed_peak;
    uint64_t generation; /* of resets; no two arenas share one */
    uint64_t first_generation;
    pki_named named;
    bool locked;
    bool watched; /* a memory checker looked on when it was opened          */
    bool slow;    /* locked or watched: *arena has ptr == end; else no cursor */
    /* What the flags and pointers above say is there; else never set. */
    pki_cursor cursor;
    pki_lock lock;
    void *source_ctx;
    void *oom_arg;
    pk_arena *next_sibling;
    uint64_t born; /* the parent's moment */
};

enum { PKI_ARENA_FIRST = 4096, PKI_ARENA_MAX_CHUNK = 1 << 20 };

static inline pki_cursor *pki_arena_cursor(pk_arena *arena)
{
    return arena->ext != NULL && arena->ext->slow ? &arena->ext->cursor
                                                  : (pki_cursor *)(void *)&arena->ptr;
}

static inline pk_page_source pki_arena_source(const pk_arena_ext *ext)
{
    return (pk_page_source){ext->source_ops, ext->source_ops == NULL ? NULL : ext->source_ctx};
}

static inline char *pki_chunk_end(const pk_arena_chunk *chunk)
{
    return (char *)pki_align_down((uintptr_t)chunk + chunk->size, PK_ALIGN);
}

/* What a block asked for with n bytes takes up. */
static inline size_t pki_arena_rounded(const pk_arena *arena, size_t n)
{
    size_t gap = arena->ext->watched ? PKI_WATCH_GAP : 0;
    return pki_align_up(pki_max(n, 1), PK_ALIGN) + gap;
}

/* `skip` bytes stay free between the head and the blocks. */
static inline pk_arena_chunk *pki_chunk_format(void *memory, size_t size, size_t skip, bool zero,
                                               bool borrowed)
{
    pk_arena_chunk *chunk = memory;
    char *begin = (char *)memory + PKI_CHUNK_HEAD + skip;
    chunk->prev = NULL;
    chunk->size = size;
    chunk->begin = begin;
    chunk->left_at = begin;
    chunk->touched = begin;
    chunk->moment = 0;
    chunk->zero = zero;
    chunk->borrowed = borrowed;
    return chunk;
}

static inline pk_arena_chunk *pki_chunk_map(pk_page_source source, size_t size)
{
    unsigned got = 0;
    void *memory = pki_source_map(source, size, PK_ALIGN, &got);
    bool zero = (got & PK_PAGES_ZERO) != 0;
    return memory == NULL ? NULL : pki_chunk_format(memory, size, 0, zero, false);
}

/* Everything that may hold blocks. */
static inline void pki_chunk_hide(const pk_arena_ext *ext, const pk_arena_chunk *chunk)
{
    if (pki_unlikely(ext->watched)) {
        char *begin = chunk->begin - PKI_ARENA_EDGE;
        pki_watch_hide(begin, (size_t)(pki_chunk_end(chunk) - begin));
    }
}

static inline void pki_chunk_show(const pk_arena_ext *ext, const pk_arena_chunk *chunk)
{
    if (pki_unlikely(ext->watched)) {
        char *begin = chunk->begin - PKI_ARENA_EDGE;
        pki_watch_show(begin, (size_t)(pki_chunk_end(chunk) - begin), false);
    }
}

static inline void pki_arena_lock(pk_arena *arena)
{
    if (arena->ext != NULL && arena->ext->locked) {
        pki_lock_take(&arena->ext->lock);
    }
}

static inline void pki_arena_unlock(pk_arena *arena)
{
    if (arena->ext != NULL && arena->ext->locked) {
        pki_lock_give(&arena->ext->lock);
    }
}

/* Makes the base chunk and the ext, with default options, if there is none. */
pk_status pki_arena_open_defaults(pk_arena *arena);

static inline pk_status pki_arena_open(pk_arena *arena)
{
    return pki_likely(arena->ext != NULL) ? PK_OK : pki_arena_open_defaults(arena);
}

/* pk_arena_alloc_slow, but for the simple case that it begins with. */
void *pki_arena_alloc_anywhere(pk_arena *arena, size_t n, size_t align);

/* Allocates with the lock held; errno is not set. NULL: *why. */
void *pki_arena_take(pk_arena *arena, size_t n, size_t align, pk_status *why);

/* Gives up every chunk that is newer than `moment`, makes `chunk` the newest, and keeps what fits in
 * the retained size. */
void pki_arena_drop_after(pk_arena *arena, pk_arena_chunk *chunk, char *ptr, uint64_t moment);

/* Gives up all chunks but the base, and what is kept beyond the retained size. */
void pki_arena_empty(pk_arena *arena);

/* Gives every chunk back; *arena is zero-filled. */
void pki_arena_close(pk_arena *arena);

/* Gives back a chunk that is in no list. */
void pki_chunk_release(pk_arena_ext *ext, pk_arena_chunk *chunk);

/* Returns how many invariants are broken; *first (may be NULL) gets the first one's text. */
size_t pki_arena_audit(pk_arena *arena, const char **first);

#endif /* PKI_POOL_ARENA_INTERNAL_H */
