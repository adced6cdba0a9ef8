/* SPDX-License-Identifier: MIT
 * base64.c: see base64.h.
 */
#include "base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *pki_base64(const unsigned char *bytes, size_t n)
{
    char *text = malloc((n + 2) / 3 * 4 + 1), *end = text;
    for (size_t i = 0; text && i < n; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < n ? bytes[i + 2] : 0;
        *end++ = digits[three >> 18];
        *end++ = digits[three >> 12 & 63];
        *end++ = i + 1 < n ? digits[three >> 6 & 63] : '=';
        *end++ = i + 2 < n ? digits[three & 63] : '=';
    }
    if (text) {
        *end = '\0';
    }
    return text;
}

bool pki_base64_read(const char *text, unsigned char *bytes, size_t n)
{
    unsigned char value[256];
    memset(value, 0xff, sizeof value);
    for (unsigned char i = 0; i < 64; i++) {
        value[(unsigned char)digits[i]] = i;
    }
    size_t length = (n * 4 + 2) / 3, done = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char digit = value[(unsigned char)text[i]];
        if (digit > 63) {
            return false;
        }
        bits = bits << 6 | digit;
        if (i % 4 != 0) {
            bytes[done++] = (unsigned char)(bits >> (6 - i % 4 * 2));
        }
    }
    return text[length + strspn(text + length, "=")] == 0;
}
