/* SPDX-License-Identifier: MIT
 * sink.h: text of any length for a pk_write_fn. It goes out in pieces of a small buffer, so that it
 * needs no memory and `write` may be a system call. */
#ifndef PKI_BASE_SINK_H
#define PKI_BASE_SINK_H

#include <poolkit/stats.h>

typedef struct {
    pk_write_fn *write;
    void *arg;
    bool failed; /* `write` said false: it is not called again */
    size_t used;
    char piece[240];
} pki_sink;

void pki_sink_put(pki_sink *out, const char *text, size_t n);
void pki_sink_string(pki_sink *out, const char *s);
void pki_sink_number(pki_sink *out, uint64_t n);

/* In quotes; bytes that are not UTF-8 become U+FFFD, NULL becomes null. */
void pki_sink_json_string(pki_sink *out, const char *s);

/* Writes what is left. False: not all of the text was taken. */
bool pki_sink_flush(pki_sink *out);

/* How long the UTF-8 character at `s` is, 0 if there is none. */
size_t pki_utf8_length(const char *s);

#endif /* PKI_BASE_SINK_H */
