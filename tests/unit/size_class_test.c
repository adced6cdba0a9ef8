/* SPDX-License-Identifier: MIT
 * size_class_test.c: the table of size classes against its definition, for every size. */
#include "heap/size_class.h"
#include "expect.h"
#include "runner.h"

static const pki_class *class_at(unsigned cls) { return &pki_heap_geometry.classes[cls]; }

static unsigned slow_class_of(size_t n)
{
    unsigned cls = 0;
    while (class_at(cls)->size < n) cls++;
    return cls;
}

START_TEST(sizes_ascend_by_16)
{
    ck_assert_uint_eq(pki_heap_geometry.n, PKI_CLASSES);
    ck_assert_uint_eq(class_at(0)->size, 16);
    ck_assert_uint_eq(class_at(PKI_CLASSES - 1)->size, PKI_CLASS_MAX);
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        EXPECT_AT(class_at(cls)->size % 16 == 0, cls, class_at(cls)->size);
        EXPECT_AT(pki_class_size(cls) == class_at(cls)->size, cls, 0);
        EXPECT_AT(cls == 0 || class_at(cls)->size > class_at(cls - 1)->size, cls, 0);
    }
    for (size_t power = 16; power <= PKI_CLASS_MAX; power *= 2) {
        EXPECT_AT(class_at(slow_class_of(power))->size == power, power, 0);
    }
}
END_TEST

START_TEST(smallest_class_that_fits)
{
    for (size_t n = 0; n <= PKI_CLASS_MAX; n++) {
        EXPECT_AT(pki_class_of(n) == slow_class_of(n), n, pki_class_of(n));
    }
}
END_TEST

START_TEST(table_is_the_function)
{
    for (size_t n = 0; n <= PKI_SMALL_MAX; n++) {
        EXPECT_AT(pki_small_offset[(n + 15) / 16] == 16 * slow_class_of(n), n, 0);
    }
}
END_TEST

/* At most 15 bytes are lost to 128, a ninth of the block to 6.5 KiB, and an eighth above. */
START_TEST(waste_is_bounded)
{
    for (size_t n = 1; n <= PKI_CLASS_MAX; n++) {
        size_t size = class_at(pki_class_of(n))->size;
        EXPECT_AT(size - n <= (n <= 128 ? 15 : size / (n <= 6544 ? 9 : 8)), n, size);
    }
}
END_TEST

/* What is left at the end of a slab holds no further block, and up to 8 KiB is below 3 % of it. Only 16
 * bytes use half of a slab's addresses, as it has no more bits. Sizes of which a slab holds few lose more addresses there, but never touch them. */
START_TEST(ends_of_slabs_are_small)
{
    EXPECT(class_at(0)->capacity == PKI_SLAB_BLOCKS);
    for (unsigned cls = 1; cls < PKI_CLASSES; cls++) {
        size_t size = class_at(cls)->size, used = class_at(cls)->capacity * size;
        EXPECT_AT(used <= PKI_SLAB_SIZE && PKI_SLAB_SIZE - used < size, cls, size);
        EXPECT_AT(size > 8192 || PKI_SLAB_SIZE - used <= PKI_SLAB_SIZE * 3 / 100, size, used);
        EXPECT_AT(PKI_SLAB_SIZE - used <= PKI_SLAB_SIZE / 4, size, used);
    }
}
END_TEST

START_TEST(geometry_is_consistent)
{
    for (unsigned cls = 0; cls < PKI_CLASSES; cls++) {
        const pki_class *c = class_at(cls);
        EXPECT_AT(c->capacity == pki_min(PKI_SLAB_SIZE / c->size, PKI_SLAB_BLOCKS), cls,
                  c->capacity);
        EXPECT_AT(c->reciprocal == pki_reciprocal(c->size), cls, c->reciprocal);
        EXPECT_AT(c->refill >= 1 && c->refill <= c->capacity, cls, c->refill);
        EXPECT_AT(c->refill == 1 || c->refill * c->size <= 16384, cls, c->refill);
        EXPECT_AT(c->stack_first >= 1 && c->stack_first <= c->stack_max, cls, c->stack_first);
        EXPECT_AT(pki_is_power_of_two((size_t)c->stack_first + 1) || c->size > 1024, cls, 0);
        EXPECT_AT(c->stack_max <= 1023, cls, c->stack_max);
        EXPECT_AT(c->stack_max <= 7 || c->stack_max * c->size <= 65536, cls, c->stack_max);
    }
}
END_TEST

START_TEST(classes_at_every_alignment)
{
    for (size_t align = 1; align <= PKI_CLASS_MAX; align *= 2) {
        unsigned want = 0;
        for (size_t n = 0; n <= PKI_CLASS_MAX; n++) {
            while (want < PKI_CLASSES && (class_at(want)->size < n || class_at(want)->size % align))
                want++;
            EXPECT_AT(pki_class_of_aligned(n, align) == want, n, align);
        }
        EXPECT_AT(want < PKI_CLASSES, align, want); /* 32 KiB serves every alignment */
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("size_class");
    ADD_CASE(suite, tcase_create("size_class"), 20, sizes_ascend_by_16, smallest_class_that_fits,
             table_is_the_function, waste_is_bounded, ends_of_slabs_are_small,
             geometry_is_consistent, classes_at_every_alignment);
    return suite;
}

TEST_MAIN(make_suite)
