/* SPDX-License-Identifier: MIT
 * text.c: see text.h. */
#include "base/text.h"

static void text_char(pki_text *text, char c)
{
    if (text->at < text->end) {
        *text->at++ = c;
        *text->at = '\0';
    }
}

static void text_digits(pki_text *text, uint64_t n, unsigned base)
{
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n != 0);
    while (count > 0) {
        text_char(text, digits[--count]);
    }
}

pki_text pki_text_begin(char *buffer, size_t size)
{
    buffer[0] = '\0';
    return (pki_text){buffer, buffer + size - 1};
}

void pki_text_string(pki_text *text, const char *s)
{
    while (*s != '\0') {
        text_char(text, *s++);
    }
}

void pki_text_number(pki_text *text, uint64_t n) { text_digits(text, n, 10); }

void pki_text_address(pki_text *text, const void *p)
{
    pki_text_string(text, "0x");
    text_digits(text, (uintptr_t)p, 16);
}
