/* SPDX-License-Identifier: MIT
 * base64.h: bytes as text (RFC 4648), for JSON and HTML.
 */
#ifndef POOLKIT_TEXT_BASE64_H
#define POOLKIT_TEXT_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* An allocated text, NULL without memory. */
char *pki_base64(const unsigned char *bytes, size_t n);

/* The `n` bytes that a text in base64 stands for; false when it stands for something else. */
bool pki_base64_read(const char *text, unsigned char *bytes, size_t n);

#endif
