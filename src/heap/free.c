/* SPDX-License-Identifier: MIT
 * free.c: giving a block back beyond the hot path, and what an address says of its block. */
#include "heap/heap_internal.h"

static pki_owner *owner_in_heap(pki_space *space) { return pki_heap_owner((pk_heap *)space); }

static void free_checked_or_not(void *p, const pki_release *release)
{
    if (pki_unlikely(atomic_load_explicit(&pki_any_checked, memory_order_relaxed))) {
        pki_place place = pki_place_of(p);
        if (pki_checked_has(&place)) {
            pki_checked_free(&place, p, release);
            return;
        }
    }
    pki_place_free(p, PKI_SPACE_OF_HEAP, owner_in_heap);
}

PKI_NOINLINE void pki_heap_free_slow(void *p, const void *site)
{
    if (p != NULL) {
        free_checked_or_not(p, &(pki_release){NULL, site, SIZE_MAX});
    }
}

PKI_NOINLINE void pki_heap_free_sized_slow(void *p, size_t n, const void *site)
{
    if (p != NULL) {
        free_checked_or_not(p, &(pki_release){NULL, site, n});
    }
}

void pk_heap_free(void *p) { pki_free(p); }

void pk_heap_free_sized(void *p, size_t n) { pki_free_sized(p, n); }

size_t pk_heap_usable(const void *p)
{
    pki_place place = pki_place_of(p);
    if (pki_checked_has(&place)) {
        return pki_checked_usable(&place, p);
    }
    bool held = place.kind != PKI_PLACE_CLASS || pki_block_is_held(p, place.slab->reciprocal);
    return held ? place.usable : 0;
}

pk_heap *pk_heap_of(const void *p)
{
    pki_space *space = pki_place_of(p).space;
    return space != NULL && space->kind == PKI_SPACE_OF_HEAP ? (pk_heap *)space : NULL;
}
