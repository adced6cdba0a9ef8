/* SPDX-License-Identifier: MIT
 * watch_linux.c: see watch.h. AddressSanitizer is there if the program has its functions; Valgrind's
 * memcheck is asked by its client requests, which cost some instructions and do nothing elsewhere,
 * nor under Valgrind's other tools. */
#include "os/watch.h"

#include <stdatomic.h>

#include "base/attr.h"
#include "base/options.h"
#include "os/process.h"

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif

PKI_WEAK void __asan_poison_memory_region(void const volatile *p, size_t n);
PKI_WEAK void __asan_unpoison_memory_region(void const volatile *p, size_t n);

typedef enum { UNKNOWN, NONE, ASAN, VALGRIND } checker;

/* Relaxed: each thread that finds it unknown finds the same answer. */
static _Atomic int found;

/* Only memcheck answers with something else than 0. */
static bool on_memcheck(void)
{
#if defined(VALGRIND_MAKE_MEM_DEFINED)
    char probe = 0;
    return VALGRIND_MAKE_MEM_DEFINED(&probe, sizeof probe) != 0;
#else
    return false;
#endif
}

/* Read here and not with the other settings: a program that links little of the library has no
 * others. */
static bool take_checkers(void *arg, pki_span key, pki_span value)
{
    bool on;
    if (pki_span_is(key, "checkers") && pki_span_switch(value, &on)) {
        *(bool *)arg = on;
    }
    return true;
}

static bool is_wanted(void)
{
    bool wanted = true;
    const char *options = pki_os_environment("POOLKIT_OPTIONS");
    if (options != NULL) {
        pki_options_read(options, take_checkers, NULL, &wanted);
    }
    return wanted;
}

static checker find(void)
{
    checker c = __asan_poison_memory_region != NULL ? ASAN : on_memcheck() ? VALGRIND : NONE;
    c = c != NONE && is_wanted() ? c : NONE;
    atomic_store_explicit(&found, (int)c, memory_order_relaxed);
    return c;
}

static checker who(void)
{
    checker c = (checker)atomic_load_explicit(&found, memory_order_relaxed);
    return pki_likely(c != UNKNOWN) ? c : find();
}

bool pki_watched(void) { return who() != NONE; }

void pki_watch_hide(const void *p, size_t n)
{
    switch (who()) {
    case ASAN:
        __asan_poison_memory_region(p, n);
        break;
    case VALGRIND:
#if defined(VALGRIND_MAKE_MEM_NOACCESS)
        (void)VALGRIND_MAKE_MEM_NOACCESS(p, n);
#endif
        break;
    default:
        break;
    }
}

void pki_watch_show(const void *p, size_t n, bool defined)
{
    switch (who()) {
    case ASAN:
        __asan_unpoison_memory_region(p, n);
        break;
    case VALGRIND:
#if defined(VALGRIND_MAKE_MEM_DEFINED)
        if (defined) {
            (void)VALGRIND_MAKE_MEM_DEFINED(p, n);
        } else {
            (void)VALGRIND_MAKE_MEM_UNDEFINED(p, n);
        }
#endif
        break;
    default:
        break;
    }
    (void)defined;
}

void pki_watch_begin(const void *pool)
{
#if defined(VALGRIND_CREATE_MEMPOOL)
    if (who() == VALGRIND) {
        VALGRIND_CREATE_MEMPOOL(pool, 0, 0);
    }
#endif
    (void)pool;
}

void pki_watch_end(const void *pool)
{
#if defined(VALGRIND_DESTROY_MEMPOOL)
    if (who() == VALGRIND) {
        VALGRIND_DESTROY_MEMPOOL(pool);
    }
#endif
    (void)pool;
}

void pki_watch_alloc(const void *pool, const void *p, size_t n, bool defined)
{
#if defined(VALGRIND_MEMPOOL_ALLOC)
    if (who() == VALGRIND) {
        VALGRIND_MEMPOOL_ALLOC(pool, p, n);
    }
#endif
    (void)pool;
    pki_watch_show(p, n, defined);
}

void pki_watch_free(const void *pool, const void *p, size_t n)
{
#if defined(VALGRIND_MEMPOOL_FREE)
    if (who() == VALGRIND) {
        VALGRIND_MEMPOOL_FREE(pool, p);
    }
#endif
    (void)pool;
    pki_watch_hide(p, n);
}
