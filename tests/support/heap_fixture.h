/* SPDX-License-Identifier: MIT
 * heap_fixture.h: a fresh heap for each test, and the proof after it that the heap is sound. */
#ifndef TEST_HEAP_FIXTURE_H
#define TEST_HEAP_FIXTURE_H

#include "expect.h"

#include <check.h>
#include <poolkit/heap.h>
#include <stdio.h>

static pk_heap *heap;

static inline void heap_is_sound(pk_heap *one)
{
    char text[256] = "";
    EXPECT(pk_heap_check(one));
    size_t broken = pk_heap_audit(one, text, sizeof text);
    if (broken != 0) fprintf(stderr, "audit: %zu broken, first: %s\n", broken, text);
    EXPECT_AT(broken == 0, broken, 0);
}

static inline pk_stats heap_figures(pk_heap *one)
{
    pk_stats s;
    pk_heap_stats(one, &s);
    EXPECT(s.size == sizeof s);
    EXPECT_AT(s.committed == s.live + s.free_in_chunks + s.untouched + s.overhead, s.committed,
              s.live);
    EXPECT_AT(s.committed <= s.committed_peak, s.committed, s.committed_peak);
    return s;
}

static inline void heap_setup(void)
{
    ck_assert_int_eq(pk_heap_create(&heap, NULL), PK_OK);
    ck_assert_ptr_nonnull(heap);
}

static inline void heap_teardown(void)
{
    heap_is_sound(heap);
    pk_heap_destroy(heap);
}

static inline TCase *heap_case(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, heap_setup, heap_teardown);
    return tcase;
}

#endif /* TEST_HEAP_FIXTURE_H */
