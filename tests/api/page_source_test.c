/* SPDX-License-Identifier: MIT
 * page_source_test.c: the two sources, and arenas on sources that are small, counted or fail:
 * growth, limits, the caller's buffer, what reset keeps, every failing call. */
#include "arena_fixture.h"
#include "build.h"
#include "pattern.h"
#include "runner.h"

#include <errno.h>

/* -- the sources themselves -- */

START_TEST(pages_of_the_system)
{
    pk_page_source s = pk_os_pages();
    ck_assert(s.ops->size >= sizeof *s.ops && s.ops->granule >= 16);
    for (size_t n = 1; n <= 4 * MIB; n = n * 3 / 2 + 1) {
        for (size_t align = 16; align <= 2 * MIB; align *= 8) {
            unsigned got = 99;
            unsigned char *p = s.ops->map(s.ctx, n, align, &got);
            EXPECT_AT(p && (uintptr_t)p % align == 0, n, align);
            EXPECT_AT(got == 0 || got == PK_PAGES_ZERO, n, got);
            EXPECT_AT(!(got & PK_PAGES_ZERO) || pattern_zero(p, n, SIZE_MAX), n, align);
            memset(p, 0xFF, n);
            s.ops->purge(s.ctx, p, n);
            p[0] = p[n - 1] = 1;
            s.ops->unmap(s.ctx, p, n);
        }
    }
    volatile size_t much = SIZE_MAX;
    unsigned got;
    ck_assert_ptr_null(s.ops->map(s.ctx, much, 16, &got));
    ck_assert_ptr_null(s.ops->map(s.ctx, much / 2, 16, &got));
}
END_TEST

/* More pieces than the library would keep, twice: never two users of one. */
START_TEST(pages_of_the_system_are_disjoint)
{
    enum { N = 64 };
    pk_page_source s = pk_os_pages();
    for (size_t n = 4096; n <= 128 * KIB; n *= 2) {
        for (int round = 0; round < 3; round++) {
            unsigned char *p[N];
            unsigned got;
            for (size_t i = 0; i < N; i++) {
                p[i] = s.ops->map(s.ctx, n, 16, &got);
                EXPECT(p[i] != NULL);
                pattern_fill(p[i], n, i);
            }
            for (size_t i = 0; i < N; i++) {
                EXPECT_AT(pattern_holds(p[i], n, n, i), n, i);
                s.ops->unmap(s.ctx, p[i], n);
            }
        }
    }
}
END_TEST

START_TEST(pieces_of_a_buffer)
{
    static unsigned char memory[4096 + 64];
    for (size_t skew = 0; skew < 64; skew++) {
        pk_buffer_source b;
        memset(memory, 0x5A, sizeof memory);
        pk_page_source s = pk_buffer_pages(&b, memory + skew, 4096);
        unsigned got = 99;
        unsigned char *p = s.ops->map(s.ctx, 1000, 64, &got);
        unsigned char *q = s.ops->map(s.ctx, 100, 16, &got);
        EXPECT_AT(p && (uintptr_t)p % 64 == 0 && p >= memory + skew && got == 0, skew, got);
        EXPECT_AT(q && (uintptr_t)q % 16 == 0 && q >= p + 1000, skew, 0);
        EXPECT_AT(!s.ops->map(s.ctx, 4096, 16, &got), skew, 0);
        EXPECT_AT(!s.ops->map(s.ctx, SIZE_MAX, 16, &got), skew, 0);
        EXPECT_AT(!s.ops->map(s.ctx, 16, (size_t)1 << 62, &got), skew, 0);
        s.ops->unmap(s.ctx, q, 100);
        EXPECT_AT(s.ops->map(s.ctx, 200, 16, &got) == q, skew, 0); /* it lay last */
        s.ops->unmap(s.ctx, q, 200);
        s.ops->unmap(s.ctx, p, 1000);
        EXPECT_AT(s.ops->map(s.ctx, 1000, 64, &got) == p, skew, 0);
        size_t rest = (size_t)(memory + skew + 4096 - (p + 1000));
        EXPECT_AT(!s.ops->map(s.ctx, rest + 1, 1, &got), skew, 0);
        EXPECT_AT(s.ops->map(s.ctx, rest, 1, &got) == p + 1000, skew, 0); /* all of it */
    }
    pk_buffer_source none;
    unsigned got;
    pk_page_source s = pk_buffer_pages(&none, memory, 0);
    ck_assert_ptr_null(s.ops->map(s.ctx, 1, 1, &got));
}
END_TEST

/* -- an arena in static memory -- */

START_TEST(an_arena_in_static_memory)
{
    static unsigned char memory[64 * KIB];
    pk_buffer_source b;
    pk_page_source s = pk_buffer_pages(&b, memory + 1, sizeof memory - 2);
    memory[0] = memory[sizeof memory - 1] = 0x5A;
    for (int life = 0; life < 100; life++) {
        pk_arena one;
        EXPECT_AT(pk_arena_init(&one, &(pk_arena_opts){.source = s, .first = 1024}) == PK_OK, life,
                  0);
        size_t had = 0;
        for (unsigned char *p; (p = pk_arena_alloc(&one, 100)); had += arena_rounded(100)) {
            EXPECT(p > memory && p + 100 < memory + sizeof memory);
            memset(p, life, arena_usable(100));
        }
        EXPECT_AT(errno == ENOMEM, errno, life);
        EXPECT_AT(had > 48 * KIB, had, life);
        char *text = pk_arena_printf(&one, "%d", life);
        EXPECT(text == NULL || atoi(text) == life);
        arena_figures(&one);
        pk_arena_fini(&one);
    }
    ck_assert(memory[0] == 0x5A && memory[sizeof memory - 1] == 0x5A);
}
END_TEST

/* -- the caller's first chunk -- */

/* At every misalignment and size: used if it is large enough, never overrun. */
START_TEST(a_buffer_of_any_size_and_place)
{
    static unsigned char memory[64 + 64 + 600 + 64];
    test_source s;
    for (size_t skew = 0; skew < 64; skew++) {
        for (size_t n = 0; n <= 600; n++) {
            memset(memory, 0x5A, sizeof memory);
            unsigned char *begin = memory + 64 + skew;
            pk_arena one;
            pk_arena_opts opts = {
                .source = test_source_make(&s), .first = 1024, .buffer = begin, .buffer_size = n};
            EXPECT_AT(pk_arena_init(&one, &opts) == PK_OK, skew, n);
            bool used = s.maps == 0;
            EXPECT_AT(n >= 400 ? used : n >= 256 || !used, skew, n);
            bool inside = false;
            for (int i = 0; i < 40; i++) {
                unsigned char *p = i % 3 ? pk_arena_alloc(&one, 16) : pk_arena_zalloc(&one, 10);
                EXPECT_AT(p && (uintptr_t)p % 16 == 0, skew, n);
                if (p >= begin && p < begin + n) inside = true;
                EXPECT_AT(!inside || used, skew, n);
                memset(p, 0x33, i % 3 ? 16 : arena_usable(10));
            }
            EXPECT_AT(!used || arena_figures(&one).committed <= n + s.bytes, skew, n);
            pk_arena_reset(&one);
            EXPECT(pk_arena_alloc(&one, 3000) != NULL);
            pk_arena_fini(&one);
            test_source_is_even(&s);
            for (size_t i = 0; i < sizeof memory; i++) {
                bool guard = memory + i < begin || memory + i >= begin + n;
                EXPECT_AT(!guard || memory[i] == 0x5A, n, i);
            }
        }
    }
}
END_TEST

START_TEST(a_buffer_is_used_first_and_counts)
{
    static unsigned char memory[2048];
    test_source s;
    pk_arena one;
    pk_arena_opts opts = {.source = test_source_make(&s),
                          .buffer = memory,
                          .buffer_size = sizeof memory,
                          .limit = sizeof memory};
    ck_assert_int_eq(pk_arena_init(&one, &opts), PK_OK);
    size_t n = 0;
    while (pk_arena_alloc(&one, 16)) n++;
    ck_assert_uint_gt(n, 1600 / arena_rounded(16));
    ck_assert_uint_eq(s.calls, 0);
    ck_assert_uint_le(arena_figures(&one).committed, sizeof memory);
    pk_arena_fini(&one);
    opts.limit = 1024; /* less than the buffer */
    ck_assert_int_eq(pk_arena_init(&one, &opts), PK_OK);
    while (pk_arena_alloc(&one, 16)) {}
    ck_assert_uint_le(arena_figures(&one).committed_peak, 1024);
    pk_arena_fini(&one);
    ck_assert_uint_eq(s.calls, 0);
}
END_TEST

/* -- growth and limit -- */

START_TEST(chunks_double_up_to_the_cap)
{
    test_source s;
    pk_arena one;
    pk_arena_opts opts = {.source = test_source_make(&s), .first = 1024, .max_chunk = 32 * KIB};
    ck_assert_int_eq(pk_arena_init(&one, &opts), PK_OK);
    size_t expected = 1024;
    for (size_t maps = 0; maps < 12;) {
        if (s.maps > maps) {
            EXPECT_AT(s.piece[maps].n == expected, s.piece[maps].n, expected);
            if (expected < 32 * KIB) expected *= 2;
            maps++;
        }
        EXPECT(pk_arena_alloc(&one, 16) != NULL);
    }
    pk_arena_fini(&one);
    test_source_is_even(&s);
}
END_TEST

START_TEST(the_limit_is_exact)
{
    test_source s;
    for (size_t limit = 512; limit < 2 * MIB; limit = limit * 2 + 16) {
        for (size_t block = 16; block <= 208; block += 96) {
            pk_arena one;
            pk_arena_opts opts = {.source = test_source_make(&s), .limit = limit};
            EXPECT_AT(pk_arena_init(&one, &opts) == PK_OK, limit, block);
            for (int round = 0; round < 3; round++) {
                errno = 0;
                while (pk_arena_alloc(&one, block)) {}
                EXPECT_AT(errno == ENOMEM, errno, limit);
                EXPECT_AT(s.most <= limit, s.most, limit);
                /* all but what is too small for a chunk with one block in it, and its head */
                pk_stats f = arena_figures(&one);
                EXPECT_AT(f.limit == limit, f.limit, limit);
                EXPECT_AT(f.committed + arena_rounded(block) + 64 > limit, f.committed, limit);
                pk_arena_reset(&one);
                EXPECT_AT(pk_arena_alloc(&one, limit) == NULL, limit, 0);
                EXPECT_AT(s.most <= limit, s.most, limit);
            }
            pk_arena_fini(&one);
            test_source_is_even(&s);
        }
    }
}
END_TEST

/* One large block may have all that the limit leaves, also when reset had kept chunks. */
START_TEST(kept_chunks_give_way_to_the_limit)
{
    test_source s;
    pk_arena one;
    pk_arena_opts opts = {.source = test_source_make(&s), .limit = 64 * KIB};
    ck_assert_int_eq(pk_arena_init(&one, &opts), PK_OK);
    while (pk_arena_alloc(&one, 64)) {}
    pk_arena_reset(&one);
    ck_assert_ptr_nonnull(pk_arena_alloc(&one, 64 * KIB - 4096 - 64 - arena_gap()));
    ck_assert_uint_le(s.most, 64 * KIB);
    arena_figures(&one);
    pk_arena_fini(&one);
    test_source_is_even(&s);
}
END_TEST

typedef struct {
    unsigned asked, yes;
    size_t need;
    pk_status why;
    test_source *source;
} asked;

static bool on_oom(void *arg, size_t need, pk_status why)
{
    asked *a = arg;
    a->asked++;
    a->need = need;
    a->why = why;
    if (a->asked < a->yes) return true;
    a->source->fail_all = false;
    return a->asked == a->yes;
}

START_TEST(the_callback_is_asked_before_it_fails)
{
    test_source s;
    asked a = {.yes = 3, .source = &s};
    pk_arena one;
    pk_arena_opts opts = {
        .source = test_source_make(&s), .on_oom = on_oom, .oom_arg = &a, .limit = 64 * KIB};
    ck_assert_int_eq(pk_arena_init(&one, &opts), PK_OK);
    ck_assert_uint_eq(a.asked, 0);
    s.fail_all = true;
    ck_assert_ptr_nonnull(pk_arena_alloc(&one, 10000)); /* refused, refused, released */
    ck_assert_uint_eq(a.asked, 3);
    ck_assert_int_eq(a.why, PK_ENOMEM);
    ck_assert_uint_ge(a.need, 10000);
    errno = 0;
    ck_assert_ptr_null(pk_arena_alloc(&one, 60000));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_eq(a.asked, 4);
    ck_assert_int_eq(a.why, PK_ELIMIT);
    ck_assert_ptr_null(pk_arena_zalloc(&one, 60000));
    ck_assert_uint_eq(a.asked, 5);
    pk_arena_fini(&one);
    test_source_is_even(&s);
}
END_TEST

/* -- what reset keeps -- */

static void one_request(pk_arena *one)
{
    for (int i = 0; i < 2000; i++) EXPECT(pk_arena_alloc(one, (size_t)(i * 7 % 300)) != NULL);
}

START_TEST(steady_state_makes_no_source_calls)
{
    for (int how = 0; how < 3; how++) {
        test_source s;
        pk_arena one;
        pk_arena_opts opts = {.source = test_source_make(&s)};
        if (how == 1) opts.retain = 2 * MIB;
        ck_assert_int_eq(pk_arena_init(&one, &opts), PK_OK);
        pk_mark m = pk_arena_mark(&one);
        size_t calls = 0;
        for (int i = 0; i < 300; i++) {
            one_request(&one);
            if (how < 2)
                pk_arena_reset(&one);
            else
                EXPECT(pk_arena_rewind(&one, m) == PK_OK);
            if (i == 100) calls = s.calls + s.unmaps;
            arena_figures(&one);
        }
        EXPECT_AT(s.calls + s.unmaps == calls, s.calls + s.unmaps, calls);
        pk_arena_fini(&one);
        test_source_is_even(&s);
    }
}
END_TEST

START_TEST(reset_keeps_no_more_than_retain)
{
    for (size_t retain = 1; retain <= 4 * MIB; retain *= 3) {
        test_source s;
        pk_arena one;
        pk_arena_opts opts = {.source = test_source_make(&s), .first = 2048, .retain = retain};
        ck_assert_int_eq(pk_arena_init(&one, &opts), PK_OK);
        for (int round = 0; round < 3; round++) {
            for (size_t n = 1; n < 500000; n *= 2) EXPECT(pk_arena_alloc(&one, n) != NULL);
            for (int i = 0; i < 300; i++) EXPECT(pk_arena_alloc(&one, 1000) != NULL);
            pk_arena_reset(&one);
            EXPECT_AT(s.bytes <= (retain > 2048 ? retain : 2048), s.bytes, retain);
            EXPECT_AT(arena_figures(&one).committed == s.bytes, s.bytes, retain);
        }
        pk_arena_fini(&one);
        test_source_is_even(&s);
    }
}
END_TEST

START_TEST(what_is_kept_follows_the_use)
{
    test_source s;
    pk_arena one;
    ck_assert_int_eq(pk_arena_init(&one, &(pk_arena_opts){.source = test_source_make(&s)}), PK_OK);
    for (int i = 0; i < 100000; i++) EXPECT(pk_arena_alloc(&one, 100) != NULL);
    pk_arena_reset(&one);
    size_t high = s.bytes;
    ck_assert_uint_gt(high, 8 * MIB);
    EXPECT(pk_arena_alloc(&one, 10) != NULL);
    pk_arena_reset(&one);
    ck_assert_uint_gt(s.bytes, high / 2); /* one small round does not cost it */
    for (int i = 0; i < 200; i++) {
        EXPECT(pk_arena_alloc(&one, 10) != NULL);
        pk_arena_reset(&one);
    }
    ck_assert_uint_lt(s.bytes, 64 * KIB); /* many do */
    pk_arena_fini(&one);
    test_source_is_even(&s);
}
END_TEST

/* -- the k-th call fails -- */

/* Goes on after a failure, as a program would, and counts them. */
static size_t some_work(pk_arena *one)
{
    size_t failed = 0;
    char *kept = NULL;
    for (size_t i = 1; i <= 300; i++) {
        size_t n = i % 37 == 0 ? i * 500 : i * 13 % 900;
        pk_stats before = arena_figures(one), after;
        void *p = NULL;
        errno = 0;
        switch (i % 5) {
        case 0:
            p = pk_arena_zalloc(one, n);
            break;
        case 1:
            p = pk_arena_alloc_aligned(one, n, (size_t)1 << i % 12);
            break;
        case 2:
            p = pk_arena_printf(one, "%*d", (int)n, 5);
            break;
        case 3:
            p = kept ? pk_arena_realloc(one, kept, 40, 40 + n) : pk_arena_alloc(one, 40);
            break;
        default:
            p = pk_arena_alloc(one, n);
        }
        if (!p) {
            failed++;
            after = arena_figures(one);
            EXPECT_AT(errno == ENOMEM && arena_same_figures(&before, &after), i, errno);
        } else if (i % 5 == 3) {
            kept = memset(p, 'k', 40);
        }
        EXPECT_AT(!kept || (kept[0] == 'k' && kept[39] == 'k'), i, 0);
    }
    return failed;
}

START_TEST(any_call_of_the_source_may_fail)
{
    for (size_t k = 1; k < 100; k++) {
        test_source s;
        pk_arena one;
        pk_arena_opts opts = {.source = test_source_make(&s), .first = 1024, .name = "failing"};
        s.fail_at = k;
        memset(&one, 0xEE, sizeof one);
        pk_status status = pk_arena_init(&one, &opts);
        EXPECT_AT(status == (k == 1 ? PK_ENOMEM : PK_OK), k, status);
        if (k == 1) {
            EXPECT(arena_is_zero(&one));
            test_source_is_even(&s);
            continue;
        }
        for (int round = 0; round < 3; round++) {
            size_t failed = some_work(&one);
            EXPECT_AT(failed <= 1, k, failed);
            pk_arena_reset(&one);
        }
        pk_arena_fini(&one);
        test_source_is_even(&s);
        if (s.calls < k) return; /* there was no k-th call: all were tried */
    }
    ck_abort_msg("100 calls were not enough");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("page_source");
    TCase *tcase = tcase_create("source");
    ADD_CASE(suite, tcase, 20, pages_of_the_system, pages_of_the_system_are_disjoint,
             pieces_of_a_buffer, an_arena_in_static_memory, a_buffer_of_any_size_and_place,
             a_buffer_is_used_first_and_counts, chunks_double_up_to_the_cap, the_limit_is_exact,
             kept_chunks_give_way_to_the_limit, the_callback_is_asked_before_it_fails,
             steady_state_makes_no_source_calls, reset_keeps_no_more_than_retain,
             what_is_kept_follows_the_use, any_call_of_the_source_may_fail);
    return suite;
}

TEST_MAIN(make_suite)
