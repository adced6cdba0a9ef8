/* SPDX-License-Identifier: MIT
 * attr.h: the compiler's extensions under names of our own, so that no other file asks which
 * compiler it is. Every one may be empty without changing what a program does, but for
 * PKI_THREAD_LOCAL. */
#ifndef PKI_BASE_ATTR_H
#define PKI_BASE_ATTR_H

#include <stdatomic.h>
#include <stdint.h>

#if defined(__GNUC__)
#define pki_likely(x) __builtin_expect(!!(x), 1)
#define pki_unlikely(x) __builtin_expect(!!(x), 0)
#define PKI_COLD __attribute__((noinline, cold))
#define PKI_NOINLINE __attribute__((noinline))
/* unused: in the one-file form they stand in a source, where clang tells of those that nobody calls. */
#define PKI_INLINE static inline __attribute__((always_inline, unused))
#define PKI_CACHE_ALIGNED __attribute__((aligned(64)))
/* Where the calling function stands on the stack, which grows downwards; NULL: not known. */
#define PKI_FRAME __builtin_frame_address(0)
/* Where the function that this one stands in (inlined) returns to; NULL: not known. */
#define PKI_CALLER __builtin_return_address(0)
#define PKI_WEAK __attribute__((weak)) /* a function that the program may lack: then NULL */
#define PKI_CONSTRUCTOR __attribute__((constructor)) /* runs when the library is loaded */
#define PKI_DESTRUCTOR __attribute__((destructor))   /* runs at exit */
/* Initial-exec: one load finds the variable, without a call, in the drop-in and in a program that
 * links the shared library. It takes a few bytes of the static TLS block that libc keeps spare. */
#if !defined(PKI_THREAD_LOCAL) /* empty where there are no threads */
#define PKI_THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))
#endif
#else
#define pki_likely(x) (x)
#define pki_unlikely(x) (x)
#define PKI_COLD
#define PKI_NOINLINE
#define PKI_INLINE static inline
#define PKI_CACHE_ALIGNED
#define PKI_FRAME NULL
#define PKI_CALLER NULL
#define PKI_WEAK
#define PKI_CONSTRUCTOR
#define PKI_DESTRUCTOR
#define PKI_THREAD_LOCAL _Thread_local
#endif

/* The thread sanitizer forgets a thread in the last round of its key destructors: we must be done
 * one round earlier. */
#if defined(__SANITIZE_THREAD__)
#define PKI_LAST_DESTRUCTOR_ROUND 3
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PKI_LAST_DESTRUCTOR_ROUND 3
#endif
#endif
#if !defined(PKI_LAST_DESTRUCTOR_ROUND)
#define PKI_LAST_DESTRUCTOR_ROUND 4
#endif

/* 64 bits that threads share, read and written relaxed. Small machines, which would need a library for it,
 * run block pools only, which do not share them. */
#if defined(__GCC_ATOMIC_LLONG_LOCK_FREE) && __GCC_ATOMIC_LLONG_LOCK_FREE < 2
typedef uint64_t pki_shared64;
#define pki_load_relaxed(word) (*(word))
#define pki_store_relaxed(word, value) (*(word) = (value))
#else
typedef _Atomic uint64_t pki_shared64;
#define pki_load_relaxed(word) atomic_load_explicit((word), memory_order_relaxed)
#define pki_store_relaxed(word, value) atomic_store_explicit((word), (value), memory_order_relaxed)
#endif

#endif /* PKI_BASE_ATTR_H */
