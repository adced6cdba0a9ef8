/* SPDX-License-Identifier: MIT
 * slab.c: see slab.h; the record and its invariants are in chunk.h.
 *
 *   blocks   │ 0 │ 1 │ 2 │ 3 │ 4 │ 5 │ 6 … capacity │
 *   bits       0   1   0   1   0 ┆ 0   0 …            1 = free; fresh == 5: the rest was never used */
#include "slab/slab.h"

#include <string.h>

#include "base/bits.h"
#include "os/pages.h"

enum { PAGE_GROUPS = 16, PAGE_GROUP_SIZE = 1 << (PKI_SLAB_SHIFT - 4) };

void pki_slab_init(pki_slab *slab, const pki_class *cls, unsigned bin)
{
    uint64_t *bits = pki_slab_bits(slab);
    memset(bits, 0, ((size_t)cls->capacity + 63) / 64 * sizeof *bits);
    slab->block_size = cls->size;
    slab->reciprocal = cls->reciprocal;
    slab->capacity = cls->capacity;
    slab->bin = (uint16_t)bin;
    slab->used = 0;
    slab->fresh = 0;
    slab->hint = 0;
    slab->purged = 0;
    slab->listed = false;
}

/* The pages of a purged slab that a block's bytes lie on, as a mask of page groups. */
static uint16_t pages_of_block(const pki_slab *slab, unsigned number)
{
    size_t begin = (size_t)number * slab->block_size;
    size_t last = begin + slab->block_size - 1;
    unsigned first_page = (unsigned)(begin / PAGE_GROUP_SIZE);
    unsigned last_page = (unsigned)(last / PAGE_GROUP_SIZE);
    return (uint16_t)pki_mask_range(first_page, last_page - first_page + 1);
}

static unsigned take_from_word(pki_slab *slab, unsigned word, void **out, unsigned n)
{
    uint64_t *bits = &pki_slab_bits(slab)[word];
    char *base = pki_slab_base(slab) + (size_t)word * 64 * slab->block_size;
    unsigned got = 0;
    while (*bits != 0 && got < n) {
        unsigned bit = pki_count_trailing_zeros(*bits);
        *bits &= *bits - 1;
        out[got++] = base + (size_t)bit * slab->block_size;
        if (pki_unlikely(slab->purged != 0)) {
            slab->purged &= (uint16_t)~pages_of_block(slab, word * 64 + bit);
        }
    }
    return got;
}

static unsigned take_fresh(pki_slab *slab, void **out, unsigned n)
{
    unsigned got = (unsigned)pki_min(n, (size_t)slab->capacity - slab->fresh);
    char *p = pki_slab_base(slab) + (size_t)slab->fresh * slab->block_size;
    for (unsigned i = 0; i < got; i++, p += slab->block_size) {
        out[i] = p;
    }
    slab->fresh = (uint16_t)(slab->fresh + got);
    return got;
}

unsigned pki_slab_take(pki_slab *slab, void **out, unsigned n, unsigned *fresh)
{
    unsigned got = 0, set_bits = (unsigned)slab->fresh - slab->used;
    unsigned wanted = (unsigned)pki_min(n, set_bits);
    for (unsigned word = slab->hint; got < wanted; word++) {
        slab->hint = (uint16_t)word;
        got += take_from_word(slab, word, out + got, wanted - got);
    }
    *fresh = take_fresh(slab, out + got, n - got);
    got += *fresh;
    slab->used = (uint16_t)(slab->used + got);
    return got;
}

int pki_slab_block_number(const pki_slab *slab, const void *p)
{
    size_t offset = (size_t)((const char *)p - pki_slab_base(slab));
    unsigned number = pki_block_index(slab, offset);
    bool starts = (size_t)number * slab->block_size == offset && number < slab->fresh;
    return starts ? (int)number : -1;
}

pki_put_result pki_slab_put(pki_slab *slab, const void *p)
{
    int number = pki_slab_block_number(slab, p);
    if (pki_unlikely(number < 0)) {
        return PKI_PUT_NOT_A_BLOCK;
    }
    unsigned word = (unsigned)number / 64;
    uint64_t bit = UINT64_C(1) << ((unsigned)number % 64);
    uint64_t *bits = &pki_slab_bits(slab)[word];
    if (pki_unlikely((*bits & bit) != 0)) {
        return PKI_PUT_FREE_ALREADY;
    }
    *bits |= bit;
    slab->used--;
    if (word < slab->hint) {
        slab->hint = (uint16_t)word;
    }
    return PKI_PUT_DONE;
}

/* ---- purge of free pages in a slab that is in use ---- */

/* Page groups with no byte of a used block, among those ever touched. */
static uint16_t free_pages(const pki_slab *slab)
{
    const uint64_t *bits = pki_slab_bits(slab);
    uint16_t pages = 0;
    if (slab->fresh > 0) {
        size_t touched = (size_t)slab->fresh * slab->block_size - 1;
        pages = (uint16_t)pki_mask_range(0, (unsigned)(touched / PAGE_GROUP_SIZE) + 1);
    }
    for (unsigned number = 0; number < slab->fresh && pages != 0; number++) {
        if ((bits[number / 64] >> (number % 64) & 1) == 0) {
            pages &= (uint16_t)~pages_of_block(slab, number);
        }
    }
    return pages;
}

static size_t purge_groups(pki_slab *slab, unsigned first, unsigned n)
{
    size_t page = pki_os_page_size();
    uintptr_t base = (uintptr_t)pki_slab_base(slab);
    uintptr_t begin = pki_align_up(base + (size_t)first * PAGE_GROUP_SIZE, page);
    uintptr_t end = pki_align_down(base + (size_t)(first + n) * PAGE_GROUP_SIZE, page);
    if (begin >= end || !pki_os_purge((void *)begin, end - begin)) {
        return 0;
    }
    slab->purged |= (uint16_t)pki_mask_range(first, n);
    return end - begin;
}

size_t pki_slab_purge(pki_slab *slab)
{
    uint16_t pages = (uint16_t)(free_pages(slab) & ~slab->purged);
    size_t bytes = 0;
    while (pages != 0) {
        unsigned first = pki_count_trailing_zeros(pages);
        unsigned n = pki_count_trailing_zeros(~((uint64_t)pages >> first));
        pages &= (uint16_t)~pki_mask_range(first, n);
        bytes += purge_groups(slab, first, n);
    }
    return bytes;
}
