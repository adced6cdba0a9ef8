/* SPDX-License-Identifier: MIT
 * size_class.h: the sizes of a heap's blocks: 16-byte steps to 128, then 8 steps per doubling to
 * 32 KiB. A request of n > 128 bytes gets a block of at most n × 9/8 (rounded), so that at most
 * 1/9 of the block is waste.
 *
 *   class    0   1 …   7 |   8   9 …  15 |  16 … |  64 …    71
 *   size    16  32 … 128 | 144 160 … 256 | 288 … |   …   32768
 *
 * Above that, a run of slabs up to PKI_RUN_MAX, and a mapping of its own beyond. */
#ifndef PKI_HEAP_SIZE_CLASS_H
#define PKI_HEAP_SIZE_CLASS_H

#include "base/bits.h"
#include "slab/space.h"

enum {
    PKI_CLASSES = 72,
    PKI_SMALL_MAX = 1024,      /* found by the table below                               */
    PKI_CLASS_MAX = 32 * 1024, /* the largest class                                      */
    PKI_RUN_MAX = 1024 * 1024  /* three such runs fill a chunk to three quarters, and the rest
                                * takes smaller ones; larger ones would leave holes       */
};

extern const pki_geometry pki_heap_geometry;

/* For n up to PKI_SMALL_MAX: the class × 16, indexed by (n + 15) / 16. */
extern const uint16_t pki_small_offset[PKI_SMALL_MAX / 16 + 1];

/* The class for n bytes, n <= PKI_CLASS_MAX. */
static inline unsigned pki_class_of(size_t n)
{
    if (n <= 128) {
        return n == 0 ? 0 : (unsigned)((n - 1) / 16);
    }
    unsigned doubling = pki_log2_floor(n - 1); /* 7 for 129..256 */
    return (doubling - 7) * 8 + (unsigned)((n - 1) >> (doubling - 3));
}

static inline size_t pki_class_size(unsigned cls) { return pki_heap_geometry.classes[cls].size; }

/* The first class from that for n on whose blocks all lie at multiples of `align` (which is at
 * most PKI_CLASS_MAX); PKI_CLASSES if there is none. */
unsigned pki_class_of_aligned(size_t n, size_t align);

#endif /* PKI_HEAP_SIZE_CLASS_H */
