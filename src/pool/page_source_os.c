/* SPDX-License-Identifier: MIT
 * page_source_os.c: the operating system's pages as a page source, with a small cache.
 *
 * Pools of short life come and go with chunks of few sizes; a system call and its page faults for
 * each would cost more than the pool's whole work. So some freed chunks of 4 KiB to 64 KiB are
 * kept: at most CACHED of each power of two, 992 KiB in all. */
#include <poolkit/page_source.h>

#include "base/bits.h"
#include "os/lock.h"
#include "os/pages.h"

enum { CACHE_FIRST = 12, CACHE_SIZES = 5, CACHED = 8 };

static struct {
    pki_lock lock;
    unsigned n[CACHE_SIZES];
    void *chunk[CACHE_SIZES][CACHED];
} cache;

/* The cache's row for chunks of `n` bytes, -1 if it has none. */
static int cache_row(size_t n)
{
    int row = pki_is_power_of_two(n) ? (int)pki_log2_floor(n) - CACHE_FIRST : -1;
    return row < CACHE_SIZES ? row : -1;
}

static void *take_cached(size_t n)
{
    int row = cache_row(n);
    if (row < 0) {
        return NULL;
    }
    pki_lock_take(&cache.lock);
    void *p = cache.n[row] > 0 ? cache.chunk[row][--cache.n[row]] : NULL;
    pki_lock_give(&cache.lock);
    return p;
}

static bool keep_cached(void *p, size_t n)
{
    int row = cache_row(n);
    if (row < 0) {
        return false;
    }
    pki_lock_take(&cache.lock);
    bool kept = cache.n[row] < CACHED;
    if (kept) {
        cache.chunk[row][cache.n[row]++] = p;
    }
    pki_lock_give(&cache.lock);
    return kept;
}

static void *os_map(void *ctx, size_t n, size_t align, unsigned *got)
{
    (void)ctx;
    size_t page = pki_os_page_size();
    void *p = align <= page ? take_cached(n) : NULL;
    *got = p == NULL ? PK_PAGES_ZERO : 0;
    if (p == NULL && n <= PTRDIFF_MAX) {
        p = pki_os_map(pki_align_up(n, page), pki_max(align, page));
    }
    return p;
}

static void os_unmap(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (!keep_cached(p, n)) {
        pki_os_release(p, pki_align_up(n, pki_os_page_size()));
    }
}

static void os_purge(void *ctx, void *p, size_t n)
{
    (void)ctx;
    uintptr_t page = pki_os_page_size();
    uintptr_t begin = pki_align_up((uintptr_t)p, page);
    uintptr_t end = pki_align_down((uintptr_t)p + n, page);
    if (begin < end) {
        pki_os_purge((void *)begin, end - begin);
    }
}

pk_page_source pk_os_pages(void)
{
    static const pk_page_source_ops ops = {
        .size = sizeof ops, .map = os_map, .unmap = os_unmap, .purge = os_purge, .granule = 4096};
    return (pk_page_source){&ops, NULL};
}
