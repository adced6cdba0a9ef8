/* SPDX-License-Identifier: MIT
 * settings.c: see settings.h. */
#include "slab/settings.h"

#include <string.h>

#include "base/attr.h"
#include "base/options.h"
#include "base/text.h"
#include "os/process.h"
#include "slab/fault.h"

pki_settings_struct pki_settings = {.purge_ms = 100, .background = true, .leaks = true};

/* The value's place among the words, which end with NULL; -1: it is none of them. */
static int word_of(pki_span value, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (pki_span_is(value, words[i])) {
            return i;
        }
    }
    return -1;
}

static bool take_mode(pki_span value)
{
    static const char *const words[] = {"fast", "hardened", "debug", NULL};
    int word = word_of(value, words);
    pki_settings.mode = word < 0 ? pki_settings.mode : (pki_mode)word;
    return word >= 0;
}

static bool take_faults(pki_span value)
{
    static const char *const words[] = {"abort", "report", "trap", NULL};
    int word = word_of(value, words);
    pki_fault_policy = word < 0 ? pki_fault_policy : (pki_faults)word;
    return word >= 0;
}

static bool take_setting(void *arg, pki_span key, pki_span value)
{
    (void)arg;
    if (pki_span_is(key, "purge")) {
        uint32_t ms;
        bool valid = pki_span_number(value, &ms);
        pki_settings.purge_ms = valid ? ms : pki_settings.purge_ms;
        return valid;
    }
    if (pki_span_is(key, "mode")) {
        return take_mode(value);
    }
    if (pki_span_is(key, "faults")) {
        return take_faults(value);
    }
    bool on;
    if (pki_span_is(key, "checkers")) {
        return pki_span_switch(value, &on); /* os/watch.h looks by itself */
    }
    bool *target = pki_span_is(key, "huge_pages")   ? &pki_settings.huge_pages
                   : pki_span_is(key, "background") ? &pki_settings.background
                   : pki_span_is(key, "stats")      ? &pki_settings.stats
                   : pki_span_is(key, "leaks")      ? &pki_settings.leaks
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

void pki_settings_read(const char *text) { pki_options_read(text, take_setting, complain, NULL); }

/* Before there is a second thread: when the library is loaded, or in the first call of malloc. */
PKI_CONSTRUCTOR void pki_settings_load(void)
{
    static bool loaded;
    const char *text = loaded ? NULL : pki_os_environment("POOLKIT_OPTIONS");
    loaded = true;
    if (text != NULL) {
        pki_settings_read(text);
    }
}
