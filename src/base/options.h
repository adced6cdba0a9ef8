/* SPDX-License-Identifier: MIT
 * options.h: reads "key=value,key=value" as in POOLKIT_OPTIONS. */
#ifndef PKI_BASE_OPTIONS_H
#define PKI_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of the options' text; not ended by a NUL. */
typedef struct {
    const char *at;
    size_t size;
} pki_span;

/* Calls take(arg, key, value) for each option; one without '=' has an empty value. `take` says
 * false to one it cannot use; then complain(arg, option) is called with its whole text. */
void pki_options_read(const char *text, bool (*take)(void *arg, pki_span key, pki_span value),
                      void (*complain)(void *arg, pki_span option), void *arg);

bool pki_span_is(pki_span span, const char *word);

/* A decimal number of at most 9 digits. */
bool pki_span_number(pki_span span, uint32_t *out);

/* on, yes or 1; off, no or 0. */
bool pki_span_switch(pki_span span, bool *out);

#endif /* PKI_BASE_OPTIONS_H */
