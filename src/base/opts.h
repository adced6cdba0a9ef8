/* SPDX-License-Identifier: MIT
 * opts.h: takes an options struct from a caller who may have been compiled with an older version of
 * it. Each such struct begins with a uint32_t `size`: how much of it the caller knows.
 *
 *   caller's    ┌ size ┬ members it knows ┐
 *   ours        └ size ┴ members it knows ┴ newer members: zero, their default ┘
 *
 * A member added later must make the struct larger: one that fits in what was padding would be read
 * from the padding of old callers. */
#ifndef PKI_BASE_OPTS_H
#define PKI_BASE_OPTS_H

#include <stdbool.h>
#include <stddef.h>

/* Fills the `known` bytes at `to` from `from`, of which as many are read as its size says, 0 meaning
 * `known`; the rest is zero. NULL: all is zero. false: the size is larger than `known`, or too small
 * to count itself; *to is as it was. */
bool pki_take_options(void *to, size_t known, const void *from);

#endif /* PKI_BASE_OPTS_H */
