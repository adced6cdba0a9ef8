/* SPDX-License-Identifier: MIT
 * heap.c: a heap's life, and questions about it as a whole. */
#include <errno.h>
#include <string.h>

#include "base/opts.h"
#include "heap/heap_internal.h"
#include "slab/meta.h"
#include "slab/report.h"

pk_status pk_heap_create(pk_heap **out, const pk_heap_opts *opts)
{
    pk_heap_opts taken;
    if (out == NULL || !pki_take_options(&taken, sizeof taken, opts) ||
        (unsigned)taken.mode > PK_HEAP_DEBUG) {
        return PK_EINVAL;
    }
    pk_heap_process(); /* takes the first slot of every thread's table */
    static const pki_mode modes[] = {
        [PK_HEAP_FAST] = PKI_MODE_FAST,
        [PK_HEAP_HARDENED] = PKI_MODE_HARDENED,
        [PK_HEAP_DEBUG] = PKI_MODE_DEBUG,
    };
    pk_heap *heap = pki_meta_alloc(sizeof *heap);
    if (heap == NULL) {
        return PK_ENOMEM;
    }
    heap->on_oom = taken.on_oom;
    heap->oom_arg = taken.oom_arg;
    pki_space_init(&heap->space, &pki_heap_geometry, taken.name == NULL ? "heap" : taken.name,
                   taken.limit == 0 ? SIZE_MAX : taken.limit);
    heap->space.source = taken.source;
    pki_checked_init(heap,
                     taken.mode == PK_HEAP_MODE_DEFAULT ? pki_settings.mode : modes[taken.mode]);
    if (!pki_space_register(&heap->space)) {
        pki_meta_free(heap, sizeof *heap);
        return PK_ENOMEM;
    }
    pki_heap_watch(heap);
    *out = heap;
    return PK_OK;
}

void pk_heap_destroy(pk_heap *heap)
{
    if (heap == NULL || heap == &pki_process_heap) {
        return;
    }
    int saved_errno = errno;
    pki_checked_fini(heap);
    pki_space_unregister(&heap->space);
    pki_owners_fini(&heap->space);
    pki_space_fini(&heap->space);
    pki_meta_free(heap, sizeof *heap);
    errno = saved_errno;
}

size_t pk_heap_trim(pk_heap *heap, size_t keep)
{
    if (heap->space.checked) {
        int saved_errno = errno;
        pki_checked_flush(heap);
        errno = saved_errno;
    }
    return pki_thread_trim(&heap->space, keep);
}

bool pk_heap_walk(pk_heap *heap, pk_heap_walk_fn *fn, void *arg)
{
    return heap->space.checked ? pki_checked_walk(heap, fn, arg)
                               : pki_space_walk(&heap->space, fn, arg);
}

void pk_heap_stats(pk_heap *heap, pk_stats *out)
{
    if (out != NULL) {
        pki_space_stats(&heap->space, out);
        pki_checked_stats(heap, out);
    }
}

bool pk_heap_check(pk_heap *heap) { return pki_space_check(&heap->space); }

size_t pk_heap_audit(pk_heap *heap, char *text, size_t text_size)
{
    size_t broken = pki_space_audit(&heap->space, text, text_size);
    return broken + pki_checked_audit(heap, broken == 0 ? text : NULL, text_size);
}
