/* SPDX-License-Identifier: MIT
 * entry.c: see entry.h. */
#include "dropin/entry.h"

#include "heap/heap_internal.h"
#include "os/process.h"

void *pki_entry_malloc(size_t n) { return pki_process_alloc(n); }

void *pki_entry_alloc(size_t n, size_t align)
{
    return pk_heap_alloc_aligned(&pki_process_heap, n, align);
}

void pki_entry_free(void *p) { pki_free(p); }

void pki_heap_is_malloc(void) {}

void pki_entry_abort(void) { pki_os_abort(); }
