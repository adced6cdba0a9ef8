/* SPDX-License-Identifier: MIT
 * meta.c: see meta.h.
 *
 *   region  ┌ used records … ┬ at ──► not yet used ┐      64 KiB steps, zero from the system
 *   lists   [size / 64] ──► freed record ──► freed record ──► NULL */
#include "slab/meta.h"

#include <string.h>

#include "base/bits.h"
#include "os/lock.h"
#include "os/pages.h"
#include "slab/fork.h"
#include "slab/names.h"

enum { STEP = 64, REGION_SIZE = 64 * 1024, MAX_LISTED = 32 * 1024 };

typedef struct freed_record {
    struct freed_record *next;
} freed_record;

static struct {
    pki_lock lock;
    char *at;
    char *end;
    size_t committed;
    freed_record *freed[MAX_LISTED / STEP + 1];
} meta;

static void *take_freed(size_t size)
{
    freed_record *record = meta.freed[size / STEP];
    if (record != NULL) {
        meta.freed[size / STEP] = record->next;
        memset(record, 0, size);
    }
    return record;
}

static bool grow(void)
{
    size_t bytes = pki_align_up(REGION_SIZE, pki_os_page_size());
    char *region = pki_os_map(bytes, pki_os_page_size());
    if (region == NULL) {
        return false;
    }
    pki_name_pages(region, bytes, "records", "");
    meta.at = region; /* what is left of the old region is given up: less than this one record */
    meta.end = region + bytes;
    meta.committed += bytes;
    return true;
}

static void *take_fresh_record(size_t size)
{
    if ((size_t)(meta.end - meta.at) < size && !grow()) {
        return NULL;
    }
    void *record = meta.at;
    meta.at += size;
    return record;
}

static void *take_record(size_t size)
{
    pki_lock_take(&meta.lock);
    void *record = take_freed(size);
    if (record == NULL) {
        record = take_fresh_record(size);
    }
    pki_lock_give(&meta.lock);
    return record;
}

static void give(freed_record *record, size_t size)
{
    pki_lock_take(&meta.lock);
    record->next = meta.freed[size / STEP];
    meta.freed[size / STEP] = record;
    pki_lock_give(&meta.lock);
}

/* The few larger ones, tables of threads with thousands of heaps, are mappings of their own. */
static size_t mapped_size(size_t size) { return pki_align_up(size, pki_os_page_size()); }

void *pki_meta_alloc(size_t size)
{
    size = pki_align_up(size, STEP);
    return size <= MAX_LISTED ? take_record(size)
                              : pki_os_map(mapped_size(size), pki_os_page_size());
}

void pki_meta_free(void *record, size_t size)
{
    size = pki_align_up(size, STEP);
    if (record != NULL && size <= MAX_LISTED) {
        give(record, size);
    } else if (record != NULL) {
        pki_os_release(record, mapped_size(size));
    }
}

size_t pki_meta_committed(void)
{
    pki_lock_take(&meta.lock);
    size_t committed = meta.committed;
    pki_lock_give(&meta.lock);
    return committed;
}

void pki_meta_before_fork(void) { pki_fork_take(&meta.lock); }
void pki_meta_after_fork(bool in_child) { pki_fork_give(&meta.lock, in_child); }
