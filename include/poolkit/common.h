/* SPDX-License-Identifier: MIT
 * common.h: what every poolkit header shares: export and checking attributes, the status codes,
 * the default alignment, the version.
 *
 * Rules that hold for the whole library, so that no function repeats them:
 *  - sizes are bytes; a parameter order is always object, pointer, size, alignment;
 *  - an allocation returns NULL with errno set (ENOMEM: no memory, limit reached or the size
 *    overflows; EINVAL: a bad argument); everything then is as it was before the call;
 *  - a function that prepares something returns a pk_status; PK_OK is 0;
 *  - a bug of the caller (double free, foreign pointer) is no return code: see fault.h;
 *  - an options struct may be NULL or zero-filled for the defaults; its first member `size` is
 *    sizeof the struct that the caller was compiled with, so that it can grow (0 counts as the
 *    size of this version);
 *  - every header can be included from C++.
 */
#ifndef POOLKIT_COMMON_H
#define POOLKIT_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PK_API __attribute__((visibility("default")))
/* The result is fresh memory of the size given by argument `size_arg`, and must be used. */
#define PK_ATTR_ALLOC(size_arg) __attribute__((malloc, alloc_size(size_arg), warn_unused_result))
/* The result may be `size_arg` bytes that some other pointer already names (realloc). */
#define PK_ATTR_REALLOC(size_arg) __attribute__((alloc_size(size_arg), warn_unused_result))
/* Argument `format_arg` is a printf format for those from `first_arg` on (0: a va_list). */
#define PK_ATTR_PRINTF(format_arg, first_arg) __attribute__((format(printf, format_arg, first_arg)))
#define PK_UNUSED __attribute__((unused))
#else
#define PK_API
#define PK_UNUSED
#define PK_ATTR_PRINTF(format_arg, first_arg)
#define PK_ATTR_ALLOC(size_arg)
#define PK_ATTR_REALLOC(size_arg)
#endif

/* PK_CAST is for what is compiled in the user's program, where a C++ compiler may warn of C's casts. */
#ifdef __cplusplus
#define PK_ALIGNOF(T) alignof(T)
#define PK_CAST(T, value) static_cast<T>(value)
extern "C" {
#else
#define PK_ALIGNOF(T) _Alignof(T)
#define PK_CAST(T, value) ((T)(value))
#endif

/* Every block of every pool starts at a multiple of this, as malloc's do on 64-bit systems. */
#define PK_ALIGN PK_CAST(size_t, 16)

typedef enum {
    PK_OK = 0,
    PK_ENOMEM = -1,  /* the page source has no more memory         */
    PK_ELIMIT = -2,  /* the byte limit set by the user is reached  */
    PK_EINVAL = -3,  /* an argument is out of its range            */
    PK_EBUSY = -4,   /* in use; nothing was done                   */
    PK_ENOTSUP = -5, /* this system or this pool cannot do that    */
    PK_ESYS = -6     /* the operating system refused; see errno    */
} pk_status;

/* A short English text for a status: "out of memory". Never NULL, also for unknown codes. */
PK_API const char *pk_status_text(pk_status status);

/* The library's version, "1.2.3". */
PK_API const char *pk_version(void);

/* Called when an allocation is about to fail. `need` is the size wanted, `why` PK_ENOMEM or
 * PK_ELIMIT. Return true after something was released: the allocation is tried once more, and
 * the callback is asked again as long as it says true. Return false to let it fail. It may free,
 * abort or longjmp; it must not allocate from the pool that calls it. A block pool refuses that
 * (EDEADLK). */
typedef bool pk_oom_fn(void *arg, size_t need, pk_status why);

#ifdef __cplusplus
}
#endif
#endif /* POOLKIT_COMMON_H */
