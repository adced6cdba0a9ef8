/* SPDX-License-Identifier: MIT
 * opts.c: see opts.h. */
#include "base/opts.h"

#include <stdint.h>
#include <string.h>

/* How many bytes of the struct may be read, more than `known` if it cannot be taken. */
static size_t size_given(const void *from, size_t known)
{
    uint32_t size;
    memcpy(&size, from, sizeof size);
    return size == 0 ? known : size < sizeof size ? SIZE_MAX : size;
}

bool pki_take_options(void *to, size_t known, const void *from)
{
    size_t given = from == NULL ? 0 : size_given(from, known);
    if (given > known) {
        return false;
    }
    if (given > 0) {
        memcpy(to, from, given);
    }
    memset((char *)to + given, 0, known - given);
    return true;
}
