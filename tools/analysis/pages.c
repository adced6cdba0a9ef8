/* SPDX-License-Identifier: MIT
 * pages.c: see pages.h. Open addressing; pages stay in their table when they become empty, so it
 * also tells which were ever touched.
 */
#include "pages.h"

#include <stdlib.h>

static const unsigned shifts[PAGE_UNITS] = {PAGE_SHIFT, 16, 21};

static size_t start_of(uint64_t number, size_t room)
{
    return (size_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 17) & (room - 1);
}

static struct page *look(const struct page_table *table, uint64_t number)
{
    size_t i = start_of(number, table->room);
    while (table->places[i].used && table->places[i].number != number) {
        i = (i + 1) & (table->room - 1);
    }
    return &table->places[i];
}

static bool grow(struct page_table *table)
{
    struct page_table larger = {calloc(table->room * 2, sizeof(struct page)), table->n,
                                table->room * 2};
    if (!larger.places) {
        return false;
    }
    for (size_t i = 0; i < table->room; i++) {
        if (table->places[i].used) {
            *look(&larger, table->places[i].number) = table->places[i];
        }
    }
    free(table->places);
    *table = larger;
    return true;
}

static struct page *find_or_make(struct page_table *table, uint64_t number)
{
    struct page *page = look(table, number);
    if (page->used) {
        return page;
    }
    if (2 * table->n >= table->room) {
        if (!grow(table)) {
            return NULL;
        }
        page = look(table, number);
    }
    *page = (struct page){.number = number, .used = 1};
    table->n++;
    return page;
}

bool pages_create(struct pages *pages)
{
    *pages = (struct pages){0};
    for (int u = 0; u < PAGE_UNITS; u++) {
        pages->tables[u].room = 1024;
        pages->tables[u].places = calloc(pages->tables[u].room, sizeof(struct page));
        if (!pages->tables[u].places) {
            pages_destroy(pages);
            return false;
        }
    }
    return true;
}

void pages_destroy(struct pages *pages)
{
    for (int u = 0; u < PAGE_UNITS; u++) {
        free(pages->tables[u].places);
        pages->tables[u].places = NULL;
    }
}

struct page *pages_find(struct pages *pages, uint64_t number)
{
    struct page *page = look(&pages->tables[UNIT_4K], number);
    return page->used ? page : NULL;
}

/* A page of 4 KiB became pinned or free: so may the larger units around it. */
static bool change_units(struct pages *pages, uint64_t address, bool more)
{
    for (int u = UNIT_64K; u < PAGE_UNITS; u++) {
        struct page *unit = find_or_make(&pages->tables[u], address >> shifts[u]);
        if (!unit) {
            return false;
        }
        uint64_t bytes = UINT64_C(1) << shifts[u];
        if (more) {
            pages->pinned[u] += unit->live++ == 0 ? bytes : 0;
        } else {
            pages->pinned[u] -= --unit->live == 0 ? bytes : 0;
        }
    }
    return true;
}

static bool change_page(struct pages *pages, uint64_t address, uint32_t bytes, bool more)
{
    struct page *page = find_or_make(&pages->tables[UNIT_4K], address >> PAGE_SHIFT);
    if (!page) {
        return false;
    }
    bool was_free = page->live == 0;
    page->live = more ? page->live + bytes : page->live - bytes;
    if (was_free == (page->live == 0)) {
        return true;
    }
    pages->pinned[UNIT_4K] += more ? PAGE_BYTES : -(uint64_t)PAGE_BYTES;
    return change_units(pages, address, more);
}

static bool change(struct pages *pages, uint64_t address, uint64_t size, bool more)
{
    uint64_t end = address + (size > 0 ? size : 1);
    while (address < end) {
        uint64_t next = (address & ~(uint64_t)(PAGE_BYTES - 1)) + PAGE_BYTES;
        uint64_t stop = next < end ? next : end;
        if (!change_page(pages, address, (uint32_t)(stop - address), more)) {
            return false;
        }
        address = stop;
    }
    return true;
}

bool pages_add(struct pages *pages, uint64_t address, uint64_t size)
{
    return change(pages, address, size, true);
}

bool pages_remove(struct pages *pages, uint64_t address, uint64_t size)
{
    return change(pages, address, size, false);
}
