/* SPDX-License-Identifier: MIT
 * page_source_internal.h: how a pool calls its page source: the operating system's, which most have,
 * without a detour. */
#ifndef PKI_POOL_PAGE_SOURCE_INTERNAL_H
#define PKI_POOL_PAGE_SOURCE_INTERNAL_H

#include <poolkit/page_source.h>

/* The two functions of pk_os_pages(); ctx is not looked at. */
void *pki_pages_map(void *ctx, size_t n, size_t align, unsigned *got);
void pki_pages_unmap(void *ctx, void *p, size_t n);

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
