/* SPDX-License-Identifier: MIT
 * size_class.c: the tables of size_class.h, made by the compiler. tests/unit/size_class_test.c
 * compares them with the definition for every size. */
#include "heap/size_class.h"

static_assert((int)PKI_CLASSES <= (int)PKI_BINS_MAX, "an owner has a bin for each class");

#define EIGHT(first, step)                                                                         \
    PKI_CLASS((first)), PKI_CLASS((first) + (step)), PKI_CLASS((first) + 2 * (step)),              \
        PKI_CLASS((first) + 3 * (step)), PKI_CLASS((first) + 4 * (step)),                          \
        PKI_CLASS((first) + 5 * (step)), PKI_CLASS((first) + 6 * (step)),                          \
        PKI_CLASS((first) + 7 * (step))

static const pki_class heap_classes[PKI_CLASSES] = {
    EIGHT(16, 16),    EIGHT(144, 16),   EIGHT(272, 16),   EIGHT(400, 16),   EIGHT(544, 32),
    EIGHT(800, 32),   PKI_CLASS(1040),  PKI_CLASS(1104),  PKI_CLASS(1168),  PKI_CLASS(1232),
    PKI_CLASS(1296),  PKI_CLASS(1360),  PKI_CLASS(1424),  PKI_CLASS(1520),  PKI_CLASS(1584),
    PKI_CLASS(1680),  PKI_CLASS(1760),  PKI_CLASS(1872),  PKI_CLASS(1984),  PKI_CLASS(2048),
    PKI_CLASS(2112),  PKI_CLASS(2176),  PKI_CLASS(2256),  PKI_CLASS(2336),  PKI_CLASS(2416),
    PKI_CLASS(2512),  PKI_CLASS(2608),  PKI_CLASS(2720),  PKI_CLASS(2848),  PKI_CLASS(2976),
    PKI_CLASS(3120),  PKI_CLASS(3264),  PKI_CLASS(3440),  PKI_CLASS(3632),  PKI_CLASS(3840),
    PKI_CLASS(4096),  PKI_CLASS(4368),  PKI_CLASS(4672),  PKI_CLASS(5040),  PKI_CLASS(5456),
    PKI_CLASS(5952),  PKI_CLASS(6544),  PKI_CLASS(7280),  PKI_CLASS(8192),  PKI_CLASS(9360),
    PKI_CLASS(10240), PKI_CLASS(10912), PKI_CLASS(12288), PKI_CLASS(13104), PKI_CLASS(14848),
    PKI_CLASS(16384), PKI_CLASS(18432), PKI_CLASS(20992), PKI_CLASS(21840), PKI_CLASS(24576),
    PKI_CLASS(27648), PKI_CLASS(31232), PKI_CLASS(32768),
};

const pki_geometry pki_heap_geometry = {heap_classes, PKI_CLASSES};

/* Rows of 8 × 16 bytes. */
#define AT(class_number) ((class_number)*16)
const uint16_t pki_small_offset[PKI_SMALL_MAX / 16 + 1] = {
    AT(0), /* 0 */
    AT(0),  AT(1),  AT(2),  AT(3),  AT(4),  AT(5),  AT(6),  AT(7),  AT(8),  AT(9),  AT(10),
    AT(11), AT(12), AT(13), AT(14), AT(15), AT(16), AT(17), AT(18), AT(19), AT(20), AT(21),
    AT(22), AT(23), AT(24), AT(25), AT(26), AT(27), AT(28), AT(29), AT(30), AT(31), AT(32),
    AT(32), AT(33), AT(33), AT(34), AT(34), AT(35), AT(35), AT(36), AT(36), AT(37), AT(37),
    AT(38), AT(38), AT(39), AT(39), AT(40), AT(40), AT(41), AT(41), AT(42), AT(42), AT(43),
    AT(43), AT(44), AT(44), AT(45), AT(45), AT(46), AT(46), AT(47), AT(47),
};

/* The first class that can hold a size of the range: 16 ranges per doubling from 1 KiB on. The class
 * sought is this one or one of the two behind it. */
static const uint8_t first_class[80] = {
    48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 57, 58, 59, 59, 60, 61, 62, 64, 65, 67,
    68, 69, 70, 71, 72, 73, 74, 75, 75, 76, 77, 77, 78, 78, 79, 80, 81, 81, 82, 82,
    83, 83, 84, 84, 84, 85, 85, 85, 86, 86, 86, 87, 88, 88, 89, 89, 90, 90, 91, 91,
    91, 92, 92, 92, 93, 93, 94, 94, 94, 95, 96, 96, 97, 97, 97, 98, 98, 98, 98, 99,
};

unsigned pki_class_of(size_t n)
{
    if (n <= PKI_SMALL_MAX) {
        return pki_small_offset[(n + 15) / 16] / 16u;
    }
    unsigned doubling = pki_log2_floor(n - 1); /* 10 for 1025..2048 */
    unsigned cls = first_class[(doubling - 11) * 16 + (unsigned)((n - 1) >> (doubling - 4))];
    while (pki_class_size(cls) < n) {
        cls++;
    }
    return cls;
}

unsigned pki_class_of_aligned(size_t n, size_t align)
{
    unsigned cls = pki_class_of(n);
    while (cls < PKI_CLASSES && (pki_class_size(cls) & (align - 1)) != 0) {
        cls++;
    }
    return cls;
}
