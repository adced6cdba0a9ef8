/* SPDX-License-Identifier: MIT
 * size_class.h: the sizes of a heap's blocks, 100 classes to 32 KiB. Above 128 bytes at most 12.5 %
 * of a block is waste, between 128 bytes and 6.5 KiB at most 1/9, mostly 3 %.
 *
 *   class    0   1 …  31 |  32 …   47 |   48 …    99
 *   size    16  32 … 512 | 544 … 1024 | 1040 … 32768
 *            step 16     |  step 32   | 64 KiB / k
 *
 * Above 1 KiB, what counts is how many blocks a slab of 64 KiB holds: a size is the largest that
 * lets k of them in, so that no slab has an end too small for a block. The powers of two are among
 * them, for alignment, and so are 1040, 2112, 4368 and 9360: programs ask for a power of two and a
 * small header more often than for any other size of this range. docs/design/size-classes.md has
 * what was measured with fewer classes.
 *
 * A slab has bits for 2,048 blocks, so that those of 16 bytes use half of their addresses.
 *
 * Above 32 KiB, a run of slabs up to PKI_RUN_MAX, and a mapping of its own beyond. */
#ifndef PKI_HEAP_SIZE_CLASS_H
#define PKI_HEAP_SIZE_CLASS_H

#include "base/bits.h"
#include "slab/space.h"

enum {
    PKI_CLASSES = 100,
    PKI_SMALL_MAX = 1024 /* found by the table below */
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
