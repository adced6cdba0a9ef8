/* SPDX-License-Identifier: MIT
 * bytes.h: bytes that grow, the numbers of a trace file written into them, and read from them with
 * every bound checked.
 *
 * Numbers are LEB128: seven bits per byte, the lowest first, the top bit set in all but the last
 * byte; signed ones are folded first (0, -1, 1, -2 become 0, 1, 2, 3).
 */
#ifndef POOLKIT_TRACE_BYTES_H
#define POOLKIT_TRACE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PKI_VARINT_MOST 10 /* bytes of one number */

/* Starts as all 0. */
struct pki_bytes {
    uint8_t *at;
    size_t n, room;
};

/* What is still to be read. `bad` is set by the first read that found no value; it and all later
 * ones give 0 or "". */
struct pki_cursor {
    const uint8_t *at, *end;
    bool bad;
};

/* False, and nothing has changed, if there is no memory. After true `at` is never NULL. */
bool pki_bytes_reserve(struct pki_bytes *b, size_t more);
bool pki_bytes_add(struct pki_bytes *b, const void *from, size_t n);
bool pki_bytes_number(struct pki_bytes *b, uint64_t value);
/* The text and its 0, cut to TRACE_TEXT bytes; NULL is "". */
bool pki_bytes_text(struct pki_bytes *b, const char *text);
void pki_bytes_drop(struct pki_bytes *b);

uint64_t pki_take_long(struct pki_cursor *c);
/* Points into what is read. */
const char *pki_take_text(struct pki_cursor *c);

static inline uint64_t pki_take(struct pki_cursor *c)
{
    if (c->at < c->end && *c->at < 0x80) return *c->at++;
    return pki_take_long(c);
}

static inline uint64_t pki_fold(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t pki_unfold(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

/* `to` has room for PKI_VARINT_MOST bytes. */
static inline uint8_t *pki_put_number(uint8_t *to, uint64_t value)
{
    while (value >= 0x80) {
        *to++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *to++ = (uint8_t)value;
    return to;
}

static inline uint32_t pki_get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline void pki_put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> 8 * i);
}

#endif
