/* SPDX-License-Identifier: MIT
 * held.c: how much memory the recorded blocks must have held, from their addresses: what a replay is
 * measured by where the process also mapped memory past malloc.
 *
 * glibc's rules: a block of 128 KiB or more that begins 16 bytes into a page has a mapping of its own
 * and takes it along when it dies; the page under any other block stays with the heap. That glibc
 * also gives the top of its heap back is left out: for the peak it matters only if memory comes back
 * elsewhere.
 */
#include "replay/compile.h"

#include <stdlib.h>

#define OWN_MAPPING ((uint64_t)128 << 10)
#define CHUNK_HEAD 16
#define EMPTY 0 /* no block lies in the page at address 0 */

static bool has_own_mapping(uint64_t address, uint64_t size)
{
    return size + CHUNK_HEAD >= OWN_MAPPING && address % TAPE_PAGE == CHUNK_HEAD;
}

static uint64_t *place_of(struct held *h, uint64_t page)
{
    size_t at = (size_t)(page * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (h->room - 1);
    while (h->pages[at] != EMPTY && h->pages[at] != page) at = (at + 1) & (h->room - 1);
    return &h->pages[at];
}

static bool grow(struct held *h)
{
    struct held larger = {.room = h->room ? 2 * h->room : 4096};
    larger.pages = calloc(larger.room, sizeof *larger.pages);
    if (!larger.pages) return false;
    for (size_t i = 0; i < h->room; i++) {
        if (h->pages[i] != EMPTY) *place_of(&larger, h->pages[i]) = h->pages[i];
    }
    free(h->pages);
    h->pages = larger.pages;
    h->room = larger.room;
    return true;
}

static bool add_page(struct held *h, uint64_t page)
{
    if (2 * h->n >= h->room && !grow(h)) return false;
    uint64_t *place = place_of(h, page);
    h->n += *place == EMPTY;
    *place = page;
    return true;
}

bool held_come(struct held *h, uint64_t address, uint64_t size)
{
    if (has_own_mapping(address, size)) {
        h->mapped += tape_pages(size + CHUNK_HEAD);
    } else {
        uint64_t last = (address + size) / TAPE_PAGE;
        for (uint64_t page = address / TAPE_PAGE; page <= last; page++) {
            if (!add_page(h, page)) return false;
        }
    }
    uint64_t now = h->n * TAPE_PAGE + h->mapped;
    if (now > h->peak) h->peak = now;
    return true;
}

void held_go(struct held *h, uint64_t address, uint64_t size)
{
    if (has_own_mapping(address, size)) h->mapped -= tape_pages(size + CHUNK_HEAD);
}
