/* SPDX-License-Identifier: MIT
 * options.c: see options.h. */
#include "base/options.h"

#include <string.h>

static pki_span until(const char *at, const char *stops)
{
    return (pki_span){at, strcspn(at, stops)};
}

void pki_options_read(const char *text, bool (*take)(void *arg, pki_span key, pki_span value),
                      void (*complain)(void *arg, pki_span option), void *arg)
{
    while (*text != '\0') {
        pki_span option = until(text, ",");
        pki_span key = until(text, "=,");
        pki_span value = {key.at + key.size, 0};
        if (key.size < option.size) {
            value.at++;
            value.size = option.size - key.size - 1;
        }
        if (option.size > 0 && !take(arg, key, value)) {
            complain(arg, option);
        }
        text += option.size;
        text += *text == ',';
    }
}

bool pki_span_is(pki_span span, const char *word)
{
    return strlen(word) == span.size && memcmp(span.at, word, span.size) == 0;
}

bool pki_span_number(pki_span span, uint32_t *out)
{
    uint32_t n = 0;
    for (size_t i = 0; i < span.size; i++) {
        if (span.at[i] < '0' || span.at[i] > '9') {
            return false;
        }
        n = n * 10 + (uint32_t)(span.at[i] - '0');
    }
    *out = n;
    return span.size > 0 && span.size <= 9;
}

bool pki_span_switch(pki_span span, bool *out)
{
    bool on = pki_span_is(span, "on") || pki_span_is(span, "yes") || pki_span_is(span, "1");
    bool off = pki_span_is(span, "off") || pki_span_is(span, "no") || pki_span_is(span, "0");
    *out = on;
    return on || off;
}
