/* SPDX-License-Identifier: MIT
 * slab_purge.c: free pages of a chunk's slab that is in use go back to the system. */
#include "base/bits.h"
#include "os/pages.h"
#include "slab/slab.h"
#include "slab/space.h"

/* Page groups with no byte of a used block, among those ever touched. */
static uint16_t free_pages(const pki_slab *slab)
{
    uint16_t pages = 0;
    if (slab->fresh > 0) {
        size_t touched = (size_t)slab->fresh * slab->block_size - 1;
        pages = (uint16_t)pki_mask_range(0, (unsigned)(touched / PKI_PAGE_GROUP_SIZE) + 1);
    }
    for (unsigned number = 0; number < slab->fresh && pages != 0; number++) {
        if (!pki_slab_is_free(slab, number)) {
            pages &= (uint16_t)~pki_slab_pages_of_block(slab, number);
        }
    }
    return pages;
}

static size_t purge_groups(pki_slab *slab, unsigned first, unsigned n)
{
    size_t page = pki_os_page_size();
    uintptr_t base = (uintptr_t)slab->base;
    uintptr_t begin = pki_align_up(base + (size_t)first * PKI_PAGE_GROUP_SIZE, page);
    uintptr_t end = pki_align_down(base + (size_t)(first + n) * PKI_PAGE_GROUP_SIZE, page);
    if (begin >= end || !pki_space_purge(pki_chunk_of(slab)->space, (void *)begin, end - begin)) {
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
