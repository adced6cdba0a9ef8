/* SPDX-License-Identifier: MIT
 * pattern.h: fills blocks with bytes that tell which block they are of and where they stand in it,
 * and looks whether they are still there. Blocks above 4 KiB get 512 bytes at both ends and a word
 * in each 4 KiB between: a lost, moved or foreign page shows, and a test of 100 MiB stays quick. */
#ifndef TEST_PATTERN_H
#define TEST_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PATTERN_WHOLE ((size_t)4096) /* up to this size every byte counts */
#define PATTERN_EDGE ((size_t)512)

static inline uint64_t pattern_word(uint64_t tag, size_t at)
{
    return ((uint64_t)at + tag) * 0x9E3779B97F4A7C15u ^ tag;
}

/* Writes (or, if `check`, compares) bytes from .. to-1; `from` is a multiple of 8. */
static inline bool pattern_range(unsigned char *p, size_t from, size_t to, uint64_t tag, bool check)
{
    for (; from < to; from += 8) {
        uint64_t word = pattern_word(tag, from);
        size_t n = to - from < 8 ? to - from : 8;
        if (!check)
            memcpy(p + from, &word, n);
        else if (memcmp(p + from, &word, n) != 0)
            return false;
    }
    return true;
}

static inline size_t pattern_min(size_t a, size_t b) { return a < b ? a : b; }

/* All places of a block of `n` bytes that lie below `kept`. */
static inline bool pattern_apply(void *block, size_t n, size_t kept, uint64_t tag, bool check)
{
    unsigned char *p = block;
    if (n <= PATTERN_WHOLE) return pattern_range(p, 0, pattern_min(n, kept), tag, check);
    size_t tail = (n - PATTERN_EDGE) & ~(size_t)7;
    if (!pattern_range(p, 0, pattern_min(PATTERN_EDGE, kept), tag, check)) return false;
    for (size_t at = 4096; at < tail && at < kept; at += 4096) {
        if (!pattern_range(p, at, pattern_min(at + 8, kept), tag, check)) return false;
    }
    return tail >= kept || pattern_range(p, tail, pattern_min(n, kept), tag, check);
}

/* Fills a block of `n` bytes. */
static inline void pattern_fill(void *p, size_t n, uint64_t tag)
{
    (void)pattern_apply(p, n, n, tag, false);
}

/* True if a block that was filled with `n` bytes still has them, as far as byte `kept`. */
static inline bool pattern_holds(void *p, size_t n, size_t kept, uint64_t tag)
{
    return pattern_apply(p, n, kept, tag, true);
}

/* True if all of `n` bytes are 0. Above `whole` bytes only both ends and a line in each page. */
static inline bool pattern_zero(const void *block, size_t n, size_t whole)
{
    static const unsigned char zeros[4096];
    const unsigned char *p = block;
    if (n <= whole) {
        for (size_t at = 0; at < n; at += sizeof zeros) {
            if (memcmp(p + at, zeros, pattern_min(n - at, sizeof zeros)) != 0) return false;
        }
        return true;
    }
    for (size_t at = 0; at + 64 <= n; at += 4096) {
        if (memcmp(p + at, zeros, 64) != 0) return false;
    }
    return memcmp(p, zeros, 4096) == 0 && memcmp(p + n - 4096, zeros, 4096) == 0;
}

#endif /* TEST_PATTERN_H */
