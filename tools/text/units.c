/* SPDX-License-Identifier: MIT
 * units.c: figures as people read them.
 */
#include "units.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static void three_digits(char out[PKI_TEXT], double value, const char *unit)
{
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(out, PKI_TEXT, "%.*f%s", decimals, value, unit);
}

void pki_text_value(char out[PKI_TEXT], double value, pki_unit unit)
{
    static const char *const sizes[] = {" B", " KiB", " MiB", " GiB", " TiB"};
    static const char *const counts[] = {"", "k", "M", "G", "T"};
    static const char *const times[] = {" µs", " ms", " s"};
    size_t i = 0;
    switch (unit) {
    case PKI_SECONDS:
        for (value *= 1e6; value >= 999.5 && i < 2; i++) {
            value /= 1000;
        }
        three_digits(out, value, times[i]);
        break;
    case PKI_BYTES:
        for (; value >= 999.5 && i < 4; i++) {
            value /= 1024;
        }
        if (i == 0) {
            snprintf(out, PKI_TEXT, "%.0f B", value);
        } else {
            three_digits(out, value, sizes[i]);
        }
        break;
    case PKI_COUNT:
        if (value < 999.5) {
            snprintf(out, PKI_TEXT, "%.0f", value);
            break;
        }
        for (; value >= 999.5 && i < 4; i++) {
            value /= 1000;
        }
        three_digits(out, value, counts[i]);
        break;
    case PKI_PLAIN:
        three_digits(out, value, "");
        break;
    }
}

void pki_text_ratio(char out[PKI_TEXT], double ratio)
{
    int decimals = ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0;
    snprintf(out, PKI_TEXT, "%.*f×", decimals, ratio);
}

void pki_text_spread(char out[PKI_TEXT], double spread)
{
    double percent = spread * 100;
    snprintf(out, PKI_TEXT, percent < 0.5 ? "±<1%%" : "±%.0f%%", percent);
}

void pki_text_end(char out[PKI_TEXT], int code)
{
    const char *name = code > 128 ? sigabbrev_np(code - 128) : NULL;
    if (name) {
        snprintf(out, PKI_TEXT, "was killed by SIG%s", name);
    } else {
        snprintf(out, PKI_TEXT, "exited with %d", code);
    }
}

size_t pki_width(const char *text)
{
    size_t n = 0;
    for (; *text; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}
