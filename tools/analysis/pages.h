/* SPDX-License-Identifier: MIT
 * pages.h: how many bytes of each page belong to live blocks, and how much memory those pages are.
 *
 * A page that holds a single live byte cannot be given back: it is pinned. Counted for pages of
 * 4 KiB, and for units of 64 KiB and 2 MiB (what huge pages would pin).
 */
#ifndef POOLKIT_ANALYSIS_PAGES_H
#define POOLKIT_ANALYSIS_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGE_SHIFT = 12, PAGE_BYTES = 1 << PAGE_SHIFT };
enum page_unit { UNIT_4K, UNIT_64K, UNIT_2M, PAGE_UNITS };

/* One page that a block ever touched. */
struct page {
    uint64_t number;   /* address >> PAGE_SHIFT */
    uint32_t live;     /* bytes of live blocks in it */
    uint32_t site;     /* scratch for whoever walks the blocks: who holds most of it so far */
    uint32_t votes;    /* and by how many bytes more than the others */
    uint32_t used : 1; /* 0: this place of the table is free */
};

struct page_table {
    struct page *places;
    size_t n, room;
};

struct pages {
    struct page_table tables[PAGE_UNITS]; /* live: bytes for 4 KiB, pinned pages for the others */
    uint64_t pinned[PAGE_UNITS];          /* bytes */
};

bool pages_create(struct pages *pages);
void pages_destroy(struct pages *pages);
/* A block comes, or goes. False: no memory. */
bool pages_add(struct pages *pages, uint64_t address, uint64_t size);
bool pages_remove(struct pages *pages, uint64_t address, uint64_t size);
/* The page with this number, NULL if no block ever touched it. Until the next pages_add. */
struct page *pages_find(struct pages *pages, uint64_t number);

#endif
