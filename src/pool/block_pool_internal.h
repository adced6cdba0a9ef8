/* SPDX-License-Identifier: MIT
 * block_pool_internal.h: a block pool's record and chunks.
 *
 *   record   ┌ ext ┬ directory ┬ stack: NULL │ b │ b │ … ┐   mapped, or at the begin of the user's buffer
 *   chunk    ┌ head: slab, number, links ┬ bits ┬ generations ┬ blocks … ┐
 *
 * A chunk is one slab (slab/chunk.h) of any size. Its size is a power of two and so is its address: a
 * block finds it by mask; the directory then says whether the address found is a chunk of this pool,
 * without reading it. The chunk in the user's buffer is found by its range instead.
 *
 * The pool's hot members are the stack's top and end. A block on the stack is in use as far as its
 * slab knows. In a pool that must see each call (PK_ZERO, PK_CHECKED, PK_HANDLES, a memory checker
 * looks on) the stack is closed: top == end and top[-1] == NULL; blocks go from and to the slabs. It
 * is closed also while a callback of the user runs.
 *
 * Invariants (checked by pk_block_pool_audit; S2–S4 of each slab in slab/chunk.h):
 *   B1  each chunk is found by its address and by its number, and lies where its size says
 *   B2  used, capacity and committed are the sums over the chunks and the pool's records
 *   B3  each block on the stack is one of the pool's, in use in its slab, and on the stack once
 *   B4  a slab is on the list of those with room exactly if it has room
 *   B5  the stack is closed, or base[-1] == NULL and base <= top <= end */
#ifndef PKI_POOL_BLOCK_POOL_INTERNAL_H
#define PKI_POOL_BLOCK_POOL_INTERNAL_H

#include <poolkit/block_pool.h>

#include "base/bits.h"
#include "base/opts.h"
#include "pool/named.h"
#include "slab/slab.h"

typedef struct pki_block_chunk {
    pki_slab slab;
    struct pki_block_chunk *next; /* of all chunks, oldest first */
    struct pki_block_chunk *prev;
    size_t size;
    uint32_t number;
    uint32_t *generation; /* of each block in use; 0: free. NULL without PK_HANDLES */
} pki_block_chunk;

/* Chunks by number, and by address: `slot` is a hash table of numbers + 1, half full at most. */
typedef struct {
    pki_block_chunk **chunk;
    uint32_t *slot;
    uint32_t capacity; /* chunks; a power of two, twice as many slots */
    uint32_t n;        /* no chunk has this number or a higher one    */
    uint32_t lowest;   /* no number below it is free                  */
    size_t mapped;     /* bytes; 0: part of the record                */
} pki_directory;

/* How chunks are cut; the same for all but the one in the user's buffer. */
typedef struct {
    size_t chunk_size;
    size_t capacity; /* blocks                    */
    size_t offset;   /* of the first block        */
} pki_block_layout;

struct pk_block_pool_ext {
    pk_block_pool_opts opts; /* completed: no zeros that stand for a default, but in `source` */
    size_t stride;           /* from block to block */
    size_t usable;           /* of a block          */
    pki_block_layout layout;
    pki_directory directory;
    pki_block_chunk *first, *last;
    pki_block_chunk *fixed; /* in the user's buffer  */
    pki_slab *with_room;
    void **base; /* of the stack             */
    uint32_t stack_capacity;
    bool stack_mapped; /* else it lies in the record */
    uint32_t generation;
    size_t record_size; /* 0: in the user's buffer  */
    size_t used;        /* in use or on the stack   */
    size_t capacity;    /* of all chunks            */
    size_t committed, committed_peak;
    size_t n_chunks;
    const void *asking; /* the frame from which on_oom was called, until it returns */
    bool in_callback;   /* a constructor, a destructor or a fault's handler runs */
    pki_named named;
    bool grows;  /* beyond the user's buffer */
    bool closed; /* sees each call           */
    bool watched;
    void *closed_slots[1]; /* NULL: the bottom of the closed stack */
};

enum { PKI_CHUNK_ALIGN = 64 }; /* of a record, and of a chunk in the user's buffer */
enum { PKI_BLOCK_ALIGN_MAX = 65536, PKI_BLOCK_SIZE_MAX = 1 << 30 };

/* ---- block_chunk.c: chunks and the directory ---- */

/* The layout of a chunk with `n` blocks, or as many as are sensible (0). */
pki_block_layout pki_block_layout_of(const pk_block_pool_ext *ext, size_t n);

/* Bytes of the head of a chunk with `n` blocks; the first block lies behind it, aligned. */
size_t pki_block_head(const pk_block_pool_ext *ext, size_t n);

/* Memory of the source within the limit; NULL: *why. */
void *pki_block_map(pk_block_pool_ext *ext, size_t size, size_t align, bool *zero, pk_status *why);
void pki_block_unmap(pk_block_pool_ext *ext, void *p, size_t size);

/* A new chunk, with room. */
pk_status pki_block_chunk_add(pk_block_pool_ext *ext);

/* Makes a chunk of `capacity` blocks in memory of the user's buffer. */
void pki_block_chunk_fix(pk_block_pool_ext *ext, void *memory, size_t size, size_t capacity);

/* Destroys the objects of a chunk and gives it back. */
void pki_block_chunk_release(pk_block_pool *pool, pki_block_chunk *chunk);

/* The chunk that `p` lies in, NULL if none of this pool. */
pki_block_chunk *pki_block_chunk_of(const pk_block_pool_ext *ext, const void *p);

/* Handles number the blocks through all chunks in steps of this. */
size_t pki_block_names_per_chunk(const pk_block_pool_ext *ext);

/* The chunk with this number, NULL if there is none. */
static inline pki_block_chunk *pki_block_chunk_at(const pk_block_pool_ext *ext, size_t number)
{
    return number < ext->directory.n ? ext->directory.chunk[number] : NULL;
}

/* Bytes of a directory for `capacity` chunks, and its making in such memory. */
size_t pki_directory_size(size_t capacity);
void pki_directory_init(pki_directory *directory, void *memory, size_t capacity);

/* ---- block_pool.c ---- */

/* Runs the user's construct or destroy, if there is one, with the stack closed. */
bool pki_block_construct(pk_block_pool *pool, void *block);
void pki_block_destroy(pk_block_pool *pool, void *block);

/* Constructs the next fresh block of a slab with room, which is then free. */
bool pki_block_construct_next(pk_block_pool *pool, pki_slab *slab);

/* Empties the stack into the slabs. */
void pki_block_flush(pk_block_pool *pool);

static inline size_t pki_block_stacked(const pk_block_pool *pool)
{
    const pk_block_pool_ext *ext = pool->ext;
    return ext->closed || ext->in_callback ? 0 : (size_t)(pool->top - ext->base);
}

#endif /* PKI_POOL_BLOCK_POOL_INTERNAL_H */
