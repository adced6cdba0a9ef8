/* SPDX-License-Identifier: MIT
 * arena_scope_test.c: marks and rewind, clean-ups, the tree of arenas, reset and fini, scratch. */
#include "arena_fixture.h"
#include "build.h"
#include "pattern.h"
#include "rss.h"
#include "runner.h"

#include <pthread.h>

static pk_arena arena;
static test_source source;

static void setup(void)
{
    pk_arena_opts opts = {.source = test_source_make(&source), .first = 1024};
    ck_assert_int_eq(pk_arena_init(&arena, &opts), PK_OK);
}

static void teardown(void)
{
    (void)arena_figures(&arena);
    pk_arena_fini(&arena);
    ck_assert(arena_is_zero(&arena));
    test_source_is_even(&source);
}

/* -- marks -- */

START_TEST(rewind_forgets_what_came_since)
{
    char *kept = pk_arena_strdup(&arena, "kept");
    pk_mark m = pk_arena_mark(&arena);
    uint64_t live = arena_figures(&arena).live;
    for (size_t n = 1; n < 3 * MIB; n *= 3) { /* in the chunk, in new ones, in one of its own */
        char *p = pk_arena_alloc(&arena, n), *q = pk_arena_alloc(&arena, n);
        memset(p, 0x55, n);
        memset(q, 0x55, n);
        EXPECT_AT(pk_arena_rewind(&arena, m) == PK_OK, n, 0);
        EXPECT_AT(arena_figures(&arena).live == live, n, live);
        EXPECT_AT(!pk_arena_owns(&arena, q) && !pk_arena_owns(&arena, p), n, 0);
        EXPECT_AT(strcmp(kept, "kept") == 0 && pk_arena_owns(&arena, kept), n, 0);
        EXPECT_AT((char *)pk_arena_alloc(&arena, 1) == kept + arena_rounded(5), n, 0);
        EXPECT_AT(pk_arena_rewind(&arena, m) == PK_OK, n, 0); /* the same mark again and again */
    }
}
END_TEST

START_TEST(oversize_chunks_before_and_after_the_mark)
{
    for (size_t own = 5000; own < 3 * MIB; own *= 4) {
        char *before = pk_arena_alloc(&arena, own);
        pattern_fill(before, own, 1);
        pk_mark m = pk_arena_mark(&arena);
        uint64_t live = arena_figures(&arena).live;
        char *after = pk_arena_alloc(&arena, own);
        memset(after, 0x55, own);
        ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 800)); /* a new newest chunk */
        ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 800));
        after = pk_arena_alloc(&arena, own);
        EXPECT_AT(pk_arena_rewind(&arena, m) == PK_OK, own, 0);
        EXPECT_AT(pk_arena_owns(&arena, before) && !pk_arena_owns(&arena, after), own, 0);
        EXPECT_AT(pattern_holds(before, own, own, 1), own, 0);
        EXPECT_AT(arena_figures(&arena).live == live, own, live);
    }
}
END_TEST

START_TEST(nested_marks)
{
    enum { DEEP = 200 };
    static pk_mark mark[DEEP];
    static char *p[DEEP];
    static uint64_t live[DEEP];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < DEEP; i++) {
            mark[i] = pk_arena_mark(&arena);
            live[i] = arena_figures(&arena).live;
            p[i] = pk_arena_alloc(&arena, 10 + i * 37);
            pattern_fill(p[i], 10 + i * 37, i);
        }
        for (size_t i = DEEP; i-- > 0;) {
            EXPECT_AT(pattern_holds(p[i], 10 + i * 37, 10 + i * 37, i), i, round);
            EXPECT_AT(pk_arena_rewind(&arena, mark[i]) == PK_OK, i, round);
            EXPECT_AT(arena_figures(&arena).live == live[i], i, round);
        }
    }
}
END_TEST

START_TEST(stale_and_foreign_marks_are_refused)
{
    pk_mark early = pk_arena_mark(&arena);
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 900));
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 900)); /* in a second chunk */
    pk_mark late = pk_arena_mark(&arena);
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 100));
    ck_assert_int_eq(pk_arena_rewind(&arena, early), PK_OK);
    pk_stats before = arena_figures(&arena);
    ck_assert_int_eq(pk_arena_rewind(&arena, late), PK_EINVAL); /* rewound beyond it */
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 900));
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 900)); /* its chunk is in use once more */
    before = arena_figures(&arena);
    ck_assert_int_eq(pk_arena_rewind(&arena, late), PK_EINVAL);

    pk_arena other = {0};
    ck_assert_ptr_nonnull(pk_arena_alloc(&other, 1));
    ck_assert_int_eq(pk_arena_rewind(&arena, pk_arena_mark(&other)), PK_EINVAL);
    ck_assert_int_eq(pk_arena_rewind(&other, early), PK_EINVAL);
    pk_arena_fini(&other);
    ck_assert_int_eq(pk_arena_rewind(&other, early), PK_EINVAL); /* never used */
    pk_stats after = arena_figures(&arena);
    ck_assert(arena_same_figures(&before, &after));

    pk_arena_reset(&arena);
    ck_assert_int_eq(pk_arena_rewind(&arena, early), PK_EINVAL);
    ck_assert_int_eq(pk_arena_rewind(&arena, pk_arena_mark(&arena)), PK_OK);
}
END_TEST

START_TEST(a_mark_before_the_first_use)
{
    pk_arena one = {0};
    pk_mark m = pk_arena_mark(&one);
    ck_assert_int_eq(pk_arena_rewind(&one, m), PK_OK);
    for (int i = 0; i < 3; i++) {
        char *p = pk_arena_alloc(&one, 100);
        ck_assert_ptr_nonnull(pk_arena_alloc(&one, 100000));
        ck_assert_int_eq(pk_arena_rewind(&one, m), PK_OK);
        ck_assert_uint_eq(arena_figures(&one).live, 0);
        ck_assert_ptr_eq(pk_arena_alloc(&one, 1), p);
        ck_assert_int_eq(pk_arena_rewind(&one, m), PK_OK);
    }
    pk_arena_fini(&one);
}
END_TEST

START_TEST(a_mark_stays_good_when_the_newest_block_shrinks)
{
    char *p = pk_arena_alloc(&arena, 100);
    pk_mark m = pk_arena_mark(&arena);
    ck_assert(pk_arena_resize(&arena, p, 100, 10));
    uint64_t live = arena_figures(&arena).live;
    ck_assert_int_eq(pk_arena_rewind(&arena, m), PK_OK);
    ck_assert_uint_eq(arena_figures(&arena).live, live);
    ck_assert(pk_arena_owns(&arena, p));
}
END_TEST

START_TEST(a_stale_mark_in_the_same_chunk)
{
    pk_mark early = pk_arena_mark(&arena);
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 64));
    pk_mark late = pk_arena_mark(&arena);
    ck_assert_int_eq(pk_arena_rewind(&arena, early), PK_OK);
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 200)); /* beyond where it was taken */
    ck_assert_int_eq(pk_arena_rewind(&arena, late), PK_EINVAL);
}
END_TEST

START_TEST(marks_of_other_lives)
{
    pk_arena one = {0}, other = {0};
    pk_mark unused = pk_arena_mark(&one);
    ck_assert_ptr_nonnull(pk_arena_alloc(&other, 1));
    ck_assert_int_eq(pk_arena_rewind(&other, unused), PK_EINVAL); /* of another, never used */
    pk_mark before = pk_arena_mark(&other);
    pk_arena_fini(&other);
    ck_assert_ptr_nonnull(pk_arena_alloc(&other, 100)); /* mostly in the same chunk */
    ck_assert_int_eq(pk_arena_rewind(&other, before), PK_EINVAL);
    pk_arena_fini(&other);
}
END_TEST

/* A block that needs a chunk of its own is repeated: the chunk is kept, not mapped each time. */
START_TEST(reset_keeps_a_chunk_of_one_block)
{
    size_t calls = 0;
    for (int i = 0; i < 50; i++) {
        ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 100000));
        pk_arena_reset(&arena);
        if (i == 20) calls = source.calls;
    }
    ck_assert_uint_eq(source.calls, calls);
}
END_TEST

START_TEST(a_buffer_source_is_whole_after_fini)
{
    static char memory[64 * KIB];
    pk_buffer_source buffer;
    pk_page_source pages = pk_buffer_pages(&buffer, memory, sizeof memory);
    char *at = buffer.at;
    pk_arena one;
    ck_assert_int_eq(pk_arena_init(&one, &(pk_arena_opts){.source = pages, .first = 1000}), PK_OK);
    ck_assert_ptr_nonnull(pk_arena_alloc(&one, 9000)); /* behind the chunk in use */
    for (int i = 0; i < 80; i++) ck_assert_ptr_nonnull(pk_arena_alloc(&one, 200));
    ck_assert_ptr_nonnull(pk_arena_alloc(&one, 5000));
    pk_arena_fini(&one);
    ck_assert_int_lt(buffer.at - at, 16);
}
END_TEST

/* -- clean-ups -- */

static char order[64]; /* the letters of the clean-ups that ran */

static void note(void *arg)
{
    size_t n = strlen(order);
    EXPECT(n + 1 < sizeof order);
    order[n] = *(const char *)arg;
    order[n + 1] = '\0';
}

static bool ran(const char *letters)
{
    bool same = strcmp(order, letters) == 0;
    if (!same) fprintf(stderr, "ran \"%s\", not \"%s\"\n", order, letters);
    order[0] = '\0';
    return same;
}

static char a[] = "a", b[] = "b", c[] = "c", d[] = "d";

START_TEST(clean_ups_run_newest_first)
{
    pk_defer_node node;
    ck_assert_int_eq(pk_arena_defer(&arena, note, a), PK_OK);
    pk_arena_defer_at(&arena, &node, note, b);
    ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 5000));
    ck_assert_int_eq(pk_arena_defer(&arena, note, c), PK_OK);
    ck_assert(ran(""));
    pk_arena_reset(&arena);
    ck_assert(ran("cba"));
    pk_arena_reset(&arena);
    ck_assert(ran("")); /* once */
    ck_assert_int_eq(pk_arena_defer(&arena, note, d), PK_OK);
    pk_arena_fini(&arena);
    ck_assert(ran("d"));
}
END_TEST

START_TEST(rewind_runs_the_clean_ups_since)
{
    ck_assert_int_eq(pk_arena_defer(&arena, note, a), PK_OK);
    pk_mark m = pk_arena_mark(&arena);
    for (int i = 0; i < 3; i++) {
        pk_defer_node node;
        ck_assert_int_eq(pk_arena_defer(&arena, note, b), PK_OK);
        ck_assert_ptr_nonnull(pk_arena_alloc(&arena, 9000));
        pk_arena_defer_at(&arena, &node, note, c);
        ck_assert_int_eq(pk_arena_rewind(&arena, m), PK_OK);
        ck_assert(ran("cb"));
        ck_assert_int_eq(pk_arena_rewind(&arena, m), PK_OK);
        ck_assert(ran(""));
    }
    ck_assert_int_eq(pk_arena_rewind(&arena, (pk_mark){.moment = 99}), PK_EINVAL);
    ck_assert(ran(""));
    pk_arena_reset(&arena);
    ck_assert(ran("a"));
}
END_TEST

START_TEST(undefer)
{
    ck_assert(!pk_arena_undefer(&arena, note, a, true));
    static char *const each[] = {a, b, a, c};
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pk_arena_defer(&arena, note, each[i]), PK_OK);
    ck_assert(pk_arena_undefer(&arena, note, b, false)); /* from the middle, unrun */
    ck_assert(ran(""));
    ck_assert(pk_arena_undefer(&arena, note, a, true)); /* the newest of two */
    ck_assert(ran("a"));
    ck_assert(!pk_arena_undefer(&arena, note, b, true));
    ck_assert(!pk_arena_undefer(&arena, free, a, true));
    pk_arena_reset(&arena);
    ck_assert(ran("ca"));
    pk_arena none = {0};
    ck_assert(!pk_arena_undefer(&none, note, a, true));
}
END_TEST

START_TEST(clean_ups_of_an_arena_never_used)
{
    pk_arena one = {0};
    pk_defer_node first, second;
    pk_arena_defer_at(&one, &first, note, a);
    pk_arena_defer_at(&one, &second, note, b);
    pk_arena_reset(&one);
    ck_assert(ran("ba"));
    pk_arena_defer_at(&one, &first, note, a);
    ck_assert_int_eq(pk_arena_defer(&one, note, c), PK_OK); /* now it is in use */
    pk_arena_fini(&one);
    ck_assert(ran("ca") && arena_is_zero(&one));
    pk_arena_defer_at(&one, &first, note, d);
    pk_arena_fini(&one);
    ck_assert(ran("d") && arena_is_zero(&one));
}
END_TEST

START_TEST(clean_ups_from_before_the_first_use)
{
    for (int used = 0; used < 2; used++) {
        pk_arena one = {0};
        pk_defer_node node;
        pk_mark m = pk_arena_mark(&one);
        pk_arena_defer_at(&one, &node, note, a);
        if (used) ck_assert_ptr_nonnull(pk_arena_alloc(&one, 1));
        ck_assert_int_eq(pk_arena_rewind(&one, m), PK_OK);
        ck_assert(ran("a"));
        pk_arena_fini(&one);
        ck_assert(ran(""));
    }
}
END_TEST

static void note_and_add(void *arg)
{
    note(arg);
    EXPECT(pk_arena_alloc(&arena, 3000) != NULL);
    EXPECT(pk_arena_defer(&arena, note, c) == PK_OK);
    EXPECT(pk_arena_defer(&arena, note, d) == PK_OK);
    EXPECT(pk_arena_undefer(&arena, note, c, false));
}

START_TEST(a_clean_up_adds_clean_ups)
{
    for (int how = 0; how < 3; how++) {
        pk_mark m = pk_arena_mark(&arena);
        ck_assert_int_eq(pk_arena_defer(&arena, note, b), PK_OK);
        ck_assert_int_eq(pk_arena_defer(&arena, note_and_add, a), PK_OK);
        if (how == 0) ck_assert_int_eq(pk_arena_rewind(&arena, m), PK_OK);
        if (how == 1) pk_arena_reset(&arena);
        if (how == 2) pk_arena_fini(&arena);
        ck_assert(ran("adb"));
    }
}
END_TEST

/* -- the tree -- */

static void make_child(pk_arena *child, pk_arena *parent, char *name)
{
    ck_assert_int_eq(pk_arena_init(child, &(pk_arena_opts){.parent = parent}), PK_OK);
    ck_assert_int_eq(pk_arena_defer(child, note, name), PK_OK);
    ck_assert_ptr_nonnull(pk_arena_alloc(child, 10000));
}

START_TEST(children_end_before_their_parent)
{
    pk_arena child, twin, grandchild;
    for (int how = 0; how < 2; how++) {
        ck_assert_int_eq(pk_arena_defer(&arena, note, a), PK_OK);
        make_child(&child, &arena, b);
        make_child(&grandchild, &child, c);
        make_child(&twin, &arena, d);
        if (how == 0) pk_arena_reset(&arena);
        if (how == 1) pk_arena_fini(&arena);
        ck_assert(ran("dcba"));
        ck_assert(arena_is_zero(&child) && arena_is_zero(&twin) && arena_is_zero(&grandchild));
        pk_arena_fini(&child); /* ended twice does nothing */
    }
}
END_TEST

START_TEST(rewind_ends_the_children_made_since)
{
    pk_arena older, newer;
    make_child(&older, &arena, a);
    pk_mark m = pk_arena_mark(&arena);
    for (int i = 0; i < 3; i++) {
        make_child(&newer, &arena, b);
        ck_assert_int_eq(pk_arena_rewind(&arena, m), PK_OK);
        ck_assert(ran("b") && arena_is_zero(&newer) && !arena_is_zero(&older));
    }
    ck_assert_ptr_nonnull(pk_arena_alloc(&older, 10));
    pk_arena_fini(&older);
    ck_assert(ran("a"));
    pk_arena_reset(&arena);
    ck_assert(ran(""));
}
END_TEST

START_TEST(children_end_in_any_order)
{
    enum { N = 20 };
    static pk_arena child[N];
    for (size_t step = 1; step < N; step += 2) {
        if (step % 5 == 0) continue;
        for (size_t i = 0; i < N; i++) make_child(&child[i], &arena, a);
        for (size_t i = 0; i < N / 2; i++) {
            pk_arena_reset(&child[i * step % N]); /* stays a child */
            pk_arena_fini(&child[i * step % N]);
        }
        pk_arena_reset(&arena);
        for (size_t i = 0; i < N; i++) EXPECT_AT(arena_is_zero(&child[i]), i, step);
        order[0] = '\0';
    }
    pk_arena parent = {0}; /* a parent that was never used */
    make_child(&child[0], &parent, a);
    pk_arena_fini(&parent);
    ck_assert(ran("a") && arena_is_zero(&child[0]));
}
END_TEST

static pk_arena late_child;

static void make_late_child(void *unused)
{
    (void)unused;
    EXPECT(pk_arena_init(&late_child, &(pk_arena_opts){.parent = &arena}) == PK_OK);
}

START_TEST(a_child_made_by_a_clean_up_ends_too)
{
    for (int how = 0; how < 3; how++) {
        pk_mark m = pk_arena_mark(&arena);
        ck_assert_int_eq(pk_arena_defer(&arena, make_late_child, NULL), PK_OK);
        if (how == 0) ck_assert_int_eq(pk_arena_rewind(&arena, m), PK_OK);
        if (how == 1) pk_arena_reset(&arena);
        if (how == 2) pk_arena_fini(&arena);
        ck_assert(arena_is_zero(&late_child));
    }
}
END_TEST

/* -- scratch -- */

START_TEST(scratch_arenas)
{
    pk_arena *one = pk_scratch(NULL, 0);
    ck_assert_ptr_nonnull(one);
    ck_assert_ptr_eq(pk_scratch(NULL, 0), one);
    pk_arena *two = pk_scratch(&one, 1);
    ck_assert(two && two != one);
    ck_assert_ptr_eq(pk_scratch(&two, 1), one);
    pk_arena *foreign = &arena;
    ck_assert_ptr_eq(pk_scratch(&foreign, 1), one);
    ck_assert_ptr_null(pk_scratch((pk_arena *[]){one, two}, 2));
    ck_assert_ptr_eq(pk_scratch((pk_arena *[]){one, foreign}, 2), two);
    pk_mark m = pk_arena_mark(one);
    ck_assert_ptr_nonnull(pk_arena_alloc(one, 100000));
    ck_assert_int_eq(pk_arena_rewind(one, m), PK_OK);
    ck_assert_uint_eq(arena_figures(one).live, 0);
}
END_TEST

static void count_end(void *arg) { ++*(int *)arg; }

static void *use_scratch(void *arg)
{
    pk_arena *one = pk_scratch(NULL, 0), *two = pk_scratch(&one, 1);
    EXPECT(one && two && one != two);
    memset(pk_arena_alloc(one, 300000), 1, 300000);
    memset(pk_arena_alloc(two, 300000), 1, 300000);
    EXPECT(pk_arena_defer(one, count_end, arg) == PK_OK);
    EXPECT(pk_arena_defer(two, count_end, arg) == PK_OK);
    return one;
}

START_TEST(scratch_ends_with_its_thread)
{
    size_t threads = scaled(2000), resident = 0, mapped = 0;
    int ended = 0;
    pk_arena *mine = pk_scratch(NULL, 0);
    for (size_t i = 0; i < threads; i++) {
        pthread_t thread;
        void *theirs;
        EXPECT(pthread_create(&thread, NULL, use_scratch, &ended) == 0);
        EXPECT(pthread_join(thread, &theirs) == 0);
        EXPECT_AT(theirs != mine && (size_t)ended == 2 * (i + 1), i, ended);
        if (i != threads / 10) continue;
        resident = rss_now();
        mapped = vm_now();
    }
    if (!memory_is_measurable()) return;
    ck_assert_uint_le(rss_now(), resident + 2 * MIB);
    ck_assert_uint_le(vm_now(), mapped + 2 * MIB);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("arena_scope");
    TCase *tcase = tcase_create("scope");
    tcase_add_checked_fixture(tcase, setup, teardown);
    ADD_CASE(
        suite, tcase, 20, rewind_forgets_what_came_since, oversize_chunks_before_and_after_the_mark,
        nested_marks, stale_and_foreign_marks_are_refused, a_mark_before_the_first_use,
        a_mark_stays_good_when_the_newest_block_shrinks, a_stale_mark_in_the_same_chunk,
        marks_of_other_lives, reset_keeps_a_chunk_of_one_block, a_buffer_source_is_whole_after_fini,
        clean_ups_from_before_the_first_use, a_child_made_by_a_clean_up_ends_too,
        clean_ups_run_newest_first, rewind_runs_the_clean_ups_since, undefer,
        clean_ups_of_an_arena_never_used, a_clean_up_adds_clean_ups,
        children_end_before_their_parent, rewind_ends_the_children_made_since,
        children_end_in_any_order, scratch_arenas, scratch_ends_with_its_thread);
    return suite;
}

TEST_MAIN(make_suite)
