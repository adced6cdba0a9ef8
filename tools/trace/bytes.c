/* SPDX-License-Identifier: MIT
 * bytes.c: bytes that grow; the rarer ways of reading a number, and texts.
 */
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#include "format.h"

bool pki_bytes_reserve(struct pki_bytes *b, size_t more)
{
    if (b->at && more <= b->room - b->n) return true;
    if (more > SIZE_MAX / 4 - b->n) return false;
    size_t room = b->room < 256 ? 256 : b->room;
    while (room < b->n + more) room *= 2;
    uint8_t *grown = realloc(b->at, room);
    if (!grown) return false;
    b->at = grown;
    b->room = room;
    return true;
}

bool pki_bytes_add(struct pki_bytes *b, const void *from, size_t n)
{
    if (!pki_bytes_reserve(b, n)) return false;
    if (n) memcpy(b->at + b->n, from, n);
    b->n += n;
    return true;
}

bool pki_bytes_number(struct pki_bytes *b, uint64_t value)
{
    if (!pki_bytes_reserve(b, PKI_VARINT_MOST)) return false;
    b->n = (size_t)(pki_put_number(b->at + b->n, value) - b->at);
    return true;
}

bool pki_bytes_text(struct pki_bytes *b, const char *text)
{
    size_t n = text ? strnlen(text, TRACE_TEXT) : 0;
    if (!pki_bytes_reserve(b, n + 1)) return false;
    if (n) memcpy(b->at + b->n, text, n);
    b->at[b->n + n] = 0;
    b->n += n + 1;
    return true;
}

void pki_bytes_drop(struct pki_bytes *b)
{
    free(b->at);
    *b = (struct pki_bytes){0};
}

static uint64_t bad(struct pki_cursor *c)
{
    c->bad = true;
    c->at = c->end;
    return 0;
}

uint64_t pki_take_long(struct pki_cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && c->at < c->end; shift += 7) {
        uint8_t byte = *c->at++;
        if (shift == 63 && byte > 1) break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        /* One way to write each number: no 0 at the end of a longer one. */
        if (byte < 0x80) return byte || shift == 0 ? value : bad(c);
    }
    return bad(c);
}

const char *pki_take_text(struct pki_cursor *c)
{
    const uint8_t *end = c->at < c->end ? memchr(c->at, 0, (size_t)(c->end - c->at)) : NULL;
    if (!end) {
        bad(c);
        return "";
    }
    const char *text = (const char *)c->at;
    c->at = end + 1;
    return text;
}
