/* SPDX-License-Identifier: MIT
 * space_audit.c: the audit of a space's chunks and large blocks: C1–C5, P1, P2, L1–L3 (chunk.h,
 * space.h). Everything is counted anew from the words and compared with the records. */
#include <string.h>

#include "base/bits.h"
#include "slab/report.h"

typedef struct {
    size_t chunks;
    size_t dirty;
    size_t used; /* bytes */
} totals;

static bool is_on_list(const pki_run_index *index, unsigned run, const pki_chunk *chunk)
{
    bool first = run == 0 || index->first[run] == NULL;
    const pki_chunk *c = first ? NULL : index->first[run];
    while (c != NULL && c != chunk) {
        c = ((const pki_chunk_link *)((const char *)c + index->link_offset))->next;
    }
    return run == 0 || c == chunk;
}

/* How many RUN_REST words follow slab i. */
static unsigned rest_behind(const pki_chunk *chunk, unsigned i)
{
    unsigned n = 0;
    while (i + 1 + n < PKI_SLABS &&
           pki_word_at(pki_slab_base(&chunk->slab[i + 1 + n])) == PKI_WORD_RUN_REST) {
        n++;
    }
    return n;
}

static void audit_words(const pki_chunk *chunk, pki_findings *f)
{
    for (unsigned i = 1; i < PKI_SLABS; i++) {
        const pki_slab *slab = &chunk->slab[i];
        uint32_t word = pki_word_at(pki_slab_base(slab));
        bool is_free = (chunk->free >> i & 1) != 0;
        pki_expect(f, is_free == (word == PKI_WORD_FREE), "C2: a slab's word and free mask differ",
                   slab);
        if (word == PKI_WORD_RUN) {
            unsigned rest = rest_behind(chunk, i);
            pki_expect(f, slab->capacity == rest + 1, "C5: a run's length and its words differ",
                       slab);
            i += rest;
        } else {
            pki_expect(f, word != PKI_WORD_RUN_REST, "C5: part of a run without a beginning", slab);
        }
    }
}

static void audit_chunk(const pki_space *space, const pki_chunk *chunk, pki_findings *f)
{
    pki_expect(f, chunk->space == space && pki_registry_has(chunk),
               "C1: a chunk is not registered as this space's", chunk);
    pki_expect(f, pki_word_at(chunk) == PKI_WORD_HEAD && (chunk->free & 1) == 0,
               "C2: a chunk's head has another word", chunk);
    pki_expect(f, (chunk->dirty & ~chunk->free) == 0, "C3: a dirty slab is not free", chunk);
    pki_expect(f,
               chunk->free_run == pki_longest_run(chunk->free) &&
                   chunk->dirty_run == pki_longest_run(chunk->dirty) &&
                   is_on_list(&space->by_free, chunk->free_run, chunk) &&
                   is_on_list(&space->by_dirty, chunk->dirty_run, chunk),
               "C4: a chunk is on the wrong list of runs", chunk);
    audit_words(chunk, f);
}

static void audit_large(const pki_space *space, pki_large *large, pki_findings *f)
{
    const pki_chunk *chunk = pki_chunk_of(large);
    const char *end = (const char *)chunk + large->mapped;
    bool inside = large->block > (char *)(large + 1) && large->block + large->usable <= end;
    pki_expect(f,
               pki_registry_has(chunk) && pki_word_at(chunk) == PKI_WORD_LARGE &&
                   chunk->space == space && inside && pki_large_at(large->block) == large,
               "L1: a large block's head does not fit its block", large);
}

/* Bytes of the blocks on the list. */
static size_t audit_pieces(pki_large *list, pki_findings *f)
{
    size_t bytes = 0;
    for (pki_large *large = list; large != NULL; large = large->next) {
        bool ascend = large->n_pieces >= 1 && large->n_pieces <= PKI_LARGE_PIECES;
        for (unsigned i = 0; ascend && i < large->n_pieces; i++) {
            size_t end = i + 1 < large->n_pieces ? large->piece[i + 1] : large->mapped;
            ascend = (i > 0 || large->piece[i] == 0) && large->piece[i] < end;
        }
        pki_expect(f, ascend, "L2: a large block's pieces are not in order", large);
        bytes += large->mapped;
    }
    return bytes;
}

static totals audit_chunks(const pki_space *space, pki_findings *f)
{
    totals sum = {0, 0, 0};
    for (const pki_chunk *chunk = space->all.next; chunk != NULL; chunk = chunk->all.next) {
        audit_chunk(space, chunk, f);
        sum.chunks++;
        sum.dirty += pki_popcount(chunk->dirty);
        sum.used += (PKI_SLABS - 1 - pki_popcount(chunk->free)) * PKI_SLAB_SIZE;
    }
    return sum;
}

void pki_audit_space(pki_space *space, pki_findings *f)
{
    totals sum = audit_chunks(space, f);
    size_t n_large = 0;
    for (pki_large *large = space->large; large != NULL; large = large->next) {
        audit_large(space, large, f);
        sum.used += large->mapped;
        n_large++;
    }
    pki_expect(f,
               sum.chunks == space->n_chunks && sum.dirty == space->dirty_slabs &&
                   sum.used == space->used && n_large == space->n_large,
               "P1: a space's sums differ from its chunks", space);
    pki_expect(f, space->dirty_least <= space->dirty_slabs,
               "P2: fewer dirty slabs than the least number", space);
    size_t used = audit_pieces(space->large, f), cached = audit_pieces(space->large_cache, f);
    pki_expect(f, used == space->large_used && cached == space->large_cached,
               "L3: the sums of large blocks differ from the blocks", space);
}
