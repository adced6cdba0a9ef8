/* SPDX-License-Identifier: MIT
 * interpose.c: the malloc family, preloaded before an allocator: every call goes on to the next
 * library in the search order and is reported to the hooks.
 *
 * reallocarray and pvalloc are made of realloc and memalign here: an allocator that lacks them
 * would leave them to libc's heap, and a block would be freed where it was not allocated.
 */
#include "interpose.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Thread_local int pki_depth;

typedef struct calls {
    void *(*malloc)(size_t);
    void (*free)(void *);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*memalign)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*valloc)(size_t);
} calls;

enum { UNKNOWN, LOOKING, READY };

static calls next;
static _Atomic int state;

/* What the dynamic linker allocates while it looks the next allocator up. */
static _Alignas(16) char early[64 * 1024];
static _Atomic size_t early_used;

static bool is_early(const void *block)
{
    uintptr_t at = (uintptr_t)block, base = (uintptr_t)early;
    return at >= base && at < base + sizeof early;
}

static void *early_alloc(size_t size)
{
    size_t need = (size + 31) & ~(size_t)15; /* 16 in front for the size */
    size_t at = atomic_fetch_add(&early_used, need);
    if (size > sizeof early || at + need > sizeof early) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(early + at, &size, sizeof size);
    return early + at + 16;
}

void *pki_next(const char *name) { return dlsym(RTLD_NEXT, name); }

static void look(const char *name, void *slot)
{
    void *found = pki_next(name);
    memcpy(slot, &found, sizeof found);
}

static void find_next(void)
{
    look("free", &next.free);
    look("calloc", &next.calloc);
    look("realloc", &next.realloc);
    look("memalign", &next.memalign);
    look("posix_memalign", &next.posix_memalign);
    look("aligned_alloc", &next.aligned_alloc);
    look("valloc", &next.valloc);
    look("malloc", &next.malloc);
}

static bool make_ready(void)
{
    int expected = UNKNOWN;
    if (!atomic_compare_exchange_strong(&state, &expected, LOOKING)) {
        return expected == READY;
    }
    find_next();
    atomic_store(&state, READY);
    pki_hook_start();
    return true;
}

/* False while the next allocator is being looked up: then the early buffer has to do. */
static inline bool ready(void)
{
    return atomic_load_explicit(&state, memory_order_acquire) == READY || make_ready();
}

static inline void *reported(enum trace_op op, void *block, size_t size, size_t align,
                             const uintptr_t *frame)
{
    pki_depth--;
    if (block && pki_depth == 0) {
        pki_hook_comes(op, block, size, align, frame);
    }
    return block;
}

static inline void *allocate(size_t size, const uintptr_t *frame)
{
    if (!ready()) {
        return early_alloc(size);
    }
    pki_depth++;
    return reported(TRACE_MALLOC, next.malloc(size), size, 0, frame);
}

PKI_EXPORT void *malloc(size_t size) { return allocate(size, PKI_FRAME); }

PKI_EXPORT void *calloc(size_t n, size_t each)
{
    size_t size;
    if (__builtin_mul_overflow(n, each, &size)) {
        errno = ENOMEM;
        return NULL;
    }
    if (!ready()) {
        return early_alloc(size);
    }
    pki_depth++;
    return reported(TRACE_CALLOC, next.calloc(n, each), size, 0, PKI_FRAME);
}

PKI_EXPORT void free(void *block)
{
    if (!block || is_early(block)) {
        return;
    }
    ready();
    if (pki_depth == 0) {
        pki_hook_goes(TRACE_FREE, block, 0, PKI_FRAME);
    }
    pki_depth++;
    next.free(block);
    pki_depth--;
}

static void *realloc_early(void *block, size_t size, const uintptr_t *frame)
{
    size_t old;
    memcpy(&old, (char *)block - 16, sizeof old);
    void *fresh = allocate(size, frame);
    if (fresh) {
        memcpy(fresh, block, old < size ? old : size);
    }
    return fresh;
}

static void *reallocate(void *block, size_t size, const uintptr_t *frame)
{
    if (!block) {
        return allocate(size, frame);
    }
    if (is_early(block)) {
        return realloc_early(block, size, frame);
    }
    ready();
    if (pki_depth) {
        return next.realloc(block, size);
    }
    pki_moving moving = {.block = block, .size = size};
    pki_hook_moves(&moving, frame);
    pki_depth++;
    void *moved = next.realloc(block, size);
    pki_depth--;
    pki_hook_moved(&moving, moved, frame);
    return moved;
}

PKI_EXPORT void *realloc(void *block, size_t size) { return reallocate(block, size, PKI_FRAME); }

PKI_EXPORT void *reallocarray(void *block, size_t n, size_t each)
{
    size_t size;
    if (__builtin_mul_overflow(n, each, &size)) {
        errno = ENOMEM;
        return NULL;
    }
    return reallocate(block, size, PKI_FRAME);
}

PKI_EXPORT void *memalign(size_t align, size_t size)
{
    ready();
    pki_depth++;
    return reported(TRACE_ALIGNED, next.memalign(align, size), size, align, PKI_FRAME);
}

PKI_EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    ready();
    pki_depth++;
    int error = next.posix_memalign(out, align, size);
    reported(TRACE_ALIGNED, error ? NULL : *out, size, align, PKI_FRAME);
    return error;
}

PKI_EXPORT void *aligned_alloc(size_t align, size_t size)
{
    ready();
    pki_depth++;
    return reported(TRACE_ALIGNED, next.aligned_alloc(align, size), size, align, PKI_FRAME);
}

PKI_EXPORT void *valloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    ready();
    pki_depth++;
    return reported(TRACE_ALIGNED, next.valloc(size), size, page, PKI_FRAME);
}

PKI_EXPORT void *pvalloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size > SIZE_MAX - page) {
        errno = ENOMEM;
        return NULL;
    }
    ready();
    pki_depth++;
    void *block = next.memalign(page, (size + page - 1) / page * page);
    return reported(TRACE_ALIGNED, block, size, page, PKI_FRAME);
}
