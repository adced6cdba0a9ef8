/* SPDX-License-Identifier: MIT
 * encode.h: text and data in the form in which HTML can hold them.
 */
#ifndef POOLKIT_REPORT_ENCODE_H
#define POOLKIT_REPORT_ENCODE_H

#include <stdbool.h>
#include <stdio.h>

/* `text` so that it is text wherever it stands in HTML, also inside quotes. */
void report_write_escaped(FILE *out, const char *text);

/* The page's data element: base64 of the bytes, packed with gzip where zlib is there. False when
 * there is no memory; whether all was written is asked of `out`. */
bool report_write_data(FILE *out, const char *bytes, size_t n);

#endif
