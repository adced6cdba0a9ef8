/* SPDX-License-Identifier: MIT
 * settings.c: see settings.h. */
#include "slab/settings.h"

#include <string.h>

#include "base/attr.h"
#include "base/options.h"
#include "base/text.h"
#include "os/process.h"

pki_settings_struct pki_settings = {.purge_ms = 100, .background = true};

static bool take(void *arg, pki_span key, pki_span value)
{
    (void)arg;
    if (pki_span_is(key, "purge")) {
        uint32_t ms;
        bool valid = pki_span_number(value, &ms);
        pki_settings.purge_ms = valid ? ms : pki_settings.purge_ms;
        return valid;
    }
    bool on;
    if (pki_span_is(key, "checkers")) {
        return pki_span_switch(value, &on); /* os/watch.h looks by itself */
    }
    bool *target = pki_span_is(key, "huge_pages")   ? &pki_settings.huge_pages
                   : pki_span_is(key, "background") ? &pki_settings.background
                   : pki_span_is(key, "stats")      ? &pki_settings.stats
                                                    : NULL;
    if (target == NULL || !pki_span_switch(value, &on)) {
        return false;
    }
    *target = on;
    return true;
}

static void complain(void *arg, pki_span option)
{
    (void)arg;
    char line[160], copy[64];
    size_t size = option.size < sizeof copy ? option.size : sizeof copy - 1;
    memcpy(copy, option.at, size);
    copy[size] = '\0';
    pki_text text = pki_text_begin(line, sizeof line);
    pki_text_string(&text, "poolkit: POOLKIT_OPTIONS: '");
    pki_text_string(&text, copy);
    pki_text_string(&text, "' is not understood; the default stays\n");
    pki_os_write_error(line, strlen(line));
}

void pki_settings_read(const char *text) { pki_options_read(text, take, complain, NULL); }

PKI_CONSTRUCTOR static void read_environment(void)
{
    const char *text = pki_os_environment("POOLKIT_OPTIONS");
    if (text != NULL) {
        pki_settings_read(text);
    }
}
