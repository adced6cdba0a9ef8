/* SPDX-License-Identifier: MIT
 * fuzz_options.c: any text of POOLKIT_OPTIONS. Each option is taken or complained of, the settings stay
 * within their bounds, and what is understood alone is understood in a row. */
#include "base/options.h"
#include "expect.h"
#include "slab/settings.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const char *text;
    size_t size, taken, refused, bytes;
} reading;

static void is_inside(const reading *r, pki_span span)
{
    EXPECT_AT(span.at >= r->text && span.at + span.size <= r->text + r->size, span.size, r->size);
    EXPECT(memchr(span.at, ',', span.size) == NULL);
}

/* Refuses what begins with 'x'. */
static bool take(void *arg, pki_span key, pki_span value)
{
    reading *r = arg;
    uint32_t number;
    bool on;
    is_inside(r, key);
    is_inside(r, value);
    EXPECT(memchr(key.at, '=', key.size) == NULL);
    EXPECT(value.size == 0 || value.at == key.at + key.size + 1);
    if (pki_span_number(value, &number)) EXPECT_AT(number <= 999999999, number, value.size);
    (void)pki_span_switch(value, &on);
    r->taken++;
    return key.size == 0 || key.at[0] != 'x';
}

static void complain(void *arg, pki_span option)
{
    reading *r = arg;
    is_inside(r, option);
    EXPECT(option.size > 0 && option.at[0] == 'x');
    r->refused++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[512];
    if (size >= sizeof text) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    reading r = {.text = text, .size = strlen(text)};
    pki_options_read(text, take, complain, &r);
    EXPECT_AT(r.refused <= r.taken && r.taken <= r.size, r.taken, r.refused);
    pki_settings_struct before = pki_settings;
    pki_settings_read(text);
    EXPECT_AT(pki_settings.purge_ms <= 999999999, pki_settings.purge_ms, 0);
    pki_settings = before;
    return 0;
}
