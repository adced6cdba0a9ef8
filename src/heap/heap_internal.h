/* SPDX-License-Identifier: MIT
 * heap_internal.h: the heap's record and the two hot paths, for the heap's own files and for the
 * drop-in, which is the process heap under other names.
 *
 * The path of malloc(n), n <= 1024:      n ─► pki_small_offset ─► bin ─► top[-1] ─► pop
 * The path of free(p):     p ─► registry? ─► chunk by mask ─► word ^ key < limit? ─► bin ─► push
 * Each is a straight line with one exit to the slow path. */
#ifndef PKI_HEAP_HEAP_INTERNAL_H
#define PKI_HEAP_HEAP_INTERNAL_H

#include <poolkit/heap.h>

#include "heap/checked.h"
#include "heap/size_class.h"
#include "slab/place.h"

struct pk_heap {
    pki_space space; /* first: a space's address is its heap's */
    pk_oom_fn *on_oom;
    void *oom_arg;
    pki_checked checked; /* mode fast: unused */
};

extern pk_heap pki_process_heap;

/* The calling thread's owner in the process heap. Before its first allocation, and after its end,
 * an owner that has nothing and owns nothing: each call then takes the slow path by itself. */
extern PKI_THREAD_LOCAL pki_owner *pki_me;

/* The calling thread's owner in the heap, made at its first use; NULL: see pki_thread_attach. */
pki_owner *pki_heap_owner(pk_heap *heap);

/* Tells a memory checker of the heap's blocks, if one looks on. */
void pki_heap_watch(pk_heap *heap);

/* Only the drop-in has it. */
PKI_WEAK void pki_heap_is_malloc(void);

/* What the caller wants; everything that is not on the hot path. */
typedef struct {
    size_t n;
    size_t align; /* a power of two */
    bool zero;
    bool optional;    /* it can do without: nothing is given up for it */
    const void *site; /* where the program's call returns to; NULL: not known */
} pki_request;

/* NULL with errno set if it cannot be had. */
void *pki_heap_alloc_slow(pk_heap *heap, pki_request request);

/* `site` as above. */
void pki_heap_free_slow(void *p, const void *site);

/* pk_heap_realloc of a block, p != NULL. */
void *pki_heap_realloc_from(void *p, size_t n, const void *site);

/* The same for a block of which the caller says the size. */
void pki_heap_free_sized_slow(void *p, size_t n, const void *site);

PKI_INLINE void *pki_small_alloc(pki_owner *owner, size_t n)
{
    return pki_bin_pop(pki_bin_at(owner, pki_small_offset[(n + 15) / 16]));
}

/* For an alignment of up to PKI_SMALL_MAX: the sizes that are a multiple of it are classes of their own
 * as far as PKI_SMALL_MAX, and slabs begin at multiples of 64 KiB, so all blocks of such a class
 * are aligned. NULL: the stack is empty, or it is none of these. */
PKI_INLINE void *pki_small_alloc_aligned(pki_owner *owner, size_t n, size_t align)
{
    if (pki_unlikely(n > PKI_SMALL_MAX || align > PKI_SMALL_MAX)) {
        return NULL;
    }
    size_t multiple = pki_align_up(pki_max(n, 1), align);
    return pki_likely(multiple <= PKI_SMALL_MAX) ? pki_small_alloc(owner, multiple) : NULL;
}

/* malloc: from the process heap. */
PKI_INLINE void *pki_process_alloc(size_t n)
{
    if (pki_likely(n <= PKI_SMALL_MAX)) {
        void *p = pki_small_alloc(pki_me, n);
        if (pki_likely(p != NULL)) {
            return p;
        }
    }
    return pki_heap_alloc_slow(&pki_process_heap,
                               (pki_request){n, PK_ALIGN, false, false, PKI_CALLER});
}

/* aligned_alloc, likewise; the alignment is a power of two, PK_ALIGN or more. */
PKI_INLINE void *pki_process_alloc_aligned(size_t n, size_t align)
{
    void *p = pki_small_alloc_aligned(pki_me, n, align);
    return pki_likely(p != NULL)
               ? p
               : pki_heap_alloc_slow(&pki_process_heap,
                                     (pki_request){n, align, false, false, PKI_CALLER});
}

/* The block goes to the calling thread's stack, if it is one of its own; false: to the slow path. */
PKI_INLINE bool pki_free_fast(void *p)
{
    if (pki_likely(pki_registry_has(p))) {
        pki_owner *me = pki_me;
        uint32_t class_offset = pki_word_at(p) ^ me->key;
        return pki_likely(class_offset < PKI_CLASSES * sizeof(pki_bin)) &&
               pki_likely(pki_bin_push(pki_bin_at(me, class_offset), p));
    }
    return false;
}

/* free: to whichever heap it belongs. */
PKI_INLINE void pki_free(void *p)
{
    if (pki_unlikely(!pki_free_fast(p))) {
        pki_heap_free_slow(p, PKI_CALLER);
    }
}

/* The size is looked at in checked heaps only: the word knows the class. */
PKI_INLINE void pki_free_sized(void *p, size_t n)
{
    if (pki_unlikely(!pki_free_fast(p))) {
        pki_heap_free_sized_slow(p, n, PKI_CALLER);
    }
}

#endif /* PKI_HEAP_HEAP_INTERNAL_H */
