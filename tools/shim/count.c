/* SPDX-License-Identifier: MIT
 * count.c: libpoolkit-count.so, preloaded before an allocator: every call goes on to the next
 * library in the search order and is reported to the ledger.
 *
 * reallocarray and pvalloc are made of realloc and memalign here: an allocator that lacks them
 * would leave them to libc's heap, and a block would be freed where it was not allocated.
 */
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* False while the next allocator is being looked up: then the early buffer has to do. */
static bool ready(void)
{
    if (atomic_load_explicit(&state, memory_order_acquire) == READY) {
        return true;
    }
    int expected = UNKNOWN;
    if (!atomic_compare_exchange_strong(&state, &expected, LOOKING)) {
        return expected == READY;
    }
    find_next();
    atomic_store(&state, READY);
    pki_ledger_start();
    return true;
}

static void *counted(void *block, size_t size)
{
    pki_depth--;
    if (pki_depth == 0) {
        pki_ledger_alloc(block, size);
    }
    return block;
}

PKI_EXPORT void *malloc(size_t size)
{
    if (!ready()) {
        return early_alloc(size);
    }
    pki_depth++;
    return counted(next.malloc(size), size);
}

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
    return counted(next.calloc(n, each), size);
}

PKI_EXPORT void free(void *block)
{
    if (!block || is_early(block)) {
        return;
    }
    ready();
    if (pki_depth == 0) {
        pki_ledger_free(block);
    }
    pki_depth++;
    next.free(block);
    pki_depth--;
}

static void *realloc_early(void *block, size_t size)
{
    size_t old;
    memcpy(&old, (char *)block - 16, sizeof old);
    void *fresh = malloc(size);
    if (fresh) {
        memcpy(fresh, block, old < size ? old : size);
    }
    return fresh;
}

PKI_EXPORT void *realloc(void *block, size_t size)
{
    if (!block) {
        return malloc(size);
    }
    if (is_early(block)) {
        return realloc_early(block, size);
    }
    ready();
    bool outer = pki_depth == 0, known = false;
    size_t old = outer ? pki_ledger_take(block, &known) : 0;
    pki_depth++;
    void *moved = next.realloc(block, size);
    pki_depth--;
    if (!outer) {
        return moved;
    }
    if (moved) {
        pki_ledger_moved(moved, size, old, known);
    } else if (known) {
        pki_ledger_put_back(block, old);
        if (size == 0) {
            pki_ledger_free(block);
        }
    }
    return moved;
}

PKI_EXPORT void *reallocarray(void *block, size_t n, size_t each)
{
    size_t size;
    if (__builtin_mul_overflow(n, each, &size)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, size);
}

PKI_EXPORT void *memalign(size_t align, size_t size)
{
    ready();
    pki_depth++;
    return counted(next.memalign(align, size), size);
}

PKI_EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    ready();
    pki_depth++;
    int error = next.posix_memalign(out, align, size);
    counted(error ? NULL : *out, size);
    return error;
}

PKI_EXPORT void *aligned_alloc(size_t align, size_t size)
{
    ready();
    pki_depth++;
    return counted(next.aligned_alloc(align, size), size);
}

PKI_EXPORT void *valloc(size_t size)
{
    ready();
    pki_depth++;
    return counted(next.valloc(size), size);
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
    return counted(next.memalign(page, (size + page - 1) / page * page), size);
}
