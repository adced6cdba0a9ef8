/* SPDX-License-Identifier: MIT
 * realloc.c: changing a block's size: in place where its slab, run or mapping allows it, by moving
 * pages for large blocks, by copying otherwise. */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "heap/heap_internal.h"
#include "os/pages.h"

/* A block that shrinks stays where it is while it fills half of its place. */
static bool stays(const pki_place *place, size_t n)
{
    return n <= place->usable && n > place->usable / 2;
}

static bool resize_run(const pki_place *place, size_t n)
{
    unsigned slabs = (unsigned)(pki_align_up(n, PKI_SLAB_SIZE) >> PKI_SLAB_SHIFT);
    return pki_space_resize_run(place->space, place->slab, slabs,
                                pki_align_up(n, pki_os_page_size()));
}

/* The block's new address if it can be had without copying, else NULL. */
static void *resize_place(const pki_place *place, void *p, size_t n, bool may_move)
{
    pk_status why;
    if (place->space->watched) {
        return stays(place, n) ? p : NULL; /* each new size is a new block to the checker */
    }
    switch (place->kind) {
    case PKI_PLACE_CLASS:
        return stays(place, n) ||
                       (n <= PKI_CLASS_MAX && pki_class_size(pki_class_of(n)) == place->usable)
                   ? p
                   : NULL;
    case PKI_PLACE_RUN:
        return n > PKI_CLASS_MAX && n <= PKI_RUN_MAX && resize_run(place, n) ? p : NULL;
    case PKI_PLACE_LARGE:
        return n > PKI_RUN_MAX && n <= PTRDIFF_MAX
                   ? pki_space_resize_large(place->space, place->large, n, may_move, &why)
                   : NULL;
    default:
        return NULL;
    }
}

/* What to ask for instead of `n` bytes for a block that grows beyond its place by less than a quarter, which
 * is how texts grow: a quarter of the power of two below, rounded up. Other sizes, and blocks whose
 * class is a few bytes wide, get what they ask for: then it is `n`. */
static size_t growth_size(const pki_place *place, size_t n)
{
    bool appended = n > place->usable && n - place->usable < place->usable / 4;
    if (!appended || n <= PKI_SMALL_MAX || n > PKI_CLASS_MAX) {
        return n;
    }
    return pki_align_up(n, (size_t)1 << (pki_log2_floor(n) - 2));
}

static void *another_block(pk_heap *heap, const pki_place *place, size_t n)
{
    bool shrinks = n <= place->usable;
    size_t more = growth_size(place, n);
    void *to = more == n
                   ? NULL
                   : pki_heap_alloc_slow(heap, (pki_request){more, PK_ALIGN, false, true, NULL});
    if (to != NULL) {
        return to;
    }
    return heap == &pki_process_heap && !shrinks
               ? pki_process_alloc(n)
               : pki_heap_alloc_slow(heap, (pki_request){n, PK_ALIGN, false, shrinks, NULL});
}

/* A block that shrinks and finds no other place stays where it is. */
static void *move_block(pk_heap *heap, const pki_place *place, void *p, size_t n)
{
    int saved_errno = errno;
    void *to = another_block(heap, place, n);
    if (to != NULL) {
        errno = saved_errno;
        memcpy(to, p, pki_min(n, place->usable));
        pki_free(p);
        return to;
    }
    if (n <= place->usable) {
        errno = saved_errno;
        return p;
    }
    return NULL;
}

void *pki_heap_realloc_from(void *p, size_t n, const void *site)
{
    pki_place place = pki_place_of(p);
    if (pki_unlikely(pki_checked_has(&place))) {
        return pki_checked_realloc(&place, p, n, site);
    }
    if (pki_unlikely(!pki_place_is_live(&place, p, PKI_SPACE_OF_HEAP))) {
        pki_place_report(&place, p, PKI_SPACE_OF_HEAP);
        errno = EINVAL;
        return NULL;
    }
    if (pki_unlikely(n > PTRDIFF_MAX)) {
        errno = ENOMEM;
        return NULL;
    }
    int saved_errno = errno;
    void *resized = resize_place(&place, p, n, true);
    errno = saved_errno;
    return resized != NULL ? resized : move_block((pk_heap *)place.space, &place, p, n);
}

void *pk_heap_realloc(pk_heap *heap, void *p, size_t n)
{
    return p == NULL ? pk_heap_alloc(heap, n) : pki_heap_realloc_from(p, n, PKI_CALLER);
}

bool pk_heap_resize(void *p, size_t n)
{
    pki_place place = pki_place_of(p);
    if (pki_checked_has(&place)) {
        return pki_checked_resize(&place, p, n, PKI_CALLER);
    }
    if (!pki_place_is_live(&place, p, PKI_SPACE_OF_HEAP)) {
        return false;
    }
    int saved_errno = errno;
    bool resized = resize_place(&place, p, n, false) != NULL || n <= place.usable;
    errno = saved_errno;
    return resized;
}
