/* SPDX-License-Identifier: MIT
 * block_pool_fault_test.c: bugs of the caller. A checked pool reports each at once, others when the block
 * goes home; with a handler that returns they have no effect, without one they end the program with
 * one exact line. */
#include "block_fixture.h"
#include "fault_log.h"
#include "runner.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static pk_block_pool pool, other;
static fault_log faults;
static char *block[10];
static int a_static[16];

static void open_both(int flags)
{
    pk_on_fault(fault_log_add, &faults);
    pk_block_pool_opts opts = {.block_size = 64, .name = "mine", .flags = (unsigned)flags};
    block_open(&pool, opts);
    opts.name = "other";
    block_open(&other, opts);
    for (int i = 0; i < 10; i++) memset(block[i] = block_get(&pool), i, 64);
}

static void close_both(size_t live)
{
    ck_assert_uint_eq(block_sound(&pool).n_live, live);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), live);
    (void)pk_block_pool_fini(&other);
    ck_assert_uint_eq(faults.count, 0);
    pk_on_fault(NULL, NULL);
}

/* Frees what must not be freed; the stack goes home at the question. Nothing but the report happens. */
static void bad_free(const void *p, pk_fault_kind kind, const char *says)
{
    char line[200];
    pk_stats before = block_figures(&pool);
    memset(&faults, 0, sizeof faults);
    pk_block_pool_free(&pool, (void *)(uintptr_t)p);
    (void)pk_block_pool_next_live(&pool, NULL);
    snprintf(line, sizeof line, "poolkit: mine: free of %p: %s", p, says);
    if (strcmp(line, faults.text) != 0) fprintf(stderr, "%s\n%s\n", line, faults.text);
    EXPECT_AT(faults.count == 1, faults.count, kind);
    EXPECT_AT(faults.kind == kind && faults.ptr == p, faults.kind, kind);
    EXPECT_AT(strcmp(line, faults.text) == 0 && strcmp(faults.pool, "mine") == 0, kind, 0);
    EXPECT(faults.size == sizeof(pk_fault));
    memset(&faults, 0, sizeof faults);
    pk_stats after = block_sound(&pool);
    EXPECT_AT(before.n_live == after.n_live, before.n_live, after.n_live);
    void *fresh = block_get(&pool);
    for (int i = 0; i < 10; i++) EXPECT_AT(fresh != block[i], i, kind);
    pk_block_pool_free(&pool, fresh);
    for (int i = 0; i < 10; i++)
        EXPECT_AT(block[i] == NULL || (block[i][0] == i && block[i][63] == i), i, kind);
}

static const char *const no_start = "not the start of a block",
                         *const free_already = "the block is free already",
                         *const not_ours = "belongs to another pool, or to none";

START_TEST(double_frees)
{
    open_both(_i);
    for (int i = 0; i < 10; i += 3) {
        char *p = block[i];
        block[i] = NULL;
        pk_block_pool_free(&pool, p);
        (void)pk_block_pool_next_live(&pool, NULL); /* goes home */
        bad_free(p, PK_FAULT_DOUBLE_FREE, free_already);
        bad_free(p, PK_FAULT_DOUBLE_FREE, free_already);
    }
    close_both(6);
}
END_TEST

/* Both on the stack at once. */
START_TEST(double_frees_without_anything_between)
{
    open_both(_i);
    pk_block_pool_free(&pool, block[5]);
    pk_block_pool_free(&pool, block[5]);
    (void)pk_block_pool_next_live(&pool, NULL);
    ck_assert(faults.count == 1 && faults.kind == PK_FAULT_DOUBLE_FREE);
    ck_assert_ptr_eq(faults.ptr, block[5]);
    faults.count = 0;
    close_both(9);
}
END_TEST

START_TEST(not_the_start_of_a_block)
{
    open_both(_i);
    size_t stride = (size_t)(block_figures(&pool).live / 10);
    for (size_t at = 1; at < stride; at++) bad_free(block[4] + at, PK_FAULT_NOT_A_BLOCK, no_start);
    uintptr_t chunk = (uintptr_t)block[0] & ~(uintptr_t)(256 * KIB - 1);
    bad_free((void *)chunk, PK_FAULT_NOT_A_BLOCK, no_start);
    bad_free((void *)(chunk + 64), PK_FAULT_NOT_A_BLOCK, no_start);
    bad_free((void *)(chunk + 256 * KIB - 1), PK_FAULT_NOT_A_BLOCK, no_start);
    char *never = block[0] + 3000 * stride; /* in the chunk, but never handed out */
    if ((uintptr_t)never < chunk + 256 * KIB) bad_free(never, PK_FAULT_NOT_A_BLOCK, no_start);
    close_both(10);
}
END_TEST

START_TEST(blocks_of_others)
{
    int local[16];
    open_both(_i);
    void *libc = malloc(64), *others = block_get(&other);
    char *mapped = mmap(NULL, MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(mapped, MAP_FAILED);
    memset(others, 9, 64);
    memset(local, 0, sizeof local);
    const void *foreign[] = {others,
                             (char *)others + 16,
                             libc,
                             local,
                             &local[4],
                             a_static,
                             mapped,
                             mapped + 256 * KIB,
                             &pool,
                             pool.ext,
                             (void *)(uintptr_t)1,
                             (void *)(uintptr_t)16,
                             (void *)(uintptr_t)4096,
                             (void *)(uintptr_t)0x800000000000,
                             (void *)(uintptr_t)0xFFFF800000000000,
                             (void *)(UINTPTR_MAX - 15),
                             (void *)UINTPTR_MAX};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        bad_free(foreign[i], PK_FAULT_OTHER_POOL, not_ours);
    munmap(mapped, MIB);
    bad_free(mapped, PK_FAULT_OTHER_POOL, not_ours);
    ck_assert(((char *)others)[0] == 9 && ((char *)others)[63] == 9);
    ck_assert(pk_block_pool_owns(&other, others));
    block_sound(&other);
    free(libc);
    close_both(10);
}
END_TEST

/* A chunk that went back is nobody's. */
START_TEST(after_trim)
{
    open_both(_i);
    for (int i = 0; i < 10; i++) pk_block_pool_free(&pool, block[i]);
    void *p = block[3];
    memset(block, 0, sizeof block);
    ck_assert_uint_gt(pk_block_pool_trim(&pool, 0), 0);
    pk_block_pool_free(&pool, p);
    (void)pk_block_pool_next_live(&pool, NULL);
    ck_assert(faults.count == 1 && faults.kind == PK_FAULT_OTHER_POOL && faults.ptr == p);
    faults.count = 0;
    close_both(0);
}
END_TEST

START_TEST(null_is_no_fault_and_errno_is_kept)
{
    open_both(_i);
    errno = 42;
    pk_block_pool_free(&pool, NULL);
    pk_block_pool_free_n(&pool, (void *const[]){NULL, NULL}, 2);
    pk_block_pool_free(&pool, block[0]);
    ck_assert_int_eq(errno, 42);
    close_both(9);
}
END_TEST

START_TEST(after_fini)
{
    char line[200];
    open_both(_i);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 10);
    pk_block_pool_free(&pool, NULL);
    ck_assert_uint_eq(faults.count, 0);
    pk_block_pool_free(&pool, block[0]);
    snprintf(line, sizeof line, "poolkit: block pool: free of %p: the pool has ended",
             (void *)block[0]);
    ck_assert(faults.count == 1 && faults.kind == PK_FAULT_ENDED);
    ck_assert_str_eq(faults.text, line);
    block_refused(&pool, EINVAL);
    ck_assert_uint_eq(pk_block_pool_fini(&pool), 0);
    (void)pk_block_pool_fini(&other);
    pk_on_fault(NULL, NULL);
}
END_TEST

/* Bad frees among good ones, more than the stack holds: each is found once, none does harm. */
START_TEST(a_storm_of_bad_frees)
{
    enum { N = 20000 };
    static void *p[N];
    open_both(_i);
    (void)pk_block_pool_alloc_n(&pool, p, N, N);
    unsigned bad = 0;
    for (size_t i = 0; i < N; i++) {
        if (i % 10 == 0) {
            pk_block_pool_free(&pool, i % 20 ? (char *)p[i] + 8 : (char *)&a_static);
            bad++;
        }
        pk_block_pool_free(&pool, p[i]);
    }
    ck_assert_uint_eq(block_count_live(&pool), 10);
    ck_assert_uint_eq(faults.count, bad);
    faults.count = 0;
    close_both(10);
}
END_TEST

/* ---- without a handler ---- */

/* What a process says that runs `fn`; it must end by SIGABRT. */
static void last_words(void (*fn)(int), int flags, char *text, size_t size)
{
    int ends[2], status;
    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        fn(flags);
        _exit(0);
    }
    close(ends[1]);
    ssize_t got, n = 0;
    while ((got = read(ends[0], text + n, size - 1 - (size_t)n)) > 0) n += got;
    text[n] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%x: %s", (unsigned)status,
                  text);
}

static void die_of(int flags, void *p)
{
    pk_on_fault(NULL, NULL);
    pk_block_pool_free(&pool, p);
    (void)pk_block_pool_next_live(&pool, NULL);
    _exit(flags);
}

static void die_twice(int flags)
{
    pk_block_pool_free(&pool, block[2]);
    die_of(flags, block[2]);
}

static void die_inside(int flags) { die_of(flags, block[2] + 8); }
static void die_foreign(int flags) { die_of(flags, a_static); }

static void die_ended(int flags)
{
    pk_block_pool_fini(&pool);
    die_of(flags, block[2]);
}

START_TEST(without_a_handler_the_program_ends)
{
    if (TEST_EMULATED) return; /* the emulator adds a line */
    static const struct {
        void (*fn)(int);
        const char *says;
        long offset; /* from block[2]; -1: a_static */
    } deaths[] = {{die_twice, "mine: free of %p: the block is free already\n", 0},
                  {die_inside, "mine: free of %p: not the start of a block\n", 8},
                  {die_foreign, "mine: free of %p: belongs to another pool, or to none\n", -1},
                  {die_ended, "block pool: free of %p: the pool has ended\n", 0}};
    open_both(_i);
    for (int i = 0; i < 4; i++) {
        char text[4096], line[200], format[120];
        void *p = deaths[i].offset < 0 ? (void *)a_static : block[2] + deaths[i].offset;
        last_words(deaths[i].fn, _i, text, sizeof text);
        snprintf(format, sizeof format, "poolkit: %s", deaths[i].says);
        const char *at = strstr(format, "%p");
        snprintf(line, sizeof line, "%.*s%p%s", (int)(at - format), format, p, at + 2);
        ck_assert_str_eq(text, line);
    }
    close_both(10);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("block_pool_fault");
    TCase *each = tcase_create("each combination of flags");
    const TTest *const looped[] = {double_frees,
                                   double_frees_without_anything_between,
                                   not_the_start_of_a_block,
                                   blocks_of_others,
                                   after_trim,
                                   null_is_no_fault_and_errno_is_kept,
                                   after_fini,
                                   a_storm_of_bad_frees,
                                   without_a_handler_the_program_ends};
    tcase_set_timeout(each, memory_is_measurable() ? 20 : 100);
    for (size_t i = 0; i < sizeof looped / sizeof *looped; i++)
        tcase_add_loop_test(each, looped[i], 0, BLOCK_FLAGS);
    suite_add_tcase(suite, each);
    return suite;
}

TEST_MAIN(make_suite)
