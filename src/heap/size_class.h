/* SPDX-License-Identifier: MIT
 * size_class.h: the sizes of a heap's blocks, 68 classes to 32 KiB. Above 128 bytes, at most 12.5 %
 * of a block is waste.
 *
 *   class    0   1 …   7 |   8   9 …  15 |  16 …  23 |  24 …   31 |   32 …    67
 *   size    16  32 … 128 | 144 160 … 256 | 288 … 512 | 576 … 1024 | 1040 … 32768
 *            step 16     |    step 16    |  step 32  |  step 64   | 64 KiB / k
 *
 * To 1 KiB there are 8 steps per doubling. Above it, what counts is how many blocks a slab of 64 KiB
 * holds: a size is the largest that lets k of them in, so that no slab has an end too small for a
 * block (with 8 even steps a slab of 4,608-byte blocks lost 1.6 %, one of 24 KiB blocks 25 %). The
 * powers of two are among them, for alignment, and so are 1040, 2112, 4368 and 9360: programs ask
 * for a power of two and a small header more often than for any other size of this range (sqlite's
 * 1,032 and 4,376 bytes took 10.4 % more than glibc's with even steps).
 *
 * Above 32 KiB, a run of slabs up to PKI_RUN_MAX, and a mapping of its own beyond. */
#ifndef PKI_HEAP_SIZE_CLASS_H
#define PKI_HEAP_SIZE_CLASS_H

#include "base/bits.h"
#include "slab/space.h"

enum {
    PKI_CLASSES = 68,
    PKI_SMALL_MAX = 1024,      /* found by the table below                               */
    PKI_CLASS_MAX = 32 * 1024, /* the largest class                                      */
    PKI_RUN_MAX = 1024 * 1024  /* three such runs fill a chunk to three quarters, and the rest
                                * takes smaller ones; larger ones would leave holes       */
};

extern const pki_geometry pki_heap_geometry;

/* For n up to PKI_SMALL_MAX: the class × 16, indexed by (n + 15) / 16. */
extern const uint16_t pki_small_offset[PKI_SMALL_MAX / 16 + 1];

static inline size_t pki_class_size(unsigned cls) { return pki_heap_geometry.classes[cls].size; }

/* The class for n bytes, n <= PKI_CLASS_MAX. */
unsigned pki_class_of(size_t n);


/* The first class from that for n on whose blocks all lie at multiples of `align` (which is at
 * most PKI_CLASS_MAX); PKI_CLASSES if there is none. */
unsigned pki_class_of_aligned(size_t n, size_t align);

#endif /* PKI_HEAP_SIZE_CLASS_H */
