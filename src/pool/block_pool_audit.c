/* SPDX-License-Identifier: MIT
 * block_pool_audit.c: compares every record of a block pool with every other; the invariants are in
 * block_pool_internal.h. */
#include "pool/block_pool_internal.h"
#include "slab/report.h"

/* Each stacked block goes home here, where a fault is a finding. */
static void audit_pool_stack(pk_block_pool *pool, pki_findings *f)
{
    pk_block_pool_ext *ext = pool->ext;
    if (ext->closed || ext->in_callback) {
        pki_expect(f, pool->top == pool->end && pool->top[-1] == NULL, "B5: an open stack", pool);
        return;
    }
    pki_expect(f, ext->base[-1] == NULL, "B5: the stack has no bottom", pool);
    pki_expect(f,
               ext->base <= pool->top && pool->top <= ext->base + ext->stack_capacity &&
                   pool->end == ext->base + ext->stack_capacity,
               "B5: the stack's top or end is wrong", pool);
    for (void **slot = ext->base; slot < pool->top; slot++) {
        pki_block_chunk *chunk = pki_block_chunk_of(ext, *slot);
        bool good =
            chunk != NULL && pki_slab_put(&chunk->slab, *slot, PKI_WAS_IDLE) == PKI_PUT_DONE;
        pki_expect(f, good, "B3: a block on the stack is none in use", *slot);
        ext->used -= good;
        if (good && !chunk->slab.listed) {
            pki_slab_list_add(&ext->with_room, &chunk->slab);
        }
    }
    pool->top = ext->base;
}

static bool is_listed_by_pool(const pk_block_pool_ext *ext, const pki_slab *slab)
{
    const pki_slab *s = ext->with_room;
    while (s != NULL && s != slab) {
        s = s->next;
    }
    return s == slab;
}

static void audit_pool_chunk(const pk_block_pool_ext *ext, pki_block_chunk *chunk, pki_findings *f)
{
    pki_slab *slab = &chunk->slab;
    char *end = (char *)chunk + chunk->size;
    pki_expect(f,
               pki_block_chunk_at(ext, chunk->number) == chunk &&
                   pki_block_chunk_of(ext, slab->base) == chunk,
               "B1: a chunk is not found by its number or its address", chunk);
    pki_expect(f,
               slab->base + (size_t)slab->capacity * ext->stride <= end &&
                   slab->block_size == ext->stride,
               "B1: a chunk's blocks lie outside it", chunk);
    bool listed = is_listed_by_pool(ext, slab);
    pki_expect(f, listed == slab->listed && listed == pki_slab_has_room(slab),
               "B4: a slab with room is not on the list, or one without is", slab);
    pki_audit_slab_bits(slab, f);
}

static void audit_sums(const pk_block_pool_ext *ext, pki_findings *f)
{
    size_t used = 0, capacity = 0, n = 0;
    size_t committed = ext->record_size + ext->directory.mapped;
    committed += ext->stack_mapped ? (ext->stack_capacity + 1) * sizeof(void *) : 0;
    for (const pki_block_chunk *chunk = ext->first; chunk != NULL; chunk = chunk->next) {
        used += chunk->slab.used;
        capacity += chunk->slab.capacity;
        committed += chunk == ext->fixed ? 0 : chunk->size;
        n++;
    }
    pki_expect(f, used == ext->used && capacity == ext->capacity && n == ext->n_chunks,
               "B2: the chunks' blocks do not add up", ext);
    pki_expect(f, committed == ext->committed && committed <= ext->opts.limit,
               "B2: the bytes taken do not add up", ext);
}

size_t pk_block_pool_audit(pk_block_pool *pool, char *text, size_t text_size)
{
    pki_findings findings = {.text = text, .text_size = text_size};
    if (pool == NULL || pool->ext == NULL) {
        return 0;
    }
    audit_pool_stack(pool, &findings);
    for (pki_block_chunk *chunk = pool->ext->first; chunk != NULL; chunk = chunk->next) {
        audit_pool_chunk(pool->ext, chunk, &findings);
    }
    audit_sums(pool->ext, &findings);
    return findings.broken;
}
