/* SPDX-License-Identifier: MIT
 * opts.h: taking over an options struct whose first member is its `size`, as the caller was compiled. */
#ifndef PKI_BASE_OPTS_H
#define PKI_BASE_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Copies *from to *to, of which this library knows `known` bytes. A smaller one, of an older program, is
 * filled up with zeros; NULL is all zeros; size 0 counts as `known`. false: it is larger than what
 * this library knows, or has no room for its size. */
static inline bool pki_take_options(void *to, size_t known, const void *from)
{
    uint32_t size = 0;
    memset(to, 0, known);
    if (from == NULL) {
        return true;
    }
    memcpy(&size, from, sizeof size);
    size_t n = size == 0 ? known : size;
    if (n > known || n < sizeof size) {
        return false;
    }
    memcpy(to, from, n);
    return true;
}

#endif /* PKI_BASE_OPTS_H */
