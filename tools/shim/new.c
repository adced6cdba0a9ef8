/* SPDX-License-Identifier: MIT
 * new.c: operator new and delete of the counting shim, in C under their mangled names.
 *
 * An allocator that brings its own operators is asked for them; libstdc++'s come down to malloc.
 * A throwing form first calls the next nothrow form, so that no exception passes while the depth
 * is raised, and only when that fails the next throwing form, which then throws by itself.
 * libstdc++'s nothrow forms come back to the throwing ones here: a raised depth tells.
 * Without any next operator (a C program that loads C++ privately) new is malloc.
 */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

typedef void *new_fn(size_t);
typedef void *new_nothrow_fn(size_t, const void *);
typedef void *new_aligned_fn(size_t, size_t);
typedef void *new_aligned_nothrow_fn(size_t, size_t, const void *);
typedef void delete_fn(void *);

/* Cached only when found: libstdc++ may come later. */
static void *find(void *_Atomic *cache, const char *name)
{
    void *found = *cache;
    if (!found) {
        pki_depth++;
        found = pki_next(name);
        pki_depth--;
        *cache = found;
    }
    return found;
}

#define FOUND(type, variable, name)                                                                \
    static void *_Atomic variable##_cache;                                                         \
    void *variable##_found = find(&variable##_cache, name);                                        \
    type *variable = NULL;                                                                         \
    memcpy(&variable, &variable##_found, sizeof variable)

/* std::nothrow is an empty object: any address will do. */
static const char nothrow_tag;

static void *report(void *block, size_t size)
{
    if (block && pki_depth == 0) {
        pki_ledger_alloc(block, size);
    }
    return block;
}

static void *new_or_die(void *block)
{
    if (!block) {
        abort();
    }
    return block;
}

#define NEW(suffix, plain, quiet)                                                                  \
    PKI_EXPORT void *pki_new##suffix(size_t size) __asm__(plain);                                  \
    PKI_EXPORT void *pki_new_quiet##suffix(size_t size, const void *tag) __asm__(quiet);           \
    void *pki_new_quiet##suffix(size_t size, const void *tag)                                      \
    {                                                                                              \
        FOUND(new_nothrow_fn, next, quiet);                                                        \
        if (!next) {                                                                               \
            return malloc(size ? size : 1);                                                        \
        }                                                                                          \
        pki_depth++;                                                                               \
        void *block = next(size, tag);                                                             \
        pki_depth--;                                                                               \
        return report(block, size);                                                                \
    }                                                                                              \
    void *pki_new##suffix(size_t size)                                                             \
    {                                                                                              \
        void *block = pki_depth ? NULL : pki_new_quiet##suffix(size, &nothrow_tag);                \
        if (block) {                                                                               \
            return block;                                                                          \
        }                                                                                          \
        FOUND(new_fn, next, plain);                                                                \
        return next ? next(size) : new_or_die(NULL);                                               \
    }

#define NEW_ALIGNED(suffix, plain, quiet)                                                          \
    PKI_EXPORT void *pki_new_aligned##suffix(size_t size, size_t align) __asm__(plain);            \
    PKI_EXPORT void *pki_new_aligned_quiet##suffix(size_t size, size_t align,                      \
                                                   const void *tag) __asm__(quiet);                \
    void *pki_new_aligned_quiet##suffix(size_t size, size_t align, const void *tag)                \
    {                                                                                              \
        FOUND(new_aligned_nothrow_fn, next, quiet);                                                \
        void *block = NULL;                                                                        \
        if (!next) {                                                                               \
            return posix_memalign(&block, align, size ? size : 1) ? NULL : block;                  \
        }                                                                                          \
        pki_depth++;                                                                               \
        block = next(size, align, tag);                                                            \
        pki_depth--;                                                                               \
        return report(block, size);                                                                \
    }                                                                                              \
    void *pki_new_aligned##suffix(size_t size, size_t align)                                       \
    {                                                                                              \
        void *block = pki_depth ? NULL : pki_new_aligned_quiet##suffix(size, align, &nothrow_tag); \
        if (block) {                                                                               \
            return block;                                                                          \
        }                                                                                          \
        FOUND(new_aligned_fn, next, plain);                                                        \
        return next ? next(size, align) : new_or_die(NULL);                                        \
    }

NEW(_one, "_Znwm", "_ZnwmRKSt9nothrow_t")
NEW(_array, "_Znam", "_ZnamRKSt9nothrow_t")
NEW_ALIGNED(_one, "_ZnwmSt11align_val_t", "_ZnwmSt11align_val_tRKSt9nothrow_t")
NEW_ALIGNED(_array, "_ZnamSt11align_val_t", "_ZnamSt11align_val_tRKSt9nothrow_t")

/* Every form of delete hands its first argument back; the size and alignment that some also get
 * are only hints, so the next plain form serves them all. */
static void delete_block(void *block, delete_fn *next)
{
    if (!next) {
        free(block);
        return;
    }
    if (block && pki_depth == 0) {
        pki_ledger_free(block);
    }
    pki_depth++;
    next(block);
    pki_depth--;
}

#define DELETE(suffix, forward, name)                                                              \
    PKI_EXPORT void pki_delete##suffix(void *block) __asm__(name);                                 \
    void pki_delete##suffix(void *block)                                                           \
    {                                                                                              \
        FOUND(delete_fn, next, forward);                                                           \
        delete_block(block, next);                                                                 \
    }

DELETE(_one, "_ZdlPv", "_ZdlPv")
DELETE(_one_sized, "_ZdlPv", "_ZdlPvm")
DELETE(_one_quiet, "_ZdlPv", "_ZdlPvRKSt9nothrow_t")
DELETE(_array, "_ZdaPv", "_ZdaPv")
DELETE(_array_sized, "_ZdaPv", "_ZdaPvm")
DELETE(_array_quiet, "_ZdaPv", "_ZdaPvRKSt9nothrow_t")
DELETE(_one_aligned, "_ZdlPvSt11align_val_t", "_ZdlPvSt11align_val_t")
DELETE(_one_aligned_sized, "_ZdlPvSt11align_val_t", "_ZdlPvmSt11align_val_t")
DELETE(_one_aligned_quiet, "_ZdlPvSt11align_val_t", "_ZdlPvSt11align_val_tRKSt9nothrow_t")
DELETE(_array_aligned, "_ZdaPvSt11align_val_t", "_ZdaPvSt11align_val_t")
DELETE(_array_aligned_sized, "_ZdaPvSt11align_val_t", "_ZdaPvmSt11align_val_t")
DELETE(_array_aligned_quiet, "_ZdaPvSt11align_val_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t")
