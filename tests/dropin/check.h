/* SPDX-License-Identifier: MIT */
/*
 * What every test of this folder shares: CHECK, skipping, a time limit, memory figures from /proc,
 * a small random generator and block patterns. Nothing here allocates, so a failing allocator
 * cannot hide a failure. Works in C11 and in C++17.
 *
 * A program passes by `return check_result();`: 0 = passed, 1 = failed. check_skip() exits with 77.
 */
#ifndef POOLKIT_TESTS_DROPIN_CHECK_H
#define POOLKIT_TESTS_DROPIN_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

/* Failures printed so far; after check_max_lines of them only the count goes on. */
static int check_failures;
enum { check_max_lines = 25, exit_skip = 77 };

static inline void check_say(const char *text)
{
    size_t n = strlen(text);
    while (n > 0) {
        ssize_t w = write(2, text, n);
        if (w <= 0) return;
        text += w;
        n -= (size_t)w;
    }
}

__attribute__((format(printf, 4, 5))) static inline void
check_fail(const char *file, int line, const char *cond, const char *fmt, ...)
{
    int saved = errno;
    if (__atomic_fetch_add(&check_failures, 1, __ATOMIC_RELAXED) < check_max_lines) {
        char text[600];
        const char *base = strrchr(file, '/');
        base = base ? base + 1 : file;
        int n = snprintf(text, sizeof text, "%s:%d: failed: %s", base, line, cond);
        if (n < 0 || n > 400) n = 400;
        va_list args;
        va_start(args, fmt);
        if (fmt[0]) {
            n += snprintf(text + n, sizeof text - (size_t)n, ": ");
            n += vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
        }
        va_end(args);
        if (n > (int)sizeof text - 2) n = (int)sizeof text - 2;
        text[n] = '\n';
        text[n + 1] = '\0';
        check_say(text);
    }
    errno = saved;
}

/* The condition must hold; if not, print it with file and line and go on. */
#define CHECK(cond) ((cond) ? (void)0 : check_fail(__FILE__, __LINE__, #cond, "%s", ""))
/* The same with a message that tells the values: CHECKF(p != NULL, "size %zu", n). */
#define CHECKF(cond, ...) ((cond) ? (void)0 : check_fail(__FILE__, __LINE__, #cond, __VA_ARGS__))
/* The same, but the test cannot go on without it. */
#define REQUIRE(cond) ((cond) ? (void)0 : (CHECK(cond), _exit(1)))

/* Call `fn(...)` = 0 or die: for set-up calls that are not under test. */
#define REQUIRE_OK(call)                                                                           \
    do {                                                                                           \
        int require_rc = (call);                                                                   \
        if (require_rc != 0) {                                                                     \
            check_fail(__FILE__, __LINE__, #call, "%s", strerror(require_rc));                     \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static inline int check_result(void)
{
    int n = __atomic_load_n(&check_failures, __ATOMIC_RELAXED);
    if (n > check_max_lines) {
        char text[80];
        snprintf(text, sizeof text, "... %d failures in all\n", n);
        check_say(text);
    }
    return n == 0 ? 0 : 1;
}

static inline void check_skip(const char *why)
{
    check_say("skipped: ");
    check_say(why);
    check_say("\n");
    _exit(exit_skip);
}

static inline void check_on_alarm(int sig)
{
    (void)sig;
    check_say("failed: time limit reached, the test hangs or crawls\n");
    _exit(1);
}

/* End the process as failed if it still runs after so many seconds. */
static inline void check_time_limit(unsigned seconds)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = check_on_alarm;
    sigaction(SIGALRM, &sa, NULL);
    alarm(seconds);
}

/* True where malloc is the C library's own: no drop-in is preloaded. */
static inline int check_plain_libc(void)
{
    Dl_info info;
    void *sym = dlsym(RTLD_DEFAULT, "malloc");
    if (sym == NULL || dladdr(sym, &info) == 0 || info.dli_fname == NULL) return 0;
    const char *base = strrchr(info.dli_fname, '/');
    base = base ? base + 1 : info.dli_fname;
    return strncmp(base, "libc.so", 7) == 0 || strncmp(base, "libc-", 5) == 0;
}

/* A figure of /proc/self/status in KiB, for example "VmRSS:" or "VmHWM:"; 0 if it cannot be had. */
static inline size_t check_status_kib(const char *key)
{
    char text[8192];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return 0;
    text[n] = '\0';
    const char *at = strstr(text, key);
    return at ? (size_t)strtoul(at + strlen(key), NULL, 10) : 0;
}

/* Hide a value from the optimiser and from its warnings about impossible sizes. */
static inline size_t opaque(size_t n)
{
    volatile size_t v = n;
    return v;
}

static inline void *opaque_ptr(void *p)
{
    void *volatile v = p;
    return v;
}

/* xorshift64*: the same numbers in every run. */
typedef struct {
    uint64_t state;
} check_rng;

static inline uint64_t rng_next(check_rng *r)
{
    uint64_t x = r->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    r->state = x;
    return x * UINT64_C(2685821657736338717);
}

/* A number in [0, n). */
static inline size_t rng_below(check_rng *r, size_t n) { return (size_t)((rng_next(r) >> 11) % n); }

/* A size in [1, 2^max_bits], small sizes as likely as large ones. */
static inline size_t rng_size(check_rng *r, unsigned max_bits)
{
    size_t bits = rng_below(r, max_bits + 1);
    return 1 + rng_below(r, (size_t)1 << bits);
}

/* Every byte of a block depends on the block's seed and on its place in the block. */
static inline unsigned char pattern_byte(uint64_t seed, size_t i)
{
    uint64_t x = (seed + i) * UINT64_C(0x9E3779B97F4A7C15);
    return (unsigned char)(x >> 56);
}

static inline void pattern_fill(void *block, size_t n, uint64_t seed)
{
    unsigned char *p = (unsigned char *)block;
    for (size_t i = 0; i < n; i++) p[i] = pattern_byte(seed, i);
}

/* The first byte that differs, or n. */
static inline size_t pattern_check(const void *block, size_t n, uint64_t seed)
{
    const unsigned char *p = (const unsigned char *)block;
    for (size_t i = 0; i < n; i++)
        if (p[i] != pattern_byte(seed, i)) return i;
    return n;
}

/* Only the first and last 64 bytes and one byte of each 512: for blocks too large to fill. */
static inline void sparse_fill(void *block, size_t n, uint64_t seed)
{
    unsigned char *p = (unsigned char *)block;
    for (size_t i = 0; i < n; i += (i < 64 || i + 64 >= n) ? 1 : 512 - (i & 511))
        p[i] = pattern_byte(seed, i);
    for (size_t i = n > 64 ? n - 64 : 0; i < n; i++) p[i] = pattern_byte(seed, i);
}

static inline size_t sparse_check(const void *block, size_t n, uint64_t seed)
{
    const unsigned char *p = (const unsigned char *)block;
    for (size_t i = 0; i < n; i += (i < 64 || i + 64 >= n) ? 1 : 512 - (i & 511))
        if (p[i] != pattern_byte(seed, i)) return i;
    for (size_t i = n > 64 ? n - 64 : 0; i < n; i++)
        if (p[i] != pattern_byte(seed, i)) return i;
    return n;
}

#endif
