/* SPDX-License-Identifier: MIT
 * heap_fault_test.c: bugs of the caller are reported once, by the right name, and have no effect;
 * without a handler they end the program with one exact line. */
#include "build.h"
#include "fault_log.h"
#include "heap_fixture.h"
#include "pattern.h"
#include "runner.h"

#include <poolkit/poolkit.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static fault_log faults;

static void setup(void)
{
    heap_setup();
    memset(&faults, 0, sizeof faults);
    pk_on_fault(fault_log_add, &faults);
}

static void teardown(void)
{
    pk_on_fault(NULL, NULL);
    heap_teardown();
}

/* The one fault since the last look: its kind, its pointer, and a line that fits both. */
static void expect_fault(pk_fault_kind kind, const void *ptr)
{
    char begin[128];
    EXPECT_AT(faults.count == 1, faults.count, kind);
    EXPECT_AT(faults.kind == kind, faults.kind, kind);
    EXPECT_AT(faults.ptr == ptr, (uintptr_t)faults.ptr, (uintptr_t)ptr);
    EXPECT(faults.size == sizeof(pk_fault));
    snprintf(begin, sizeof begin, "poolkit: %s: free of %p: ", faults.pool, ptr);
    if (strncmp(faults.text, begin, strlen(begin)) != 0) fprintf(stderr, "%s\n", faults.text);
    EXPECT(strncmp(faults.text, begin, strlen(begin)) == 0);
    EXPECT(strlen(faults.text) > strlen(begin) && !strchr(faults.text, '\n'));
    memset(&faults, 0, sizeof faults);
}

static int a_static[8];

/* The compiler is not to know what it is that gets freed. */
static void *hidden(const void *p)
{
    const void *volatile v = p;
    return (void *)(uintptr_t)v;
}

static void free_foreign(const void *p)
{
    pk_stats before = heap_figures(heap);
    pk_heap_free(hidden(p));
    expect_fault(PK_FAULT_FOREIGN, p);
    pk_heap_free_sized(hidden(p), 8);
    expect_fault(PK_FAULT_FOREIGN, p);
    pk_stats after = heap_figures(heap);
    EXPECT(before.n_live == after.n_live && before.live == after.live);
}

START_TEST(foreign_pointers_are_reported_once_and_left_alone)
{
    int local[8] = {1, 2, 3};
    int *libc = malloc(64);
    void *mapped = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(mapped, MAP_FAILED);
    libc[0] = 42;
    free_foreign(local);
    free_foreign(&local[4]);
    free_foreign(a_static);
    free_foreign(libc);
    free_foreign(mapped);
    munmap(mapped, 1 << 20);
    free_foreign(mapped);
    ck_assert_int_eq(libc[0], 42);
    free(libc);
    ck_assert_int_eq(local[2], 3);
}
END_TEST

START_TEST(numbers_that_are_no_addresses_are_foreign)
{
    static const uintptr_t odd[] = {
        1, 16, 4096, 0x800000000000, 0xFFFF800000000000, UINTPTR_MAX - 15, UINTPTR_MAX};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) free_foreign((const void *)odd[i]);
}
END_TEST

/* Inside large blocks, also beyond their first 4 MiB, where no chunk head is. */
START_TEST(interior_of_a_large_block_is_not_a_block)
{
    static const size_t sizes[] = {40000, 100000, MIB, 4 * MIB, 13 * MIB};
    for (size_t i = 0; i < 5; i++) {
        size_t n = sizes[i];
        char *p = pk_heap_alloc(heap, n);
        ck_assert_ptr_nonnull(p);
        pattern_fill(p, n, i);
        const size_t offsets[] = {1, 16, 4096, n / 2 & ~(size_t)15, n - 16, n - 1};
        for (size_t k = 0; k < 6; k++) {
            pk_heap_free(hidden(p + offsets[k]));
            expect_fault(PK_FAULT_NOT_A_BLOCK, p + offsets[k]);
        }
        ck_assert_ptr_eq(pk_heap_of(p), heap);
        ck_assert(pattern_holds(p, n, n, i));
        ck_assert_uint_eq(heap_figures(heap).n_live, 1);
        pk_heap_free(p);
        ck_assert_uint_eq(faults.count, 0);
    }
}
END_TEST

START_TEST(interior_of_a_block_aligned_to_4_mib_is_not_a_block)
{
    char *p = pk_heap_alloc_aligned(heap, 9 * MIB, 4 * MIB);
    ck_assert_ptr_nonnull(p);
    for (size_t at = 16; at < 9 * MIB; at = at * 8) {
        pk_heap_free(hidden(p + at));
        expect_fault(PK_FAULT_NOT_A_BLOCK, p + at);
    }
    pk_heap_free(hidden(p + 4 * MIB));
    expect_fault(PK_FAULT_NOT_A_BLOCK, p + 4 * MIB);
    pk_heap_free(p);
    ck_assert_uint_eq(faults.count, 0);
}
END_TEST

/* A small block's fault may be found when the batch it is in goes home: at the latest by trim. */
START_TEST(interior_of_a_small_block_is_found_by_trim)
{
    static const size_t sizes[] = {32, 100, 1000, 5000, 30000};
    for (size_t i = 0; i < 5; i++) {
        char *p = pk_heap_alloc(heap, sizes[i]);
        pattern_fill(p, sizes[i], i);
        pk_heap_free(hidden(p + 16));
        pk_heap_trim(heap, 0);
        expect_fault(PK_FAULT_NOT_A_BLOCK, p + 16);
        ck_assert(pattern_holds(p, sizes[i], sizes[i], i));
        pk_heap_free(p);
        pk_heap_trim(heap, 0);
        ck_assert_uint_eq(faults.count, 0);
        heap_is_sound(heap);
    }
}
END_TEST

START_TEST(double_free_is_found_by_trim)
{
    static const size_t sizes[] = {16, 100, 1000, 5000, 30000};
    for (size_t i = 0; i < 5; i++) {
        void *neighbour = pk_heap_alloc(heap, sizes[i]); /* keeps the slab in use */
        void *p = pk_heap_alloc(heap, sizes[i]);
        pk_heap_free(p);
        pk_heap_free(hidden(p));
        pk_heap_trim(heap, 0);
        expect_fault(PK_FAULT_DOUBLE_FREE, p);
        ck_assert_uint_eq(heap_figures(heap).n_live, 1);
        heap_is_sound(heap);
        pk_heap_free(neighbour);
    }
}
END_TEST

/* A large block that was freed may be gone (foreign) or kept for reuse (free already). */
START_TEST(double_free_of_a_large_block_is_found_at_once)
{
    static const size_t sizes[] = {40000, MIB, 9 * MIB};
    for (size_t i = 0; i < 3; i++) {
        void *p = pk_heap_alloc(heap, sizes[i]);
        pk_heap_free(p);
        ck_assert_uint_eq(faults.count, 0);
        pk_heap_free(hidden(p));
        ck_assert_uint_eq(faults.count, 1);
        expect_fault(faults.kind == PK_FAULT_FOREIGN       ? PK_FAULT_FOREIGN
                     : faults.kind == PK_FAULT_NOT_A_BLOCK ? PK_FAULT_NOT_A_BLOCK
                                                           : PK_FAULT_DOUBLE_FREE,
                     p);
        ck_assert_uint_eq(heap_figures(heap).n_live, 0);
        heap_is_sound(heap);
    }
}
END_TEST

/* Frees `p` in a child with the default handler; its standard error goes to `text`. */
static int die_of(void *p, char *text, size_t size)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(ends[1], STDERR_FILENO);
        pk_on_fault(NULL, NULL);
        pk_heap_free(p);
        pk_heap_trim(heap, 0);
        _exit(0);
    }
    close(ends[1]);
    size_t got = 0;
    ssize_t n;
    while (got + 1 < size && (n = read(ends[0], text + got, size - 1 - got)) > 0) got += (size_t)n;
    text[got] = '\0';
    close(ends[0]);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(default_handler_prints_one_line_and_aborts)
{
    if (TEST_EMULATED) return; /* the emulator adds a line */
    char text[1024], line[256];
    int local = 0;
    int status = die_of(hidden(&local), text, sizeof text);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
    snprintf(line, sizeof line, ": free of %p: ", (void *)&local);
    ck_assert_int_eq(strncmp(text, "poolkit: ", 9), 0);
    ck_assert_ptr_nonnull(strstr(text, line));
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

START_TEST(default_handler_names_the_heap)
{
    if (TEST_EMULATED) return; /* the emulator adds a line */
    char text[1024], line[256];
    pk_heap_opts opts = {.size = sizeof opts, .name = "sessions"};
    pk_heap *named;
    ck_assert_int_eq(pk_heap_create(&named, &opts), PK_OK);
    char *p = pk_heap_alloc(named, 200000);
    int status = die_of(hidden(p + 16), text, sizeof text);
    snprintf(line, sizeof line, "poolkit: sessions: free of %p: not the start of a block\n",
             (void *)(p + 16));
    ck_assert_str_eq(text, line);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
    pk_heap_destroy(named);
}
END_TEST

START_TEST(correct_frees_are_no_faults)
{
    for (size_t n = 0; n < 9 * MIB; n += n / 3 + 1) {
        pk_heap_free(pk_heap_alloc(heap, n));
        pk_heap_free_sized(pk_heap_zalloc(heap, n), n);
        pk_heap_free(pk_heap_alloc_aligned(heap, n, 512));
    }
    pk_heap_free(NULL);
    pk_heap_trim(heap, 0);
    ck_assert_uint_eq(faults.count, 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("heap_fault");
    TCase *tcase = tcase_create("fault");
    tcase_add_checked_fixture(tcase, setup, teardown);
    ADD_CASE(suite, tcase, 30, foreign_pointers_are_reported_once_and_left_alone,
             numbers_that_are_no_addresses_are_foreign, interior_of_a_large_block_is_not_a_block,
             interior_of_a_block_aligned_to_4_mib_is_not_a_block,
             interior_of_a_small_block_is_found_by_trim, double_free_is_found_by_trim,
             double_free_of_a_large_block_is_found_at_once,
             default_handler_prints_one_line_and_aborts, default_handler_names_the_heap,
             correct_frees_are_no_faults);
    return suite;
}

TEST_MAIN(make_suite)
