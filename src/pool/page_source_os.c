/* SPDX-License-Identifier: MIT
 * page_source_os.c: the operating system's pages as a page source, with a small cache.
 *
 * Pools of short life come and go with chunks of few sizes; a system call and its page faults for
 * each would cost more than the pool's whole work. So some freed chunks of 4 KiB to 64 KiB are
 * kept: at most 8 of each power of two, 992 KiB in all.
 *
 * Whoever takes a place's chunk out by an exchange owns it; there is no lock that a fork could find
 * taken. The first places are tried first, so that what was freed last is mostly what is taken. */
#include "pool/page_source_internal.h"

#include <stdatomic.h>

#include "base/attr.h"
#include "base/bits.h"
#include "os/pages.h"
#include "os/watch.h"
#include "slab/names.h"

_Atomic(void *) pki_pages_cache[PKI_PAGES_SIZES][PKI_PAGES_KEPT];

/* The places for chunks of `n` bytes, NULL if there are none. */
static inline _Atomic(void *) *cache_row(size_t n)
{
    if (!pki_is_power_of_two(n)) {
        return NULL;
    }
    unsigned row = pki_log2_floor(n) - pki_log2_floor(PKI_PAGES_SMALLEST); /* below it wraps */
    return row < PKI_PAGES_SIZES ? pki_pages_cache[row] : NULL;
}

static inline void *take_cached_pages(size_t n)
{
    _Atomic(void *) *row = cache_row(n);
    for (unsigned i = 0; row != NULL && i < PKI_PAGES_KEPT; i++) {
        if (atomic_load_explicit(&row[i], memory_order_relaxed) != NULL) {
            void *p = atomic_exchange_explicit(&row[i], NULL, memory_order_acquire);
            if (pki_likely(p != NULL)) {
                return p;
            }
        }
    }
    return NULL;
}

static inline bool keep_cached(void *p, size_t n)
{
    _Atomic(void *) *row = cache_row(n);
    for (unsigned i = 0; row != NULL && i < PKI_PAGES_KEPT; i++) {
        void *none = NULL;
        if (atomic_load_explicit(&row[i], memory_order_relaxed) == NULL &&
            atomic_compare_exchange_strong_explicit(&row[i], &none, p, memory_order_release,
                                                    memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* One name for all: a chunk goes from pool to pool through the cache, and naming it anew would cost what
 * the cache saves. */
static PKI_NOINLINE void *map_fresh(size_t n, size_t align)
{
    size_t page = pki_os_page_size();
    size_t size = pki_align_up(n, page);
    void *p = n <= PTRDIFF_MAX ? pki_os_map(size, pki_max(align, page)) : NULL;
    pki_name_pages(p, size, "arenas and block pools", "");
    return p;
}

void *pki_pages_map(void *ctx, size_t n, size_t align, unsigned *got)
{
    (void)ctx;
    void *p = align <= PKI_PAGES_SMALLEST ? take_cached_pages(n) : NULL;
    *got = p == NULL ? PK_PAGES_ZERO : 0;
    if (p == NULL) {
        return map_fresh(n, align);
    }
    pki_watch_show(p, n, false);
    return p;
}

static PKI_NOINLINE void release_pages(void *p, size_t n)
{
    pki_os_release(p, pki_align_up(n, pki_os_page_size()));
}

void pki_pages_unmap(void *ctx, void *p, size_t n)
{
    (void)ctx;
    pki_watch_hide(p, n); /* before somebody else may take it */
    if (!keep_cached(p, n)) {
        pki_watch_show(p, n, false);
        release_pages(p, n);
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
    static const pk_page_source_ops ops = {.size = sizeof ops,
                                           .map = pki_pages_map,
                                           .unmap = pki_pages_unmap,
                                           .purge = os_purge,
                                           .granule = PKI_PAGES_SMALLEST};
    return (pk_page_source){&ops, NULL};
}
