/* SPDX-License-Identifier: MIT
 * heap_lifetime_test.c: create, destroy, the options, the process heap, and many heaps. */
#include "build.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "rss.h"
#include "runner.h"

#include <poolkit/heap.h>
#include <pthread.h>
#include <string.h>

static const size_t mixed[] = {1,     16,    100,      1000,      5000,    20000,
                               32768, 40000, 64 * KIB, 300 * KIB, 2 * MIB, 6 * MIB};
#define N_MIXED (sizeof mixed / sizeof *mixed)

static pk_heap *make(const pk_heap_opts *opts)
{
    pk_heap *one = NULL;
    EXPECT(pk_heap_create(&one, opts) == PK_OK);
    EXPECT(one != NULL);
    return one;
}

static void fill_mixed(pk_heap *one, size_t most)
{
    for (size_t i = 0; i < N_MIXED && mixed[i] <= most; i++) {
        for (int k = 0; k < 3; k++) {
            void *p = pk_heap_alloc(one, mixed[i]);
            EXPECT_AT(p != NULL, mixed[i], k);
            pattern_fill(p, mixed[i], i);
        }
    }
}

START_TEST(create_refuses_bad_arguments)
{
    pk_heap *out = (pk_heap *)&out;
    pk_heap_opts opts = {.size = sizeof opts + 1};
    ck_assert_int_eq(pk_heap_create(NULL, NULL), PK_EINVAL);
    ck_assert_int_eq(pk_heap_create(&out, &opts), PK_EINVAL);
    ck_assert_ptr_eq(out, (pk_heap *)&out);
    opts.size = UINT32_MAX;
    ck_assert_int_eq(pk_heap_create(&out, &opts), PK_EINVAL);
    ck_assert_int_eq(pk_heap_create(NULL, &opts), PK_EINVAL);
    ck_assert_ptr_eq(out, (pk_heap *)&out);
}
END_TEST

/* A caller who knows no member behind `name`: the limit behind it is not one. */
START_TEST(create_takes_an_older_callers_options)
{
    pk_heap_opts opts = {.size = offsetof(pk_heap_opts, limit), .name = "old", .limit = 1};
    pk_heap *one = make(&opts);
    pk_stats s = heap_figures(one);
    ck_assert_str_eq(s.name, "old");
    ck_assert_uint_eq(s.limit, 0);
    pk_heap_destroy(one);
}
END_TEST

START_TEST(create_takes_defaults)
{
    static const pk_heap_opts zero, sized = {.size = sizeof(pk_heap_opts)};
    const pk_heap_opts *const opts[] = {NULL, &zero, &sized};
    for (size_t i = 0; i < 3; i++) {
        pk_heap *one = make(opts[i]);
        pk_stats s = heap_figures(one);
        ck_assert_str_eq(s.name, "heap");
        ck_assert_uint_eq(s.limit, 0);
        ck_assert_uint_eq(s.n_live, 0);
        ck_assert_uint_eq(s.live, 0);
        heap_is_sound(one);
        pk_heap_destroy(one);
    }
}
END_TEST

START_TEST(create_copies_the_name)
{
    char name[64] = "sessions";
    pk_heap_opts opts = {.name = name};
    pk_heap *one = make(&opts);
    strcpy(name, "overwritten");
    ck_assert_str_eq(heap_figures(one).name, "sessions");
    pk_heap_destroy(one);
}
END_TEST

START_TEST(create_cuts_a_long_name)
{
    char name[101];
    memset(name, 'n', 100);
    name[100] = '\0';
    pk_heap_opts opts = {.size = sizeof opts, .name = name};
    pk_heap *one = make(&opts);
    ck_assert_uint_eq(strlen(heap_figures(one).name), 31);
    ck_assert_int_eq(strncmp(heap_figures(one).name, name, 31), 0);
    pk_heap_destroy(one);
    opts.name = "";
    one = make(&opts);
    ck_assert_str_eq(heap_figures(one).name, "");
    pk_heap_destroy(one);
}
END_TEST

START_TEST(destroy_null_does_nothing) { pk_heap_destroy(NULL); }
END_TEST

START_TEST(destroy_takes_live_blocks_with_it)
{
    pk_heap *other = make(NULL);
    void *kept = pk_heap_alloc(other, 100);
    pattern_fill(kept, 100, 5);
    for (int round = 0; round < 50; round++) {
        pk_heap *one = make(NULL);
        void *p = pk_heap_alloc(one, 64), *q = pk_heap_alloc(one, 5 * MIB);
        fill_mixed(one, SIZE_MAX);
        heap_is_sound(one);
        pk_heap_destroy(one);
        EXPECT(pk_heap_of(p) != one || pk_heap_usable(p) == 0);
        EXPECT(pk_heap_of(q) != one || pk_heap_usable(q) == 0);
    }
    ck_assert(pattern_holds(kept, 100, 100, 5));
    ck_assert_ptr_eq(pk_heap_of(kept), other);
    pk_heap_destroy(other);
}
END_TEST

static void *destroy_it(void *one)
{
    pk_heap_destroy(one);
    return NULL;
}

static void *fill_and_return(void *one)
{
    fill_mixed(one, SIZE_MAX);
    return one;
}

static void in_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, run, arg) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
}

START_TEST(destroy_from_another_thread)
{
    for (int round = 0; round < 50; round++) {
        pk_heap *one = make(NULL);
        fill_mixed(one, SIZE_MAX);
        if (round % 2) in_thread(fill_and_return, one);
        in_thread(destroy_it, one);
        fill_mixed(heap, 1000); /* this thread goes on in another heap */
    }
}
END_TEST

START_TEST(a_thousand_heaps_at_once)
{
    enum { N = 1000 };
    static pk_heap *all[N];
    static void *block[N];
    for (size_t i = 0; i < N; i++) {
        all[i] = make(NULL);
        block[i] = pk_heap_alloc(all[i], 100 + i);
        EXPECT_AT(block[i] != NULL, i, 0);
        pattern_fill(block[i], 100 + i, i);
    }
    for (size_t i = 0; i < N; i++) {
        EXPECT_AT(pk_heap_of(block[i]) == all[i], i, 0);
        EXPECT_AT(pattern_holds(block[i], 100 + i, 100 + i, i), i, 0);
        EXPECT_AT(heap_figures(all[i]).n_live == 1, i, 0);
        EXPECT(pk_heap_check(all[i]));
    }
    for (size_t i = 0; i < N; i++) pk_heap_destroy(all[(i * 7) % N]);
}
END_TEST

/* One heap's whole life, 10,000 times: nothing may stay behind, not even address space. */
START_TEST(ten_thousand_heaps_one_after_another)
{
    size_t rss = 0, vm = 0, rounds = scaled(10000);
    for (size_t i = 0; i < rounds; i++) {
        pk_heap *one = make(NULL);
        fill_mixed(one, i % 16 ? 40000 : 2 * MIB);
        if (i % 3 == 0) pk_heap_free(pk_heap_alloc(one, 123));
        pk_heap_destroy(one);
        if (i == rounds / 10) {
            rss = rss_now();
            vm = vm_now();
        }
    }
    if (!memory_is_measurable()) return;
    EXPECT_AT(rss_now() < rss + 4 * MIB, rss_now(), rss);
    EXPECT_AT(vm_now() < vm + 32 * MIB, vm_now(), vm);
}
END_TEST

START_TEST(process_heap_is_one_heap)
{
    pk_heap *process = pk_heap_process();
    ck_assert_ptr_nonnull(process);
    ck_assert_ptr_eq(process, pk_heap_process());
    ck_assert_ptr_ne(process, heap);
    void *p = pk_heap_alloc(process, 1000), *q = pk_heap_zalloc(process, 100000);
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_nonnull(q);
    ck_assert_ptr_eq(pk_heap_of(p), process);
    pk_stats s = heap_figures(process);
    ck_assert_uint_ge(s.n_live, 2);
    ck_assert_uint_eq(s.limit, 0);
    ck_assert_ptr_nonnull(s.name);
    pk_heap_free(p);
    pk_heap_free(q);
    ck_assert(pk_heap_check(process));
    pk_heap_trim(process, 0);
    heap_is_sound(process);
}
END_TEST

static void *get_process_heap(void *arg)
{
    (void)arg;
    return pk_heap_process();
}

START_TEST(process_heap_is_the_same_for_first_users_at_once)
{
    enum { N = 8 };
    pthread_t thread[N];
    void *got[N];
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(pthread_create(&thread[i], NULL, get_process_heap, NULL), 0);
    }
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(pthread_join(thread[i], &got[i]), 0);
        ck_assert_ptr_eq(got[i], pk_heap_process());
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_lifetime");
    ADD_CASE(suite, heap_case("create"), 30, create_refuses_bad_arguments,
             create_takes_an_older_callers_options, create_takes_defaults, create_copies_the_name,
             create_cuts_a_long_name);
    ADD_CASE(suite, heap_case("destroy"), 60, destroy_null_does_nothing,
             destroy_takes_live_blocks_with_it, destroy_from_another_thread,
             a_thousand_heaps_at_once, ten_thousand_heaps_one_after_another);
    ADD_CASE(suite, heap_case("process"), 30, process_heap_is_one_heap,
             process_heap_is_the_same_for_first_users_at_once);
    return suite;
}

TEST_MAIN(make_suite)
