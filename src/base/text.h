/* SPDX-License-Identifier: MIT
 * text.h: builds one line of text in a caller's buffer, without allocating and without stdio, so
 * that it can be used from inside malloc. Text that does not fit is cut; the line always ends
 * in a NUL. */
#ifndef PKI_BASE_TEXT_H
#define PKI_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *at;
    char *end; /* the last byte of the buffer, kept for the NUL */
} pki_text;

pki_text pki_text_begin(char *buffer, size_t size); /* size >= 1 */
void pki_text_string(pki_text *text, const char *s);
void pki_text_number(pki_text *text, uint64_t n);
void pki_text_address(pki_text *text, const void *p); /* 0x7f00... */
void pki_text_spaces(pki_text *text, size_t n);

/* A size for people, with its unit: 17 B, 1.0 KiB, 12.5 MiB, 16.0 EiB. */
void pki_text_size(pki_text *text, uint64_t bytes);

/* What part of `whole` it is, to a tenth: 12.5 %. Of nothing no part can be told: - */
void pki_text_percent(pki_text *text, uint64_t part, uint64_t whole);

#endif /* PKI_BASE_TEXT_H */
