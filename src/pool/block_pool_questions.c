/* SPDX-License-Identifier: MIT
 * block_pool_questions.c: what can be asked of a block pool: whose block it is, which are in use, handles,
 * statistics. */
#include <string.h>

#include "pool/block_pool_internal.h"

size_t pk_block_pool_block_size(const pk_block_pool *pool)
{
    return pool == NULL || pool->ext == NULL ? 0 : pool->ext->usable;
}

/* The number of a block in use, which `p` is, in its chunk; -1: it is none. One on the stack counts as
 * in use. */
static int64_t live_number(const pki_block_chunk *chunk, const void *p)
{
    int64_t number = chunk == NULL ? -1 : pki_slab_block_number(&chunk->slab, p);
    return number >= 0 && !pki_slab_is_free(&chunk->slab, (size_t)number) ? number : -1;
}

static bool is_stacked(const pk_block_pool *pool, const void *p)
{
    size_t n = pki_block_stacked(pool);
    while (n > 0 && pool->ext->base[n - 1] != p) {
        n--;
    }
    return n > 0;
}

/* Looks through the stack rather than emptying it: the next allocation would have to fill it again. */
bool pk_block_pool_owns(pk_block_pool *pool, const void *p)
{
    return pool != NULL && pool->ext != NULL &&
           live_number(pki_block_chunk_of(pool->ext, p), p) >= 0 && !is_stacked(pool, p);
}

/* ---- iteration ---- */

/* The first block in use of a chunk, from this number on. */
static void *next_in_chunk(const pki_block_chunk *chunk, size_t number)
{
    const pki_slab *slab = &chunk->slab;
    while (number < slab->fresh) {
        uint64_t in_use = ~pki_bits_get(&slab->bits[number / 64]) >> (number % 64);
        if (in_use != 0) {
            number += pki_count_trailing_zeros(in_use);
            return number < slab->fresh ? slab->base + number * slab->block_size : NULL;
        }
        number = (number / 64 + 1) * 64;
    }
    return NULL;
}

void *pk_block_pool_next_live(pk_block_pool *pool, const void *after)
{
    if (pool == NULL || pool->ext == NULL) {
        return NULL;
    }
    pki_block_flush(pool);
    const pki_block_chunk *chunk = pool->ext->first;
    size_t number = 0;
    if (after != NULL) {
        chunk = pki_block_chunk_of(pool->ext, after);
        int64_t last = chunk == NULL ? -1 : pki_slab_block_number(&chunk->slab, after);
        if (last < 0) {
            return NULL;
        }
        number = (size_t)last + 1;
    }
    for (; chunk != NULL; chunk = chunk->next, number = 0) {
        void *block = next_in_chunk(chunk, number);
        if (block != NULL) {
            return block;
        }
    }
    return NULL;
}

/* ---- handles ---- */

pk_handle pk_block_pool_handle(pk_block_pool *pool, const void *block)
{
    pk_handle none = {0, 0};
    if (pool == NULL || pool->ext == NULL || (pool->ext->opts.flags & PK_HANDLES) == 0) {
        return none;
    }
    const pki_block_chunk *chunk = pki_block_chunk_of(pool->ext, block);
    int64_t number = live_number(chunk, block);
    if (number < 0) {
        return none;
    }
    size_t index = chunk->number * pki_block_names_per_chunk(pool->ext) + (size_t)number;
    return (pk_handle){(uint32_t)index, chunk->generation[number]};
}

void *pk_block_pool_at(const pk_block_pool *pool, pk_handle handle)
{
    if (pool == NULL || pool->ext == NULL || (pool->ext->opts.flags & PK_HANDLES) == 0 ||
        handle.generation == 0) {
        return NULL;
    }
    size_t per_chunk = pki_block_names_per_chunk(pool->ext);
    const pki_block_chunk *chunk = pki_block_chunk_at(pool->ext, handle.index / per_chunk);
    size_t number = handle.index % per_chunk;
    if (chunk == NULL || number >= chunk->slab.capacity ||
        chunk->generation[number] != handle.generation) {
        return NULL;
    }
    return chunk->slab.base + number * chunk->slab.block_size;
}

/* ---- statistics ---- */

static void add_pool_chunk(const pki_block_chunk *chunk, pk_stats *out)
{
    const pki_slab *slab = &chunk->slab;
    uint64_t size = slab->block_size;
    uint64_t freed = (slab->fresh - slab->used) * size;
    uint64_t untouched = (slab->capacity - slab->fresh) * size;
    out->live += slab->used * size;
    out->free_in_chunks += freed;
    out->untouched += untouched;
    out->pinned_by_live += slab->used > 0 ? freed + untouched : 0;
}

void pk_block_pool_stats(const pk_block_pool *pool, pk_stats *out)
{
    if (out == NULL) {
        return;
    }
    memset(out, 0, sizeof *out);
    out->size = sizeof *out;
    out->name = "block pool";
    if (pool == NULL || pool->ext == NULL) {
        return;
    }
    const pk_block_pool_ext *ext = pool->ext;
    size_t fixed = ext->fixed != NULL ? ext->opts.buffer_size : 0;
    out->name = ext->opts.name;
    out->limit = ext->opts.limit == SIZE_MAX ? 0 : ext->opts.limit;
    for (const pki_block_chunk *chunk = ext->first; chunk != NULL; chunk = chunk->next) {
        add_pool_chunk(chunk, out);
    }
    uint64_t stacked = pki_block_stacked(pool);
    out->live -= stacked * ext->stride;
    out->free_in_chunks += stacked * ext->stride;
    out->n_live = ext->used - stacked;
    out->n_chunks = ext->n_chunks;
    out->committed = ext->committed + fixed;
    out->committed_peak = ext->committed_peak + fixed;
    out->overhead = out->committed - out->live - out->free_in_chunks - out->untouched;
}
