/* SPDX-License-Identifier: MIT
 * alloc.c: allocation beyond the hot path: first use of a heap by a thread, empty stacks, medium and
 * large sizes, alignment, zeroing, and what is tried before NULL is returned. */
#include <errno.h>
#include <string.h>

#include "heap/heap_internal.h"
#include "os/pages.h"
#include "slab/watched.h"

/* ---- the process heap, and the owner of threads that have none ---- */

static void *no_blocks[1];

#define NO_BIN                                                                                     \
    {                                                                                              \
        no_blocks + 1, 0, 0                                                                        \
    }
#define EIGHT_NO_BINS NO_BIN, NO_BIN, NO_BIN, NO_BIN, NO_BIN, NO_BIN, NO_BIN, NO_BIN

/* A key that matches no slab's word: neither of an owner's, whose id is in the upper half, nor of the
 * others, which xor to 0x7FB0 and more. */
enum { NOBODYS_KEY = 0x8000 };
static_assert(PKI_CLASSES * sizeof(pki_bin) <= (PKI_WORD_SPARE ^ NOBODYS_KEY),
              "no class of nobody's");

static struct {
    pki_owner owner;
    pki_bin bin[PKI_CLASSES];
} nobody = {.owner = {.key = NOBODYS_KEY},
            .bin = {EIGHT_NO_BINS, EIGHT_NO_BINS, EIGHT_NO_BINS, EIGHT_NO_BINS, EIGHT_NO_BINS,
                    EIGHT_NO_BINS, EIGHT_NO_BINS, EIGHT_NO_BINS, EIGHT_NO_BINS, EIGHT_NO_BINS,
                    EIGHT_NO_BINS, EIGHT_NO_BINS, NO_BIN, NO_BIN, NO_BIN, NO_BIN}};

static_assert(sizeof nobody.bin == PKI_CLASSES * sizeof(pki_bin), "a bin for each class");
static_assert(offsetof(__typeof__(nobody), bin) == sizeof(pki_owner), "bins follow the owner");

PKI_THREAD_LOCAL pki_owner *pki_me = &nobody.owner;

pk_heap pki_process_heap;

static void forget_me(pki_space *space)
{
    if (space == &pki_process_heap.space) {
        pki_me = &nobody.owner;
    }
}

/* The drop-in is watched as malloc, not as a pool in malloc's memory; a checked heap looks itself. */
void pki_heap_watch(pk_heap *heap)
{
    if (pki_heap_is_malloc == NULL && !heap->space.checked) {
        pki_space_watch(&heap->space, 0);
    }
}

/* Once, in the first thread that allocates: a second one would find the lock taken. */
static void init_process_heap(void)
{
    static pki_lock lock;
    static _Atomic bool ready; /* release pairs with acquire: the space is filled in */
    if (atomic_load_explicit(&ready, memory_order_acquire)) {
        return;
    }
    pki_lock_take(&lock);
    if (!atomic_load_explicit(&ready, memory_order_relaxed)) {
        pki_settings_load();
        pki_space_init(&pki_process_heap.space, &pki_heap_geometry, "process heap", SIZE_MAX);
        pki_checked_init(&pki_process_heap, pki_settings.mode);
        pki_space_register(&pki_process_heap.space);
        pki_heap_watch(&pki_process_heap);
        pki_thread_on_leave(forget_me);
        atomic_store_explicit(&ready, true, memory_order_release);
    }
    pki_lock_give(&lock);
}

pk_heap *pk_heap_process(void)
{
    init_process_heap();
    return &pki_process_heap;
}

static pki_owner *attach(pk_heap *heap)
{
    if (heap != &pki_process_heap) {
        return pki_thread_attach(&heap->space);
    }
    init_process_heap();
    pki_owner *owner = pki_thread_attach(&heap->space);
    if (owner != NULL) {
        pki_me = owner;
    }
    return owner;
}

pki_owner *pki_heap_owner(pk_heap *heap)
{
    pki_owner *owner = pki_thread_owner(&heap->space);
    return pki_likely(owner != NULL) ? owner : heap->space.checked ? NULL : attach(heap);
}

/* ---- one block ---- */

static void *alloc_run(pk_heap *heap, size_t n, bool *zero, pk_status *why)
{
    n += heap->space.guard;
    unsigned slabs = (unsigned)(pki_align_up(n, PKI_SLAB_SIZE) >> PKI_SLAB_SHIFT);
    return pki_space_take_run(&heap->space, slabs, pki_align_up(n, pki_os_page_size()), zero, why);
}

/* The thread has no owner here, or will never have one. */
static PKI_NOINLINE void *alloc_ownerless(pk_heap *heap, unsigned cls, size_t n, bool *zero,
                                          pk_status *why)
{
    if (!heap->space.checked) {
        return pki_space_alloc_direct(&heap->space, cls, zero, why);
    }
    size_t own_pages = pki_checked_sample(heap, n);
    return own_pages != 0 ? alloc_run(heap, own_pages, zero, why)
                          : pki_checked_take(heap, cls, why);
}

/* A block of the class, for n bytes. */
static void *alloc_class(pk_heap *heap, unsigned cls, size_t n, bool *zero, pk_status *why)
{
    pki_owner *owner = pki_heap_owner(heap);
    *zero = false;
    if (pki_unlikely(owner == NULL)) {
        return alloc_ownerless(heap, cls, n, zero, why);
    }
    void *p = pki_bin_pop(&pki_bins(owner)[cls]);
    if (p == NULL) {
        p = pki_owner_refill(owner, cls, why);
    }
    if (pki_class_size(cls) > PKI_SMALL_MAX) {
        *zero = pki_owner_pop_was_zero(owner, cls, p);
    }
    return p;
}

static void *alloc_request(pk_heap *heap, const pki_request *request, bool *zero, pk_status *why)
{
    if (heap == &pki_process_heap) {
        init_process_heap();
    }
    size_t n = pki_max(request->n, 1) + heap->space.gap, align = request->align;
    if (n <= PKI_CLASS_MAX && align <= PKI_CLASS_MAX) {
        unsigned cls =
            align <= PK_ALIGN ? pki_class_of(n) : pki_class_of_aligned(pki_max(n, align), align);
        if (cls < PKI_CLASSES) {
            return alloc_class(heap, cls, n, zero, why);
        }
    }
    pki_thread_tick(&heap->space);
    if (n + heap->space.guard <= PKI_RUN_MAX && align <= PKI_SLAB_SIZE) {
        return alloc_run(heap, n, zero, why);
    }
    return pki_space_take_large(&heap->space, n + heap->space.guard, align, zero, why);
}

/* ---- requests ---- */

static bool is_possible_request(const pki_request *request)
{
    bool addressable = request->n >> PKI_ADDRESS_BITS == 0;
    return addressable && request->align <= (size_t)PTRDIFF_MAX + 1 - request->n;
}

/* Before giving up: what this thread and the space hold back for later; then the user's callback,
 * as long as it says that it released something. */
static void *alloc_last_resort(pk_heap *heap, const pki_request *request, bool *zero, pk_status why)
{
    void *p = NULL;
    bool again = why != PK_EBUSY && !request->optional;
    while (p == NULL && again) {
        pk_heap_trim(heap, 0);
        p = alloc_request(heap, request, zero, &why);
        again = p == NULL && why != PK_EBUSY && heap->on_oom != NULL &&
                heap->on_oom(heap->oom_arg, request->n, why);
    }
    if (p == NULL) {
        errno = why == PK_EBUSY ? EDEADLK : ENOMEM;
    }
    return p;
}

PKI_NOINLINE void *pki_heap_alloc_slow(pk_heap *heap, pki_request request)
{
    if (pki_unlikely(!is_possible_request(&request))) {
        errno = ENOMEM;
        return NULL;
    }
    bool zero;
    pk_status why = PK_ENOMEM;
    void *p = alloc_request(heap, &request, &zero, &why);
    if (pki_unlikely(p == NULL)) {
        p = alloc_last_resort(heap, &request, &zero, why);
    }
    if (p != NULL && heap->space.checked) {
        pki_checked_dress(p, pki_max(request.n, 1), request.site);
    }
    if (p != NULL && request.zero && !zero) {
        memset(p, 0, request.n);
    }
    return p;
}

/* ---- public ---- */

PKI_INLINE void *alloc_plain(pk_heap *heap, size_t n)
{
    pki_owner *owner = pki_thread_owner(&heap->space);
    if (pki_likely(owner != NULL && n <= PKI_SMALL_MAX)) {
        void *p = pki_small_alloc(owner, n);
        if (pki_likely(p != NULL)) {
            return p;
        }
    }
    return pki_heap_alloc_slow(heap, (pki_request){n, PK_ALIGN, false, false, PKI_CALLER});
}

void *pk_heap_alloc(pk_heap *heap, size_t n) { return alloc_plain(heap, n); }

void *pk_heap_zalloc(pk_heap *heap, size_t n)
{
    return pki_heap_alloc_slow(heap, (pki_request){n, PK_ALIGN, true, false, PKI_CALLER});
}

void *pk_heap_alloc_aligned(pk_heap *heap, size_t n, size_t align)
{
    if (!pki_is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    align = pki_max(align, PK_ALIGN);
    pki_owner *owner = pki_thread_owner(&heap->space);
    void *p = pki_likely(owner != NULL) ? pki_small_alloc_aligned(owner, n, align) : NULL;
    return pki_likely(p != NULL)
               ? p
               : pki_heap_alloc_slow(heap, (pki_request){n, align, false, false, PKI_CALLER});
}

void *pk_heap_alloc_atleast(pk_heap *heap, size_t n, size_t *got)
{
    void *p = alloc_plain(heap, n);
    if (got != NULL && p != NULL) {
        *got = pk_heap_usable(p);
    }
    return p;
}
