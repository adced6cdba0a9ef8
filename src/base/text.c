/* SPDX-License-Identifier: MIT
 * text.c: see text.h. */
#include "base/text.h"

#include <stdbool.h>

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

void pki_text_spaces(pki_text *text, size_t n)
{
    while (n-- > 0) {
        text_char(text, ' ');
    }
}

static void text_tenths(pki_text *text, uint64_t tenths, const char *unit)
{
    text_digits(text, tenths / 10, 10);
    text_char(text, '.');
    text_digits(text, tenths % 10, 10);
    text_char(text, ' ');
    pki_text_string(text, unit);
}

/* `bytes` in tenths of 2^shift, rounded; shift in 10..60. */
static uint64_t tenths_of(uint64_t bytes, unsigned shift)
{
    uint64_t unit = UINT64_C(1) << shift;
    return (bytes >> shift) * 10 + ((bytes & (unit - 1)) * 10 + unit / 2) / unit;
}

void pki_text_size(pki_text *text, uint64_t bytes)
{
    static const char unit[][4] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        text_digits(text, bytes, 10);
        text_char(text, ' ');
        pki_text_string(text, unit[0]);
        return;
    }
    unsigned step = 1;
    while (step < 6 && tenths_of(bytes, 10 * step) >= 10240) {
        step++;
    }
    text_tenths(text, tenths_of(bytes, 10 * step), unit[step]);
}

void pki_text_percent(pki_text *text, uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        text_char(text, '-');
        return;
    }
    bool fits = part <= (UINT64_MAX - whole / 2) / 1000;
    uint64_t tenths = fits            ? (part * 1000 + whole / 2) / whole
                      : whole >= 1000 ? part / (whole / 1000)
                                      : UINT64_MAX;
    text_tenths(text, tenths, "%");
}
