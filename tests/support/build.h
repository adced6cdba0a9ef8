/* SPDX-License-Identifier: MIT
 * build.h: what kind of build and run this is, and how much work a test should do in it. */
#ifndef TEST_BUILD_H
#define TEST_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define TEST_ADDRESS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ADDRESS_SANITIZED 1
#endif
#endif
#ifndef TEST_ADDRESS_SANITIZED
#define TEST_ADDRESS_SANITIZED 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED 0
#endif

/* Under an emulator of another processor, as in `make arm64`. The process then has memory, and writes
 * last words, that are not the program's, and it cannot start itself. */
#ifndef TEST_EMULATED
#define TEST_EMULATED 0
#endif

#if defined(__OPTIMIZE__) && defined(NDEBUG)
#define TEST_OPTIMIZED 1
#else
#define TEST_OPTIMIZED 0
#endif

/* What a child counted is kept although it ends by _exit. */
#if defined(TEST_COVERAGE)
void __gcov_dump(void);
static inline void keep_counts(void) { __gcov_dump(); }
#else
static inline void keep_counts(void) {}
#endif

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* Valgrind preloads its own library into the program that it runs. */
static inline bool under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
}

/* Does the library tell a memory checker of its pools? Then blocks may be used to their exact size
 * only, have a gap behind them, and no inline path gives any. */
static inline bool pools_are_watched(void)
{
    const char *options = getenv("POOLKIT_OPTIONS");
    bool off = options && strstr(options, "checkers=off");
    return (TEST_ADDRESS_SANITIZED || under_valgrind()) && !off;
}

/* Memory figures of the process mean something only when nothing shadows its memory. */
static inline bool memory_is_measurable(void)
{
    return !TEST_SANITIZED && !TEST_EMULATED && !under_valgrind();
}

/* How many rounds to do where a release build does `n`. POOLKIT_SCALE=percent changes it. */
static inline size_t scaled(size_t n)
{
    const char *percent = getenv("POOLKIT_SCALE");
    if (percent) n = n / 100 * (size_t)strtoul(percent, NULL, 10);
    if (under_valgrind())
        n /= 200;
    else if (TEST_SANITIZED || TEST_EMULATED)
        n /= 20;
    else if (!TEST_OPTIMIZED)
        n /= 4;
    return n ? n : 1;
}

#endif /* TEST_BUILD_H */
