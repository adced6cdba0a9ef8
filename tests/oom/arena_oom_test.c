/* SPDX-License-Identifier: MIT
 * arena_oom_test.c: every call to the system fails once, and for ever from then on, in the life of an
 * arena: growth, large blocks, marks, clean-ups, children, texts. */
#include "each_call.h"
#include "pattern.h"
#include "pool/arena_internal.h"
#include "runner.h"

#include <errno.h>
#include <poolkit/arena.h>

enum { SLOTS = 400, KINDS = 3 };

static pk_arena arena;
static pk_arena_opts opts;
static _Alignas(16) char buffer[2000];
static struct {
    char *p;
    size_t n;
} slot[SLOTS];
static size_t n_slots, refused, cleaned, promised;

static void sound(void)
{
    const char *first = "";
    bool armed = faults_arm(false);
    for (size_t i = 0; i < n_slots; i++) {
        EXPECT_AT(pattern_holds(slot[i].p, slot[i].n, slot[i].n, i), i, slot[i].n);
    }
    size_t broken = pki_arena_audit(&arena, &first);
    if (broken != 0) fprintf(stderr, "audit: %s\n", first);
    EXPECT_AT(broken == 0, broken, 0);
    pk_stats s;
    pk_arena_stats(&arena, &s);
    EXPECT_AT(s.committed == s.live + s.free_in_chunks + s.untouched + s.overhead, s.committed, 0);
    faults_arm(armed);
}

static void took(void *p, size_t n)
{
    EXPECT_AT(p || errno == ENOMEM, errno, n);
    if (!p) {
        refused++;
        return;
    }
    EXPECT_AT(n_slots < SLOTS && (uintptr_t)p % PK_ALIGN == 0, n_slots, n);
    slot[n_slots].p = p;
    slot[n_slots].n = n;
    pattern_fill(p, n, n_slots++);
}

static void take_each_size(size_t most)
{
    for (size_t n = 1; n <= most; n = n * 5 / 3 + 1) {
        errno = 0;
        took(pk_arena_alloc(&arena, n), n);
        errno = 0;
        void *p = pk_arena_zalloc(&arena, n);
        EXPECT_AT(!p || pattern_zero(p, n, 64 * KIB), n, 0);
        took(p, n);
    }
    sound();
}

/* The newest block becomes ten times as large, or stays as it is. */
static void resize_newest(void)
{
    if (n_slots == 0) return;
    size_t i = n_slots - 1, n = slot[i].n;
    errno = 0;
    char *p = pk_arena_realloc(&arena, slot[i].p, n, n * 10);
    EXPECT_AT(p || errno == ENOMEM, errno, n);
    if (!p) return;
    EXPECT_AT(pattern_holds(p, n, n, i), n, 0);
    slot[i].p = p;
    slot[i].n = n * 10;
    pattern_fill(p, n * 10, i);
}

static void texts(void)
{
    errno = 0;
    char *text = pk_arena_printf(&arena, "%0*d", 9000, 7);
    EXPECT_AT(text ? strlen(text) == 9000 && text[8999] == '7' : errno == ENOMEM, errno, 0);
    errno = 0;
    char *copy = text ? pk_arena_strdup(&arena, text) : NULL;
    EXPECT_AT(copy ? strcmp(copy, text) == 0 : !text || errno == ENOMEM, errno, 0);
}

static void count_clean_up(void *arg) { ++*(size_t *)arg; }

static void child_arena(void)
{
    pk_arena child;
    pk_arena_opts child_opts = {.parent = &arena};
    pk_status status = pk_arena_init(&child, &child_opts);
    EXPECT_AT(status == PK_OK || status == PK_ENOMEM, -status, 0);
    if (status != PK_OK) return;
    for (size_t n = 16; n < MIB; n *= 4) {
        char *p = pk_arena_alloc(&child, n);
        if (p) memset(p, 1, n);
    }
    pk_arena_fini(&child);
    sound();
}

static void script(void)
{
    take_each_size(100 * KIB);
    pk_mark mark = pk_arena_mark(&arena);
    size_t kept = n_slots;
    pk_status status = pk_arena_defer(&arena, count_clean_up, &cleaned);
    EXPECT_AT(status == PK_OK || status == PK_ENOMEM, -status, 0);
    promised += status == PK_OK;
    take_each_size(MIB);
    resize_newest();
    child_arena();
    sound();
    EXPECT(pk_arena_rewind(&arena, mark) == PK_OK);
    n_slots = kept;
    EXPECT_AT(cleaned == promised, cleaned, promised);
    sound();
    texts();
    resize_newest();
    take_each_size(MIB);
    pk_arena_reset(&arena);
    n_slots = 0;
    sound();
    take_each_size(MIB);
}

static bool opened(void)
{
    pk_status status = pk_arena_init(&arena, &opts);
    EXPECT_AT(status == PK_OK || status == PK_ENOMEM, -status, 0);
    return status == PK_OK;
}

static void scratch_arena(void)
{
    errno = 0;
    pk_arena *scratch = pk_scratch(NULL, 0);
    EXPECT_AT(scratch || errno == ENOMEM, errno, 0);
    char *p = scratch ? pk_arena_alloc(scratch, 100 * KIB) : NULL;
    if (p) memset(p, 1, 100 * KIB);
}

static void life(void)
{
    n_slots = refused = cleaned = promised = 0;
    faults_arm(true);
    if (!opened()) {
        faults_arm(false);
        EXPECT(atomic_load(&faults.fired) && opened());
        faults_arm(true);
    }
    script();
    scratch_arena();
    faults_arm(false);
    pk_arena_reset(&arena);
    size_t before = refused;
    n_slots = 0;
    take_each_size(MIB);
    EXPECT_AT(refused == before, refused, before);
    faults_arm(true);
    pk_arena_fini(&arena);
    faults_arm(false);
}

/* Plain; in a buffer first, keeping nothing at a reset; for all threads. */
static void choose(int kind)
{
    opts = (pk_arena_opts){.locked = kind == 2};
    if (kind == 1) {
        opts.buffer = buffer;
        opts.buffer_size = sizeof buffer;
        opts.retain = 1;
    }
}

START_TEST(each_call_fails_once)
{
    choose(_i);
    each_kind(life, false);
}
END_TEST

START_TEST(each_call_fails_for_ever)
{
    choose(_i);
    each_kind(life, true);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("arena_oom");
    TCase *tcase = tcase_create("calls");
    tcase_set_timeout(tcase, memory_is_measurable() ? 60 : 480);
    tcase_add_loop_test(tcase, each_call_fails_once, 0, KINDS);
    tcase_add_loop_test(tcase, each_call_fails_for_ever, 0, KINDS);
    suite_add_tcase(suite, tcase);
    return suite;
}

TEST_MAIN(make_suite)
