/* SPDX-License-Identifier: MIT
 * entry.c: see entry.h. */
#include "dropin/entry.h"

#include <errno.h>

#include "heap/heap_internal.h"
#include "os/process.h"

void *pki_entry_quick(size_t n)
{
    return pki_likely(n <= PKI_SMALL_MAX) ? pki_small_alloc(pki_me, n) : NULL;
}

void *pki_entry_quick_aligned(size_t n, size_t align)
{
    bool possible = pki_is_power_of_two(align);
    return pki_likely(possible) ? pki_small_alloc_aligned(pki_me, n, pki_max(align, PK_ALIGN))
                                : NULL;
}

void *pki_entry_alloc(size_t n, size_t align, const void *site)
{
    if (!pki_is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return pki_heap_alloc_slow(
        &pki_process_heap, (pki_request){.n = n, .align = pki_max(align, PK_ALIGN), .site = site});
}

void pki_entry_free(void *p) { pki_free(p); }

void pki_entry_free_sized(void *p, size_t n) { pki_free_sized(p, n); }

void pki_heap_is_malloc(void) {}

void pki_entry_abort(void) { pki_os_abort(); }
