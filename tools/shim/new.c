/* SPDX-License-Identifier: MIT
 * new.c: operator new and delete, in C under their mangled names.
 *
 * An allocator that brings its own operators is asked for them; libstdc++'s come down to malloc.
 * A throwing form first calls the next nothrow form, so that no exception passes while the depth
 * is raised, and only when that fails the next throwing form, which then throws by itself.
 * libstdc++'s nothrow forms come back to the throwing ones here: a raised depth tells.
 * Without any next operator (a C program that loads C++ privately) new is malloc.
 */
#include "interpose.h"

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

/* The two ways in: the frame is that of whichever operator the program called. */
static void *new_quiet(enum trace_op op, new_nothrow_fn *next, size_t size, const void *tag,
                       const uintptr_t *frame)
{
    pki_depth++;
    void *block = next(size, tag);
    pki_depth--;
    if (block && pki_depth == 0) {
        pki_hook_comes(op, block, size, 0, frame);
    }
    return block;
}

static void *new_aligned_quiet(enum trace_op op, new_aligned_nothrow_fn *next, size_t size,
                               size_t align, const void *tag, const uintptr_t *frame)
{
    pki_depth++;
    void *block = next(size, align, tag);
    pki_depth--;
    if (block && pki_depth == 0) {
        pki_hook_comes(op, block, size, align, frame);
    }
    return block;
}

static void *malloc_aligned(size_t size, size_t align)
{
    void *block = NULL;
    return posix_memalign(&block, align, size ? size : 1) ? NULL : block;
}

static void *new_or_die(void *block)
{
    if (!block) {
        abort();
    }
    return block;
}

#define NEW(suffix, op, plain, quiet)                                                              \
    PKI_EXPORT void *pki_new##suffix(size_t size) __asm__(plain);                                  \
    PKI_EXPORT void *pki_new_quiet##suffix(size_t size, const void *tag) __asm__(quiet);           \
    void *pki_new_quiet##suffix(size_t size, const void *tag)                                      \
    {                                                                                              \
        FOUND(new_nothrow_fn, next, quiet);                                                        \
        return next ? new_quiet(op, next, size, tag, PKI_FRAME) : malloc(size ? size : 1);         \
    }                                                                                              \
    void *pki_new##suffix(size_t size)                                                             \
    {                                                                                              \
        FOUND(new_nothrow_fn, next, quiet);                                                        \
        void *block = NULL;                                                                        \
        if (pki_depth == 0) {                                                                      \
            block = next ? new_quiet(op, next, size, &nothrow_tag, PKI_FRAME)                      \
                         : malloc(size ? size : 1);                                                \
        }                                                                                          \
        if (block) {                                                                               \
            return block;                                                                          \
        }                                                                                          \
        FOUND(new_fn, thrower, plain);                                                             \
        return thrower ? thrower(size) : new_or_die(NULL);                                         \
    }

#define NEW_ALIGNED(suffix, op, plain, quiet)                                                      \
    PKI_EXPORT void *pki_new_aligned##suffix(size_t size, size_t align) __asm__(plain);            \
    PKI_EXPORT void *pki_new_aligned_quiet##suffix(size_t size, size_t align,                      \
                                                   const void *tag) __asm__(quiet);                \
    void *pki_new_aligned_quiet##suffix(size_t size, size_t align, const void *tag)                \
    {                                                                                              \
        FOUND(new_aligned_nothrow_fn, next, quiet);                                                \
        return next ? new_aligned_quiet(op, next, size, align, tag, PKI_FRAME)                     \
                    : malloc_aligned(size, align);                                                 \
    }                                                                                              \
    void *pki_new_aligned##suffix(size_t size, size_t align)                                       \
    {                                                                                              \
        FOUND(new_aligned_nothrow_fn, next, quiet);                                                \
        void *block = NULL;                                                                        \
        if (pki_depth == 0) {                                                                      \
            block = next ? new_aligned_quiet(op, next, size, align, &nothrow_tag, PKI_FRAME)       \
                         : malloc_aligned(size, align);                                            \
        }                                                                                          \
        if (block) {                                                                               \
            return block;                                                                          \
        }                                                                                          \
        FOUND(new_aligned_fn, thrower, plain);                                                     \
        return thrower ? thrower(size, align) : new_or_die(NULL);                                  \
    }

NEW(_one, TRACE_NEW, "_Znwm", "_ZnwmRKSt9nothrow_t")
NEW(_array, TRACE_NEW_ARRAY, "_Znam", "_ZnamRKSt9nothrow_t")
NEW_ALIGNED(_one, TRACE_NEW_ALIGNED, "_ZnwmSt11align_val_t", "_ZnwmSt11align_val_tRKSt9nothrow_t")
NEW_ALIGNED(_array, TRACE_NEW_ARRAY_ALIGNED, "_ZnamSt11align_val_t",
            "_ZnamSt11align_val_tRKSt9nothrow_t")

/* Every form of delete hands its first argument back; the size and alignment that some also get
 * are only hints, so the next plain form serves them all. */
static void delete_block(enum trace_op op, void *block, size_t size, delete_fn *next,
                         const uintptr_t *frame)
{
    if (!next) {
        free(block);
        return;
    }
    if (block && pki_depth == 0) {
        pki_hook_goes(op, block, size, frame);
    }
    pki_depth++;
    next(block);
    pki_depth--;
}

#define DELETE(suffix, op, forward, name)                                                          \
    PKI_EXPORT void pki_delete##suffix(void *block) __asm__(name);                                 \
    void pki_delete##suffix(void *block)                                                           \
    {                                                                                              \
        FOUND(delete_fn, next, forward);                                                           \
        delete_block(op, block, 0, next, PKI_FRAME);                                               \
    }

#define DELETE_SIZED(suffix, op, forward, name)                                                    \
    PKI_EXPORT void pki_delete_sized##suffix(void *block, size_t size) __asm__(name);              \
    void pki_delete_sized##suffix(void *block, size_t size)                                        \
    {                                                                                              \
        FOUND(delete_fn, next, forward);                                                           \
        delete_block(op, block, size, next, PKI_FRAME);                                            \
    }

#define DELETES(suffix, op, forward, sized, quiet)                                                 \
    DELETE(suffix, op, forward, forward)                                                           \
    DELETE_SIZED(suffix, op, forward, sized)                                                       \
    DELETE(suffix##_quiet, op, forward, quiet)

DELETES(_one, TRACE_DELETE, "_ZdlPv", "_ZdlPvm", "_ZdlPvRKSt9nothrow_t")
DELETES(_array, TRACE_DELETE_ARRAY, "_ZdaPv", "_ZdaPvm", "_ZdaPvRKSt9nothrow_t")
DELETES(_one_aligned, TRACE_DELETE_ALIGNED, "_ZdlPvSt11align_val_t", "_ZdlPvmSt11align_val_t",
        "_ZdlPvSt11align_val_tRKSt9nothrow_t")
DELETES(_array_aligned, TRACE_DELETE_ARRAY_ALIGNED, "_ZdaPvSt11align_val_t",
        "_ZdaPvmSt11align_val_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t")
