/* SPDX-License-Identifier: MIT
 * string.h: all that poolkit may ask of a firmware's C library. The test compiles with this one alone,
 * so that a call of anything else is an error. */
#ifndef FREESTANDING_STRING_H
#define FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *p, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif /* FREESTANDING_STRING_H */
