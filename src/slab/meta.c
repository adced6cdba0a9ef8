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

static bool grow(size_t size)
{
    size_t bytes = pki_align_up(pki_max(size, REGION_SIZE), pki_os_page_size());
    char *region = pki_os_map(bytes, pki_os_page_size());
    if (region == NULL) {
        return false;
    }
    meta.at = region; /* what is left of the old region is given up: less than this one record */
    meta.end = region + bytes;
    meta.committed += bytes;
    return true;
}

static void *take_fresh(size_t size)
{
    if ((size_t)(meta.end - meta.at) < size && !grow(size)) {
        return NULL;
    }
    void *record = meta.at;
    meta.at += size;
    return record;
}

void *pki_meta_alloc(size_t size)
{
    size = pki_align_up(size, STEP);
    pki_lock_take(&meta.lock);
    void *record = size <= MAX_LISTED ? take_freed(size) : NULL;
    if (record == NULL) {
        record = take_fresh(size);
    }
    pki_lock_give(&meta.lock);
    return record;
}

void pki_meta_free(void *record, size_t size)
{
    size = pki_align_up(size, STEP);
    if (record == NULL || size > MAX_LISTED) {
        return; /* the largest records are tables that double: their sum is below the newest one */
    }
    freed_record *freed = record;
    pki_lock_take(&meta.lock);
    freed->next = meta.freed[size / STEP];
    meta.freed[size / STEP] = freed;
    pki_lock_give(&meta.lock);
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
