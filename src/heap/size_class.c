/* SPDX-License-Identifier: MIT
 * size_class.c: the tables of size_class.h, made by the compiler. tests/unit/size_class_test.c
 * compares them with the definition for every size. */
#include "heap/size_class.h"

static_assert((int)PKI_CLASSES <= (int)PKI_BINS_MAX, "an owner has a bin for each class");

/* A stack starts with 31 blocks and grows to 1,023, or 64 KiB of blocks if that is less, but 7 at
 * least; a refill brings 16 KiB at most (docs/design/stacks.md has the measurements). One slot of
 * each stack holds the bottom's NULL: sizes with it are powers of two. */
#define CLAMP(x, low, high) ((x) < (low) ? (low) : (x) > (high) ? (high) : (x))
#define STACK_MAX(size) (CLAMP(65536 / (size), 8, 1024) - 1)
#define STACK_FIRST(size) CLAMP(STACK_MAX(size), 7, 31)
#define REFILL(size) CLAMP(16384 / (size), 1, 512)
#define CLASS(s)                                                              \
    {                                                                         \
        .size = (s), .reciprocal = (uint32_t)(((UINT64_C(1) << 32) + (s) - 1) / (s)), \
        .capacity = 65536 / (s), .refill = REFILL(s), .stack_first = STACK_FIRST(s),  \
        .stack_max = STACK_MAX(s)                                             \
    }
#define EIGHT(first, step)                                                    \
    CLASS((first)), CLASS((first) + (step)), CLASS((first) + 2 * (step)),     \
        CLASS((first) + 3 * (step)), CLASS((first) + 4 * (step)),             \
        CLASS((first) + 5 * (step)), CLASS((first) + 6 * (step)), CLASS((first) + 7 * (step))

static const pki_class heap_classes[PKI_CLASSES] = {
    EIGHT(16, 16),      EIGHT(144, 16),     EIGHT(288, 32),     EIGHT(576, 64),  EIGHT(1152, 128),
    EIGHT(2304, 256),   EIGHT(4608, 512),   EIGHT(9216, 1024),  EIGHT(18432, 2048),
};

const pki_geometry pki_heap_geometry = {heap_classes, PKI_CLASSES};

/* Rows of 8 × 16 bytes: each doubling beyond 256 halves the number of classes in a row. */
#define AT(class_number) ((class_number) * 16)
const uint16_t pki_small_offset[PKI_SMALL_MAX / 16 + 1] = {
    AT(0),                                                                  /* 0         */
    AT(0),  AT(1),  AT(2),  AT(3),  AT(4),  AT(5),  AT(6),  AT(7),          /* 16..128   */
    AT(8),  AT(9),  AT(10), AT(11), AT(12), AT(13), AT(14), AT(15),         /* 144..256  */
    AT(16), AT(16), AT(17), AT(17), AT(18), AT(18), AT(19), AT(19),         /* 272..384  */
    AT(20), AT(20), AT(21), AT(21), AT(22), AT(22), AT(23), AT(23),         /* 400..512  */
    AT(24), AT(24), AT(24), AT(24), AT(25), AT(25), AT(25), AT(25),         /* 528..640  */
    AT(26), AT(26), AT(26), AT(26), AT(27), AT(27), AT(27), AT(27),         /* 656..768  */
    AT(28), AT(28), AT(28), AT(28), AT(29), AT(29), AT(29), AT(29),         /* 784..896  */
    AT(30), AT(30), AT(30), AT(30), AT(31), AT(31), AT(31), AT(31),         /* 912..1024 */
};

unsigned pki_class_of_aligned(size_t n, size_t align)
{
    unsigned cls = pki_class_of(n);
    while (cls < PKI_CLASSES && (pki_class_size(cls) & (align - 1)) != 0) {
        cls++;
    }
    return cls;
}
