/* SPDX-License-Identifier: MIT
 * settings.c: see settings.h. */
#include "slab/settings.h"

#include <string.h>

#include "base/attr.h"
#include "base/options.h"
#include "base/text.h"
#include "os/process.h"
#include "slab/fault.h"

pki_settings_struct pki_settings = {
    .purge_ms = 100, .background = true, .leaks = true, .names = true};

/* The value's place among the words, which end with NULL; -1: it is none of them. */
static int find_word(pki_span value, const char *const *words)
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
    int word = find_word(value, words);
    pki_settings.mode = word < 0 ? pki_settings.mode : (pki_mode)word;
    return word >= 0;
}

static bool take_faults(pki_span value)
{
    static const char *const words[] = {"abort", "report", "trap", NULL};
    int word = find_word(value, words);
    pki_fault_policy = word < 0 ? pki_fault_policy : (pki_faults)word;
    return word >= 0;
}

static bool take_switch(bool *target, pki_span value)
{
    bool on, valid = pki_span_switch(value, &on);
    *target = valid ? on : *target;
    return valid;
}

static bool take_purge(pki_span value)
{
    uint32_t ms;
    bool valid = pki_span_number(value, &ms);
    pki_settings.purge_ms = valid ? ms : pki_settings.purge_ms;
    return valid;
}

/* ---- stats ---- */

static bool take_moment(pki_span value)
{
    bool on;
    if (pki_span_is(value, "signal")) {
        pki_settings.stats = PKI_STATS_SIGNAL;
    } else if (pki_span_is(value, "exit")) {
        pki_settings.stats = PKI_STATS_EXIT;
    } else if (pki_span_switch(value, &on)) {
        pki_settings.stats = on ? PKI_STATS_EXIT : PKI_STATS_OFF;
    } else {
        return false;
    }
    return true;
}

static bool take_format(pki_span value)
{
    static const char *const words[] = {"text", "json", "prometheus", NULL}; /* as the enum */
    int word = find_word(value, words);
    pki_settings.stats_format = word < 0 ? pki_settings.stats_format : (pki_stats_format)word;
    return word >= 0;
}

static bool take_file(pki_span value)
{
    if (value.size == 0 || value.size >= PKI_STATS_FILE_SIZE) {
        return false;
    }
    memcpy(pki_settings.stats_file, value.at, value.size);
    pki_settings.stats_file[value.size] = '\0';
    return true;
}

/* ---- all ---- */

static bool take_setting(void *arg, pki_span key, pki_span value)
{
    (void)arg;
    bool ignored = false; /* os/watch.h looks by itself */
    return pki_span_is(key, "purge")          ? take_purge(value)
           : pki_span_is(key, "background")   ? take_switch(&pki_settings.background, value)
           : pki_span_is(key, "checkers")     ? take_switch(&ignored, value)
           : pki_span_is(key, "huge_pages")   ? take_switch(&pki_settings.huge_pages, value)
           : pki_span_is(key, "names")        ? take_switch(&pki_settings.names, value)
           : pki_span_is(key, "mode")         ? take_mode(value)
           : pki_span_is(key, "faults")       ? take_faults(value)
           : pki_span_is(key, "leaks")        ? take_switch(&pki_settings.leaks, value)
           : pki_span_is(key, "stats")        ? take_moment(value)
           : pki_span_is(key, "stats_format") ? take_format(value)
           : pki_span_is(key, "stats_file")   ? take_file(value)
                                              : false;
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
