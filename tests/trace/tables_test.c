/* SPDX-License-Identifier: MIT
 * tables_test.c: what stands beside the events: stacks, threads, modules, samples, gaps, names. */
#include "runner.h"
#include "trace_fixture.h"

START_TEST(test_info_comes_back)
{
    test_close(test_create());
    struct trace *t = test_open();
    const struct trace_info *info = trace_info(t);
    ck_assert_str_eq(info->command, "make all");
    ck_assert_str_eq(info->program, "/usr/bin/make");
    ck_assert_str_eq(info->host, "Linux");
    ck_assert_str_eq(info->allocator, "glibc 2.36");
    ck_assert_str_eq(info->stacks, "cfi");
    ck_assert_int_eq(info->pid, 4711);
    ck_assert_int_eq(info->parent, 1);
    ck_assert_int_eq(info->wall, 1700000000);
    ck_assert_uint_eq(info->base_anonymous, 123456);
    ck_assert(info->forked && trace_whole(t));
    ck_assert_uint_eq(trace_events(t) + trace_stacks(t) + trace_threads(t) + trace_modules(t), 0);
    trace_end(t);
}
END_TEST

START_TEST(test_no_info)
{
    struct trace_info none = {.pid = -1, .parent = INT64_MIN, .wall = INT64_MAX};
    test_close(trace_create(test_path, &none, test_why));
    struct trace *t = test_open();
    ck_assert_str_eq(trace_info(t)->command, "");
    ck_assert_int_eq(trace_info(t)->pid, -1);
    ck_assert(trace_info(t)->parent == INT64_MIN && trace_info(t)->wall == INT64_MAX);
    ck_assert(!trace_info(t)->forked);
    trace_end(t);
}
END_TEST

static size_t stack_frames(uint32_t stack, uint64_t *frames)
{
    rng r = rng_make(stack / 3); /* three neighbours share their outer frames */
    size_t n = rng_below(&r, 30);
    for (size_t i = 0; i < n; i++) frames[n - 1 - i] = rng_next(&r) >> rng_below(&r, 40);
    if (n) frames[0] += stack;
    return n;
}

static void expect_stack(const struct trace *t, uint32_t stack)
{
    uint64_t expected[30];
    const uint64_t *frames;
    size_t n = stack_frames(stack, expected);
    EXPECT_AT(trace_stack(t, stack, &frames) == n, stack, n);
    EXPECT_AT(n == 0 || memcmp(frames, expected, n * sizeof *frames) == 0, stack, n);
}

/* Out of order, with holes, over several chunks (of 256 KiB). */
START_TEST(test_stacks)
{
    struct trace_writer *w = test_create();
    uint64_t frames[30];
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t stack = (i ^ 5) * 2 + 1;
        EXPECT_AT(trace_put_stack(w, stack, frames, stack_frames(stack, frames)), i, 0);
    }
    test_close(w);
    struct trace *t = test_open();
    const uint64_t *none;
    ck_assert_uint_eq(trace_stacks(t), 39999);
    for (uint32_t i = 0; i < 20000; i++) {
        expect_stack(t, i * 2 + 1);
        EXPECT_AT(trace_stack(t, i * 2, &none) == 0 && !none, i, 0);
    }
    ck_assert_uint_eq(trace_stack(t, UINT32_MAX, &none), 0);
    trace_end(t);
}
END_TEST

START_TEST(test_deep_stack_keeps_the_innermost)
{
    static uint64_t frames[3000];
    const uint64_t *kept;
    for (uint64_t i = 0; i < 3000; i++) frames[i] = i * i;
    struct trace_writer *w = test_create();
    ck_assert(trace_put_stack(w, 1, frames, 3000));
    ck_assert(trace_put_stack(w, 2, frames + 1, 2999));
    ck_assert(trace_put_stack(w, 3, frames, 0));
    ck_assert(trace_put_stack(w, 4, frames, 1));
    test_close(w);
    struct trace *t = test_open();
    ck_assert_uint_eq(trace_stack(t, 1, &kept), 1024);
    ck_assert_int_eq(memcmp(kept, frames, 1024 * sizeof *kept), 0);
    ck_assert_uint_eq(trace_stack(t, 2, &kept), 1024);
    ck_assert_int_eq(memcmp(kept, frames + 1, 1024 * sizeof *kept), 0);
    ck_assert_uint_eq(trace_stack(t, 3, &kept), 0);
    ck_assert_uint_eq(trace_stack(t, 4, &kept), 1);
    trace_end(t);
}
END_TEST

/* More than indices: all that come late share the last. */
START_TEST(test_threads)
{
    struct trace_writer *w = test_create();
    for (int i = 0; i < 65540; i++) {
        struct trace_thread thread = {.tid = 1000 + i};
        char name[32];
        snprintf(name, sizeof name, "worker %d", i);
        memcpy(thread.name, name, sizeof thread.name);
        EXPECT_AT(trace_put_thread(w, &thread) == (i < 65535 ? i : 65535), i, 0);
    }
    test_close(w);
    struct trace *t = test_open();
    ck_assert_uint_eq(trace_threads(t), 65536);
    ck_assert_str_eq(trace_thread(t, 65534)->name, "worker 65534");
    ck_assert_int_eq(trace_thread(t, 65534)->tid, 66534);
    ck_assert_str_eq(trace_thread(t, 65535)->name, "all others");
    trace_end(t);
}
END_TEST

START_TEST(test_thread_that_was_never_put)
{
    struct trace_writer *w = test_create();
    struct trace_thread full = {.tid = 7};
    memset(full.name, 'x', sizeof full.name); /* not ended by 0 */
    ck_assert_int_eq(trace_put_thread(w, &full), 0);
    ck_assert(trace_put(w, &(struct trace_event){.thread = 9, .address = 16}));
    test_close(w);
    struct trace *t = test_open();
    ck_assert_uint_eq(trace_threads(t), 10);
    ck_assert_str_eq(trace_thread(t, 0)->name, "xxxxxxxxxxxxxxx");
    ck_assert_int_eq(trace_thread(t, 9)->tid, 0);
    ck_assert_str_eq(trace_thread(t, 9)->name, "");
    trace_end(t);
}
END_TEST

START_TEST(test_samples_and_gaps)
{
    struct trace_writer *w = test_create();
    for (uint64_t i = 0; i < 1000; i++) {
        struct trace_sample s = {i * 1000, i << 20, i << 30, i, UINT64_MAX - i};
        EXPECT_AT(trace_put_sample(w, &s), i, 0);
        EXPECT_AT(trace_put_gap(w, i * 999, 3, i), i, 0);
    }
    test_close(w);
    struct trace *t = test_open();
    ck_assert_uint_eq(trace_samples(t), 1000);
    const struct trace_sample *s = trace_sample(t, 999);
    ck_assert(s->time == 999000 && s->anonymous == 999 << 20 && s->file == UINT64_C(999) << 30);
    ck_assert(s->shared == 999 && s->virtual_size == UINT64_MAX - 999);
    ck_assert_uint_eq(trace_dropped(t), 999 * 500);
    ck_assert_uint_eq(trace_duration(t), 999000);
    trace_end(t);
}
END_TEST

static void put_names(struct trace_writer *w)
{
    struct trace_module modules[] = {{0x1000, 0x1000, 0x9000, "/usr/lib/libold.so", "ab12"},
                                     {0x1000, 0x2000, 0x3000, "libnew.so", ""}};
    struct trace_frame inlined[] = {{"inner", "a.c", 12}, {"outer", "a.c", UINT32_MAX}};
    struct trace_frame renamed[] = {{"ns::f(int)", NULL, 0}};
    for (int i = 0; i < 2; i++) ck_assert(trace_put_module(w, &modules[i]));
    ck_assert(trace_put_symbol(w, 0x8010, inlined, 1));
    ck_assert(trace_put_symbol(w, 0x2010, inlined, 2));
    ck_assert(trace_put_symbol(w, 0x8010, renamed, 1)); /* the later one counts */
    ck_assert(trace_put_symbol(w, 0x8020, NULL, 0));
}

static void expect_names(const struct trace *t)
{
    const struct trace_frame *f;
    char text[32];
    ck_assert_uint_eq(trace_modules(t), 2);
    ck_assert_str_eq(trace_module(t, 0)->build_id, "ab12");
    ck_assert_uint_eq(trace_symbol(t, 0x2010, &f), 2);
    ck_assert(strcmp(f[1].function, "outer") == 0 && strcmp(f[1].file, "a.c") == 0);
    ck_assert(f[0].line == 12 && f[1].line == UINT32_MAX);
    ck_assert_uint_eq(trace_symbol(t, 0x8010, &f), 1);
    ck_assert_str_eq(f->file, "");
    ck_assert_uint_eq(trace_symbol(t, 0x8020, &f), 0);
    ck_assert_uint_eq(trace_symbol(t, 0x9999, &f), 0);
    trace_name(t, 0x8010, text, sizeof text);
    ck_assert_str_eq(text, "ns::f(int)");
    trace_name(t, 0x8020, text, sizeof text);
    ck_assert_str_eq(text, "libold.so+0x7020");
    trace_name(t, 0x2fff, text, sizeof text);
    ck_assert_str_eq(text, "libnew.so+0x1fff");
    trace_name(t, 0x9000, text, sizeof text);
    ck_assert_str_eq(text, "0x9000");
    trace_name(t, 0x8020, text, 5);
    ck_assert_str_eq(text, "libo");
}

START_TEST(test_names)
{
    struct trace_writer *w = test_create();
    put_names(w);
    test_close(w);
    struct trace *t = test_open();
    expect_names(t);
    trace_end(t);
}
END_TEST

/* Names are often resolved when the recording is over. */
START_TEST(test_names_appended)
{
    struct trace_writer *w = test_create();
    test_put_stacks(w, 5);
    for (uint64_t i = 0; i < TRACE_BLOCK + 5000; i++) {
        EXPECT(trace_put(w, &(struct trace_event){.time = i, .address = 16 * i + 16, .stack = 5}));
    }
    test_close(w);
    w = trace_append(test_path, test_why);
    ck_assert(w != NULL);
    put_names(w);
    test_close(w);
    struct trace *t = test_open();
    expect_names(t);
    ck_assert(trace_whole(t));
    ck_assert_uint_eq(trace_events(t), TRACE_BLOCK + 5000);
    ck_assert_uint_eq(trace_stacks(t), 5);
    ck_assert_int_eq(trace_read(t, test_events(), test_why), TRACE_BLOCK);
    ck_assert_int_eq(trace_read(t, test_events(), test_why), 5000);
    ck_assert_int_eq(trace_read(t, test_events(), test_why), 0);
    trace_end(t);
}
END_TEST

START_TEST(test_append_to_one_cut_short)
{
    struct trace_writer *w = test_create();
    ck_assert(trace_put(w, &(struct trace_event){.address = 16}));
    ck_assert(trace_close(w, false, test_why));
    w = trace_append(test_path, test_why);
    put_names(w);
    test_close(w); /* as whole */
    struct trace *t = test_open();
    expect_names(t);
    ck_assert(!trace_whole(t));
    ck_assert_uint_eq(trace_events(t), 1);
    trace_end(t);
}
END_TEST

START_TEST(test_long_texts_are_cut)
{
    static char text[100000];
    memset(text, 'a', sizeof text - 1);
    struct trace_frame frame = {text, text, 1};
    static struct trace_frame many[100];
    for (int i = 0; i < 100; i++) many[i] = frame;
    struct trace_writer *w = test_create();
    ck_assert(trace_put_symbol(w, 1, many, 100));
    test_close(w);
    struct trace *t = test_open();
    const struct trace_frame *f;
    ck_assert_uint_eq(trace_symbol(t, 1, &f), 64);
    ck_assert_uint_eq(strlen(f[63].file), 65535);
    trace_end(t);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("trace tables");
    TCase *c = tcase_create("tables");
    tcase_add_checked_fixture(c, test_path_make, test_path_remove);
    ADD_CASE(s, c, 20, test_info_comes_back, test_no_info, test_stacks,
             test_deep_stack_keeps_the_innermost, test_threads, test_thread_that_was_never_put,
             test_samples_and_gaps, test_names, test_names_appended, test_append_to_one_cut_short,
             test_long_texts_are_cut);
    return s;
}

TEST_MAIN(suite)
