/* SPDX-License-Identifier: MIT
 * sink.c: see sink.h. */
#include "base/sink.h"

#include <string.h>

#include "base/bits.h"
#include "base/text.h"

/* ---- pieces ---- */

bool pki_sink_flush(pki_sink *out)
{
    if (!out->failed && out->used > 0) {
        out->failed = !out->write(out->arg, out->piece, out->used);
    }
    out->used = 0;
    return !out->failed;
}

void pki_sink_put(pki_sink *out, const char *text, size_t n)
{
    while (n > 0) {
        size_t part = pki_min(n, sizeof out->piece - out->used);
        memcpy(out->piece + out->used, text, part);
        out->used += part;
        text += part;
        n -= part;
        if (out->used == sizeof out->piece) {
            pki_sink_flush(out);
        }
    }
}

void pki_sink_string(pki_sink *out, const char *s) { pki_sink_put(out, s, strlen(s)); }

void pki_sink_number(pki_sink *out, uint64_t n)
{
    char digits[24];
    pki_text text = pki_text_begin(digits, sizeof digits);
    pki_text_number(&text, n);
    pki_sink_string(out, digits);
}

/* ---- JSON ---- */

/* The second byte's range keeps out what could be written shorter, surrogates, and what lies beyond
 * U+10FFFF. */
size_t pki_utf8_length(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) {
        return 1;
    }
    if (u[0] < 0xC2 || u[0] > 0xF4) {
        return 0;
    }
    size_t length = u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    unsigned char least = u[0] == 0xE0 ? 0xA0 : u[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char most = u[0] == 0xED ? 0x9F : u[0] == 0xF4 ? 0x8F : 0xBF;
    if (u[1] < least || u[1] > most) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((u[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return length;
}

static void put_control(pki_sink *out, unsigned char c)
{
    static const char digit[] = "0123456789abcdef";
    const char escape[] = {'\\', 'u', '0', '0', digit[c >> 4], digit[c & 15]};
    pki_sink_put(out, escape, sizeof escape);
}

/* Puts the character at `s` and returns where the next one is. */
static const char *put_json_char(pki_sink *out, const char *s)
{
    size_t length = pki_utf8_length(s);
    if (length == 0) {
        pki_sink_string(out, "\\ufffd");
        return s + 1;
    }
    if ((unsigned char)*s < 0x20) {
        put_control(out, (unsigned char)*s);
        return s + 1;
    }
    if (*s == '"' || *s == '\\') {
        pki_sink_string(out, "\\");
    }
    pki_sink_put(out, s, length);
    return s + length;
}

void pki_sink_json_string(pki_sink *out, const char *s)
{
    if (s == NULL) {
        pki_sink_string(out, "null");
        return;
    }
    pki_sink_string(out, "\"");
    while (*s != '\0') {
        s = put_json_char(out, s);
    }
    pki_sink_string(out, "\"");
}
