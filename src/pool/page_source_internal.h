/* SPDX-License-Identifier: MIT
 * page_source_internal.h: how a pool calls its page source: the operating system's, which most have,
 * without a detour, and for the chunk that a small pool lives in without a call. */
#ifndef PKI_POOL_PAGE_SOURCE_INTERNAL_H
#define PKI_POOL_PAGE_SOURCE_INTERNAL_H

#include <stdatomic.h>

#include <poolkit/page_source.h>

#include "base/attr.h"

/* Chunks that the operating system's source keeps for reuse: KEPT of each power of two from SMALLEST
 * on. Each place is 0 or a chunk. The exchange that takes it (acquire) pairs with the one that put
 * it there (release). */
enum { PKI_PAGES_SMALLEST = 4096, PKI_PAGES_SIZES = 5, PKI_PAGES_KEPT = 8 };
extern _Atomic(void *) pki_pages_cache[PKI_PAGES_SIZES][PKI_PAGES_KEPT];

/* The two functions of pk_os_pages(); ctx is not looked at. */
void *pki_pages_map(void *ctx, size_t n, size_t align, unsigned *got);
void pki_pages_unmap(void *ctx, void *p, size_t n);

/* PKI_PAGES_SMALLEST bytes, not zero; NULL if there are none at hand. This and the next are for when
 * no memory checker looks on. */
static inline void *pki_pages_take_smallest(void)
{
    _Atomic(void *) *place = &pki_pages_cache[0][0];
    return atomic_load_explicit(place, memory_order_relaxed) == NULL
               ? NULL
               : atomic_exchange_explicit(place, NULL, memory_order_acquire);
}

static inline bool pki_pages_keep_smallest(void *p, size_t n)
{
    void *none = NULL;
    return n == PKI_PAGES_SMALLEST &&
           atomic_compare_exchange_strong_explicit(&pki_pages_cache[0][0], &none, p,
                                                   memory_order_release, memory_order_relaxed);
}

static inline void *pki_source_map(pk_page_source source, size_t n, size_t align, unsigned *got)
{
    return source.ops == NULL ? pki_pages_map(NULL, n, align, got)
                              : source.ops->map(source.ctx, n, align, got);
}

static inline void pki_source_unmap(pk_page_source source, void *p, size_t n)
{
    if (source.ops == NULL) {
        pki_pages_unmap(NULL, p, n);
    } else {
        source.ops->unmap(source.ctx, p, n);
    }
}

#endif /* PKI_POOL_PAGE_SOURCE_INTERNAL_H */
