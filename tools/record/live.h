/* SPDX-License-Identifier: MIT
 * live.h: how many bytes of an image are in use, and at the peak.
 *
 * For the summary alone, while the program runs, the full account of each block's life
 * (trace/objects.h) would be a quarter of all the work per event. Here a block is its size, in the
 * 32 bits that the map has for a slot: exact below 2 GiB, above that in pages.
 */
#ifndef POOLKIT_RECORD_LIVE_H
#define POOLKIT_RECORD_LIVE_H

#include "trace/addresses.h"

struct live {
    struct pki_map sizes;
    uint64_t bytes, peak;
};

#define LIVE_IN_PAGES (UINT32_C(1) << 31)
#define LIVE_PAGE_BITS 12

static inline uint64_t live_size(uint32_t code)
{
    return code < LIVE_IN_PAGES ? code : (uint64_t)(code - LIVE_IN_PAGES) << LIVE_PAGE_BITS;
}

static inline uint32_t live_code(uint64_t size)
{
    uint64_t pages = size >> LIVE_PAGE_BITS, most = LIVE_IN_PAGES - 2;
    return size < LIVE_IN_PAGES ? (uint32_t)size
                                : LIVE_IN_PAGES + (uint32_t)(pages < most ? pages : most);
}

/* A block that is there already was freed unseen. False: no memory. */
static inline bool live_come(struct live *l, uint64_t address, uint64_t size)
{
    struct pki_map_entry *place = address ? pki_map_place(&l->sizes, address) : NULL;
    if (!place) {
        return address == 0;
    }
    uint32_t code = live_code(size);
    l->bytes += live_size(code) - (place->address ? live_size(place->slot) : 0);
    l->peak = l->bytes > l->peak ? l->bytes : l->peak;
    pki_map_fill(&l->sizes, place, address, code);
    return true;
}

/* Returns the block's size; 0 if it never came. */
static inline uint64_t live_go(struct live *l, uint64_t address)
{
    uint32_t code = address ? pki_map_take(&l->sizes, address) : PKI_NO_SLOT;
    uint64_t size = code == PKI_NO_SLOT ? 0 : live_size(code);
    l->bytes -= size;
    return size;
}

#endif
