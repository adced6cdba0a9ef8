/* SPDX-License-Identifier: MIT
 * cursor.h: reads the numbers of unwind tables, and never more bytes than there are.
 */
#ifndef POOLKIT_RECORDER_CURSOR_H
#define POOLKIT_RECORDER_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes still to be read; `bad` once somebody has asked for more than there are. */
struct cursor {
    const uint8_t *at, *end;
    bool bad;
};

static inline uint64_t take(struct cursor *c, size_t bytes)
{
    uint64_t value = 0;
    if (c->bad || (size_t)(c->end - c->at) < bytes) {
        c->bad = true;
        return 0;
    }
    memcpy(&value, c->at, bytes); /* little endian, as the whole file is for x86-64 */
    c->at += bytes;
    return value;
}

static inline uint64_t take_uleb(struct cursor *c)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = (uint8_t)take(c, 1);
        value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        shift += 7;
    } while (byte & 0x80 && !c->bad);
    return value;
}

static inline int64_t take_sleb(struct cursor *c)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = (uint8_t)take(c, 1);
        value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        shift += 7;
    } while (byte & 0x80 && !c->bad);
    if (byte & 0x40 && shift < 64) {
        value |= ~UINT64_C(0) << shift;
    }
    return (int64_t)value;
}

static inline void skip(struct cursor *c, uint64_t bytes)
{
    if (bytes > (size_t)(c->end - c->at)) {
        c->bad = true;
    } else {
        c->at += bytes;
    }
}

#endif
