/* SPDX-License-Identifier: MIT
 * leaks.c: a debug heap's blocks that are in use when the process ends, by the place that took them.
 *
 * The table has room for 1,023 places; blocks of further ones are counted together. It is filled with the
 * heap's locks held, and printed after they were given back. */
#include <string.h>

#include "base/text.h"
#include "heap/heap_internal.h"
#include "os/process.h"
#include "slab/meta.h"
#include "slab/report.h"

enum { PLACES = 1024, LINES = 20 };

typedef struct {
    const void *site;
    uint64_t blocks; /* 0: the entry is free */
    uint64_t bytes;
} place_sum;

typedef struct {
    place_sum of[PLACES]; /* by a hash of the site; the next free one if that is taken */
    place_sum others;
    unsigned n;
} place_table;

static place_sum *find_place(place_table *table, const void *site)
{
    unsigned i = (unsigned)((uintptr_t)site * UINT64_C(0x9E3779B97F4A7C15) >> 54);
    while (table->of[i].blocks != 0 && table->of[i].site != site) {
        i = (i + 1) % PLACES;
    }
    if (table->of[i].blocks == 0 && table->n == PLACES - 1) {
        return &table->others; /* one stays free: each search ends */
    }
    table->n += table->of[i].blocks == 0;
    return &table->of[i];
}

static bool count_leak(void *arg, void *p, size_t room, bool live)
{
    pki_place place = pki_place_of(p);
    size_t n = live ? pki_checked_usable(&place, p) : 0;
    (void)room;
    if (n > 0) {
        pki_block b = pki_checked_block(&place, p);
        const void *site = pki_block_record_of(&b)->allocated_at;
        place_sum *sum = find_place(arg, site);
        sum->site = site;
        sum->blocks++;
        sum->bytes += n;
    }
    return true;
}

static void print_place(const pk_heap *heap, const place_sum *sum, const char *where)
{
    char line[320];
    pki_text text = pki_text_begin(line, sizeof line - 1);
    pki_text_string(&text, "poolkit: ");
    pki_text_string(&text, heap->space.name);
    pki_text_string(&text, ": in use at exit: ");
    pki_text_number(&text, sum->bytes);
    pki_text_string(&text, sum->bytes == 1 ? " byte in " : " bytes in ");
    pki_text_number(&text, sum->blocks);
    pki_text_string(&text, sum->blocks == 1 ? " block" : " blocks");
    pki_text_string(&text, where);
    if (sum->site != NULL) {
        pki_os_place_text(&text, sum->site);
    }
    *text.at++ = '\n';
    pki_os_write_error(line, (size_t)(text.at - line));
}

/* The place with the most bytes leaves the table. */
static bool take_largest(place_table *table, place_sum *out)
{
    place_sum *largest = &table->of[0];
    for (unsigned i = 1; i < PLACES; i++) {
        largest = table->of[i].bytes > largest->bytes ? &table->of[i] : largest;
    }
    *out = *largest;
    largest->bytes = 0;
    return out->bytes > 0;
}

static void print_table(const pk_heap *heap, place_table *table)
{
    place_sum sum, rest = table->others;
    for (unsigned line = 0; take_largest(table, &sum); line++) {
        if (line < LINES) {
            print_place(heap, &sum,
                        sum.site == NULL ? ", from an unknown place" : ", allocated at ");
        } else {
            rest.blocks += sum.blocks;
            rest.bytes += sum.bytes;
        }
    }
    rest.site = NULL;
    if (rest.blocks > 0) {
        print_place(heap, &rest, ", from other places");
    }
}

static void list_leaks(pk_heap *heap)
{
    place_table *table = pki_meta_alloc(sizeof *table);
    if (table == NULL) {
        return;
    }
    pki_space_freeze(&heap->space);
    pki_space_walk_frozen(&heap->space, count_leak, table);
    pki_space_thaw(&heap->space);
    print_table(heap, table);
    pki_meta_free(table, sizeof *table);
}

void pki_checked_at_exit(pk_heap *heap)
{
    if (!heap->space.checked) {
        return;
    }
    pki_checked_flush(heap);
    if (heap->checked.mode == PKI_MODE_DEBUG && pki_settings.leaks) {
        list_leaks(heap);
    }
}
