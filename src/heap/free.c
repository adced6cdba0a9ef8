/* SPDX-License-Identifier: MIT
 * free.c: giving a block back beyond the hot path, and what an address says of its block. */
#include "heap/heap_internal.h"

static pki_owner *owner_of(pki_space *space) { return pki_heap_owner((pk_heap *)space); }

PKI_NOINLINE void pki_heap_free_slow(void *p)
{
    if (p != NULL) {
        pki_place_free(p, PKI_SPACE_OF_HEAP, owner_of);
    }
}

void pk_heap_free(void *p) { pki_free(p); }

/* The size is a hint that this mechanism does not need: the word knows the class. */
void pk_heap_free_sized(void *p, size_t n)
{
    (void)n;
    pki_free(p);
}

size_t pk_heap_usable(const void *p) { return pki_place_of(p).usable; }

pk_heap *pk_heap_of(const void *p)
{
    pki_space *space = pki_place_of(p).space;
    return space != NULL && space->kind == PKI_SPACE_OF_HEAP ? (pk_heap *)space : NULL;
}
