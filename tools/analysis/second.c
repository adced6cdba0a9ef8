/* SPDX-License-Identifier: MIT
 * second.c: the second walk: sites and memory over time, the picture of the largest footprint, and
 * the map of pages.
 *
 * Pin blame: the free bytes of a page that cannot be given back are blamed on those who hold the
 * rest of it, each by its share: (page - live) * own / live. Summed over pages it is exactly the
 * waste in pinned pages.
 *
 * The map's columns are pages that a block ever touched, in order of address; pages between them
 * that none touched are left out. Before the walk nobody knows which those are: so each row keeps
 * (page, occupancy, owner) and the rows are laid out at the end.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

enum {
    PAGES_MOST = 25000,
    CELLS_MOST = 4000000,
    OWNER_OTHER = 255,
    RATIO_BUCKETS = 2000 /* of footprint / live: 0.5 % each, from 1 */
};
#define RATIO_STEP 1.005
#define LIVE_MATTERS 0.01 /* below this share of its peak, footprint / live says nothing */

struct cell {
    uint64_t page;
    uint16_t live;
    uint16_t site; /* + 1 */
};

struct row {
    struct cell *cells;
    size_t n;
};

struct second {
    struct analysis *a;
    struct row rows[TIMES_MOST];
    uint64_t span, last_time, allocations, frees;
    double ratios[RATIO_BUCKETS], time_in_ratios;
};

static uint32_t site_of(const struct analysis *a, const struct trace_block *block)
{
    return a->stacks[block->stack <= a->n_stacks ? block->stack : 0].site;
}

/* ---- pages at one moment ---- */

/* Gives each page to the site that holds most of it (a majority vote by bytes; exact where one holds
 * more than half). */
static void vote(struct pages *pages, const struct trace_block *block, uint32_t site)
{
    uint64_t address = block->address, end = address + (block->size ? block->size : 1);
    while (address < end) {
        struct page *page = pages_find(pages, address >> PAGE_SHIFT);
        uint64_t next = ((address >> PAGE_SHIFT) + 1) << PAGE_SHIFT, stop = next < end ? next : end;
        uint32_t bytes = (uint32_t)(stop - address);
        if (page && page->site == site + 1) {
            page->votes += bytes;
        } else if (page && page->votes >= bytes) {
            page->votes -= bytes;
        } else if (page) {
            page->votes = bytes - page->votes;
            page->site = site + 1;
        }
        address = stop;
    }
}

static bool take_row(struct second *s, struct walk *walk, struct row *row)
{
    struct page_table *table = &walk->pages.tables[UNIT_4K];
    for (size_t i = 0; i < table->room; i++) {
        table->places[i].site = table->places[i].votes = 0;
    }
    uint32_t slots = trace_resolver_slots(walk->resolver);
    for (uint32_t slot = 0; slot < slots; slot++) {
        const struct trace_block *block = trace_resolver_block(walk->resolver, slot);
        if (block) {
            vote(&walk->pages, block, site_of(s->a, block));
        }
    }
    row->cells = malloc((table->n + 1) * sizeof *row->cells);
    for (size_t i = 0; row->cells && i < table->room; i++) {
        const struct page *page = &table->places[i];
        if (page->used && page->live > 0) {
            uint16_t site = page->site <= SITES_MOST ? (uint16_t)page->site : SITES_MOST;
            row->cells[row->n++] = (struct cell){page->number, (uint16_t)page->live, site};
        }
    }
    return row->cells != NULL;
}

static void blame(struct second *s, struct walk *walk, const struct trace_block *block)
{
    struct stack *stack = &s->a->stacks[block->stack <= s->a->n_stacks ? block->stack : 0];
    uint64_t address = block->address, end = address + (block->size ? block->size : 1);
    while (address < end) {
        const struct page *page = pages_find(&walk->pages, address >> PAGE_SHIFT);
        uint64_t next = ((address >> PAGE_SHIFT) + 1) << PAGE_SHIFT, stop = next < end ? next : end;
        if (page && page->live > 0 && page->live < PAGE_BYTES) {
            double part = (double)(PAGE_BYTES - page->live) * (double)(stop - address) / page->live;
            stack->did.pinned += part;
            s->a->sites[stack->site].did.pinned += part;
        }
        address = stop;
    }
}

static void picture_of_peak(struct second *s, struct walk *walk)
{
    s->a->pinned_64k = walk->pages.pinned[UNIT_64K];
    s->a->pinned_2m = walk->pages.pinned[UNIT_2M];
    uint32_t slots = trace_resolver_slots(walk->resolver);
    for (uint32_t slot = 0; slot < slots; slot++) {
        const struct trace_block *block = trace_resolver_block(walk->resolver, slot);
        if (block) {
            blame(s, walk, block);
        }
    }
}

/* ---- time ---- */

static bool end_moment(struct second *s, struct walk *walk, uint64_t time)
{
    struct analysis *a = s->a;
    size_t i = a->n_times++;
    uint64_t resident = analysis_resident(walk->trace, &walk->sample, time);
    uint64_t pinned = walk->pages.pinned[UNIT_4K];
    a->timeline[i] = (struct moment){.time = time,
                                     .live = walk->live,
                                     .usable = walk->usable,
                                     .pinned = pinned,
                                     .resident = resident,
                                     .footprint = resident > pinned ? resident : pinned,
                                     .allocations = s->allocations,
                                     .frees = s->frees};
    s->allocations = s->frees = 0;
    for (size_t k = 0; k < a->n_sites; k++) {
        a->sites[k].live_over_time[i] = a->sites[k].did.live;
    }
    return take_row(s, walk, &s->rows[i]);
}

/* All moments that lie before a time. */
static bool pass_moments(struct second *s, struct walk *walk, uint64_t time)
{
    while (s->a->n_times + 1 < TIMES_MOST && time > s->span * (s->a->n_times + 1) / TIMES_MOST) {
        if (!end_moment(s, walk, s->span * (s->a->n_times + 1) / TIMES_MOST)) {
            return false;
        }
    }
    return true;
}

static void weigh_ratio(struct second *s, struct walk *walk, uint64_t time)
{
    double past = (double)(time - s->last_time);
    uint64_t pinned = walk->pages.pinned[UNIT_4K];
    uint64_t resident = analysis_resident(walk->trace, &walk->sample, s->last_time);
    uint64_t footprint = resident > pinned ? resident : pinned;
    s->last_time = time;
    if ((double)walk->live < LIVE_MATTERS * (double)s->a->peak_live || walk->live == 0) {
        return;
    }
    double ratio = (double)footprint / (double)walk->live;
    double bucket = ratio <= 1 ? 0 : log(ratio) / log(RATIO_STEP);
    s->ratios[bucket < RATIO_BUCKETS ? (size_t)bucket : RATIO_BUCKETS - 1] += past;
    s->time_in_ratios += past;
    s->a->blowup += ((double)footprint - (double)walk->live) * past / 1e9;
}

static double percentile(const struct second *s, double share)
{
    double passed = 0;
    for (size_t i = 0; i < RATIO_BUCKETS; i++) {
        passed += s->ratios[i];
        if (passed > 0 && passed >= share * s->time_in_ratios) {
            return pow(RATIO_STEP, (double)i + 0.5);
        }
    }
    return 0;
}

/* ---- the walk ---- */

static bool change(struct walk *walk, const struct trace_event *event,
                   const struct trace_change *change)
{
    struct second *s = walk->self;
    if (change->fate == TRACE_UNKNOWN) {
        return true;
    }
    struct site *site = &s->a->sites[site_of(s->a, change->block)];
    struct behaviour *did = &site->did;
    if (change->fate == TRACE_BIRTH) {
        did->live += change->block->size;
        s->allocations++;
        site->threads |= UINT64_C(1) << (event->thread < 63 ? event->thread : 63);
    } else if (change->fate == TRACE_DEATH) {
        did->live -= change->block->size;
        s->frees++;
    } else {
        did->live += change->block->size - change->old_size;
    }
    did->peak_live = did->live > did->peak_live ? did->live : did->peak_live;
    return true;
}

/* Moments and ratios look at the state between events: after the one before this one. */
static bool after(struct walk *walk, const struct trace_event *event)
{
    struct second *s = walk->self;
    if (walk->event == s->a->peak_event) {
        picture_of_peak(s, walk);
    }
    weigh_ratio(s, walk, event->time);
    return pass_moments(s, walk, event->time);
}

/* ---- the map ---- */

static int by_number(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

/* The numbers of all columns, 4 KiB << coarser each; their count in *n. */
static uint64_t *columns_of(const struct page_table *table, unsigned coarser, size_t *n)
{
    uint64_t *numbers = malloc((table->n + 1) * sizeof *numbers);
    size_t all = 0;
    for (size_t i = 0; numbers && i < table->room; i++) {
        if (table->places[i].used) {
            numbers[all++] = table->places[i].number >> coarser;
        }
    }
    *n = 0;
    if (numbers) {
        qsort(numbers, all, sizeof *numbers, by_number);
    }
    for (size_t i = 0; numbers && i < all; i++) {
        if (*n == 0 || numbers[*n - 1] != numbers[i]) {
            numbers[(*n)++] = numbers[i];
        }
    }
    return numbers;
}

static bool make_regions(struct heap_map *map, const uint64_t *columns)
{
    map->regions = calloc(map->n_pages + 1, sizeof *map->regions);
    for (size_t i = 0; map->regions && i < map->n_pages; i++) {
        if (i == 0 || columns[i] != columns[i - 1] + 1) {
            map->regions[map->n_regions++].start = columns[i] * map->page;
        }
        map->regions[map->n_regions - 1].pages++;
    }
    return map->regions != NULL;
}

static size_t column_of(const uint64_t *columns, size_t n, uint64_t number)
{
    size_t low = 0, high = n;
    while (low + 1 < high) {
        size_t middle = (low + high) / 2;
        *(columns[middle] <= number ? &low : &high) = middle;
    }
    return low;
}

/* Bytes of all pages of a column first; then shares of 255. */
static void lay_row(struct heap_map *map, const struct row *row, const uint64_t *columns,
                    unsigned coarser, size_t at, uint64_t *sums)
{
    memset(sums, 0, map->n_pages * sizeof *sums);
    for (size_t i = 0; i < row->n; i++) {
        const struct cell *cell = &row->cells[i];
        size_t column = column_of(columns, map->n_pages, cell->page >> coarser);
        sums[column] += cell->live;
        map->owner[at * map->n_pages + column] =
            (uint8_t)(cell->site < OWNER_OTHER ? cell->site : OWNER_OTHER);
    }
    for (size_t i = 0; i < map->n_pages; i++) {
        uint64_t share = sums[i] * 255 / map->page;
        map->occupancy[at * map->n_pages + i] = (uint8_t)(sums[i] == 0  ? 0
                                                          : share < 1   ? 1
                                                          : share > 255 ? 255
                                                                        : share);
    }
}

static bool make_map(struct second *s, const struct page_table *table)
{
    struct heap_map *map = &s->a->map;
    unsigned coarser = 0;
    uint64_t *columns = columns_of(table, coarser, &map->n_pages);
    while (columns && map->n_pages > PAGES_MOST) {
        free(columns);
        columns = columns_of(table, ++coarser, &map->n_pages);
    }
    map->page = (uint64_t)PAGE_BYTES << coarser;
    size_t step = 1;
    while (s->a->n_times / step * map->n_pages > CELLS_MOST) {
        step++;
    }
    size_t cells = map->n_pages * (s->a->n_times / step + 1);
    map->times = calloc(s->a->n_times + 1, sizeof *map->times);
    map->occupancy = calloc(cells + 1, 1);
    map->owner = calloc(cells + 1, 1);
    uint64_t *sums = malloc((map->n_pages + 1) * sizeof *sums);
    bool done =
        columns && map->times && map->occupancy && map->owner && sums && make_regions(map, columns);
    for (size_t i = step - 1; done && i < s->a->n_times; i += step) {
        map->times[map->n_times] = s->a->timeline[i].time;
        lay_row(map, &s->rows[i], columns, coarser, map->n_times++, sums);
    }
    free(sums);
    free(columns);
    return done;
}

static bool begin(struct second *s)
{
    for (size_t i = 0; i < s->a->n_sites; i++) {
        struct site *site = &s->a->sites[i];
        site->did.live = site->did.peak_live = 0;
        site->live_over_time = calloc(TIMES_MOST, sizeof *site->live_over_time);
        if (!site->live_over_time || !site->name) {
            return false;
        }
    }
    return true;
}

bool analysis_second(struct analysis *a, struct trace *t, char *why)
{
    struct second *s = calloc(1, sizeof *s);
    struct walk walk = {.self = s, .change = change, .after = after};
    snprintf(why, TRACE_WHY, "out of memory");
    if (!s) {
        return false;
    }
    s->a = a;
    s->span = trace_duration(t) + 1;
    bool done = begin(s) && walk_all(&walk, t, why) &&
                (a->all.allocations == 0 ||
                 (pass_moments(s, &walk, s->span) && end_moment(s, &walk, s->span))) &&
                make_map(s, &walk.pages.tables[UNIT_4K]);
    a->p50 = percentile(s, 0.50);
    a->p95 = percentile(s, 0.95);
    a->p99 = percentile(s, 0.99);
    walk_end(&walk);
    for (size_t i = 0; i < TIMES_MOST; i++) {
        free(s->rows[i].cells);
    }
    free(s);
    return done;
}
