/* SPDX-License-Identifier: MIT
 * heap_alloc.c: a heap seen as an allocator. A block's address tells its size and its heap, so that what
 * is given back with it is not needed. */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "heap/heap_internal.h"
#include "os/error.h"

static void *alloc_in_heap(void *ctx, size_t n, size_t align)
{
    if (!pki_is_power_of_two(align)) {
        return pki_os_fail(PK_EINVAL);
    }
    return align <= PK_ALIGN ? pk_heap_alloc(ctx, n) : pk_heap_alloc_aligned(ctx, n, align);
}

static bool resize_in_heap(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    (void)ctx;
    (void)old_n;
    (void)align;
    return pk_heap_resize(p, new_n);
}

/* pk_heap_realloc would forget an alignment beyond PK_ALIGN when it moves the block. As there, a block
 * that shrinks stays while it fills half of its place, or if there is no other. */
static void *remap_aligned(pk_heap *heap, void *p, size_t old_n, size_t new_n, size_t align)
{
    bool fits = pk_heap_resize(p, new_n);
    if (fits && new_n > pk_heap_usable(p) / 2) {
        return p;
    }
    int saved_errno = errno;
    void *to = pki_heap_alloc_slow(heap, (pki_request){new_n, align, false, fits, PKI_CALLER});
    if (to != NULL) {
        memcpy(to, p, pki_min(old_n, new_n));
        pk_heap_free(p);
        return to;
    }
    if (fits) {
        errno = saved_errno;
        return p;
    }
    return NULL;
}

static void *remap(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    return align <= PK_ALIGN ? pk_heap_realloc(ctx, p, new_n)
                             : remap_aligned(ctx, p, old_n, new_n, align);
}

static void release_in_heap(void *ctx, void *p, size_t n, size_t align)
{
    (void)ctx;
    (void)n;
    (void)align;
    pk_heap_free(p);
}

pk_allocator pk_heap_as_alloc(pk_heap *heap)
{
    static const pk_allocator_ops ops = {.size = sizeof ops,
                                         .alloc = alloc_in_heap,
                                         .resize = resize_in_heap,
                                         .remap = remap,
                                         .free = release_in_heap};
    return (pk_allocator){&ops, heap};
}
