/* SPDX-License-Identifier: MIT
 * checked_heap_test.c: each fault, with small, medium and large blocks, in hardened and debug mode: when
 * it is found, with which words, and that the faulty call has no effect. */
#include "build.h"
#include "expect.h"
#include "fault_log.h"
#include "runner.h"

#include <errno.h>
#include <poolkit/heap.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t sizes[] = {32, 1024, 256 * KIB};
enum { N_SIZES = 3, N_CASES = 2 * N_SIZES, LARGE = 2 };

static pk_heap *heap;
static fault_log faults;
static size_t n;
static bool debug;

/* Each test runs for each size in each mode. */
static void begin(int i)
{
    debug = i >= N_SIZES;
    n = sizes[i % N_SIZES];
    pk_heap_opts opts = {.name = "checked", .mode = debug ? PK_HEAP_DEBUG : PK_HEAP_HARDENED};
    ck_assert_int_eq(pk_heap_create(&heap, &opts), PK_OK);
    pk_on_fault(fault_log_add, &faults);
}

static bool is_large(void) { return n > 32 * KIB; }

static void end(void)
{
    char text[256] = "";
    faults.count = 0;
    pk_heap_trim(heap, 0);
    EXPECT_AT(faults.count == 0, faults.count, 0);
    EXPECT_AT(pk_heap_audit(heap, text, sizeof text) == 0, 0, 0);
    pk_heap_destroy(heap);
    pk_on_fault(NULL, NULL);
}

static void *get(size_t size)
{
    void *p = pk_heap_alloc(heap, size);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* The compiler shall not know what is freed or written. */
static void *hidden(void *p)
{
    void *volatile copy = p;
    return copy;
}

typedef struct {
    const char *call;
    const void *p;
    const char *what;
    size_t n; /* 0: not told */
    bool allocated, freed;
} expected;

/* One fault was told since the last time, in these words; in debug mode with the places. */
static void told(pk_fault_kind kind, const expected *e)
{
    char line[256];
    int length =
        snprintf(line, sizeof line, "poolkit: checked: %s of %p: %s", e->call, e->p, e->what);
    if (e->n != 0) snprintf(line + length, sizeof line - (size_t)length, "; %zu bytes", e->n);
    ck_assert_uint_eq(faults.count, 1);
    ck_assert_int_eq(faults.kind, kind);
    ck_assert_ptr_eq(faults.ptr, e->p);
    ck_assert_uint_eq(faults.block_size, e->n);
    ck_assert_int_eq(faults.allocated_at != NULL, debug && e->allocated);
    ck_assert_int_eq(faults.freed_at != NULL, debug && e->freed);
    if (debug && e->allocated) {
        ck_assert_int_eq(strncmp(faults.text, line, strlen(line)), 0);
        const char *rest = faults.text + strlen(line);
        ck_assert_int_eq(strncmp(rest, ", allocated at api_checked_heap_test+0x", 39), 0);
        ck_assert_int_eq(strstr(rest, ", freed at api_checked_heap_test+0x") != NULL, e->freed);
    } else {
        ck_assert_str_eq(faults.text, line);
    }
    faults.count = 0;
}

START_TEST(double_free_is_found_at_once)
{
    begin(_i);
    uint64_t before = pk_fault_count();
    char *p = get(n), *other = get(n);
    pk_heap_free(p);
    errno = 4711;
    pk_heap_free(hidden(p));
    ck_assert_int_eq(errno, 4711);
    ck_assert_uint_eq(pk_fault_count(), before + 1);
    expected e = {"free", p, "the block is free already", n, true, true};
    told(PK_FAULT_DOUBLE_FREE, &e);
    ck_assert_ptr_null(pk_heap_realloc(heap, hidden(p), 10));
    ck_assert_int_eq(errno, EINVAL);
    e.call = "realloc";
    told(PK_FAULT_DOUBLE_FREE, &e);
    pk_heap_free(other);
    end();
}
END_TEST

/* When the slab has the block back, and when its page is gone. */
START_TEST(double_free_is_found_later)
{
    begin(_i);
    char *p = get(n), *other = get(n);
    pk_heap_free(p);
    pk_heap_trim(heap, 0);
    pk_heap_free(hidden(p));
    ck_assert_uint_eq(faults.count, 1);
    ck_assert_int_eq(faults.kind, PK_FAULT_DOUBLE_FREE);
    faults.count = 0;
    pk_heap_free(other);
    end();
}
END_TEST

START_TEST(interior_pointers_are_refused)
{
    begin(_i);
    char *p = get(n);
    memset(p, 7, n);
    for (size_t offset = 1; offset < n; offset = offset * 2 + 1) {
        pk_heap_free(hidden(p + offset));
        told(PK_FAULT_NOT_A_BLOCK,
             &(expected){"free", p + offset, "not the start of a block", 0, false, false});
    }
    ck_assert(p[0] == 7 && p[n - 1] == 7);
    pk_heap_free(p);
    end();
}
END_TEST

/* One byte, of any value but the one that was there; the block is not freed. */
START_TEST(overrun_by_one_is_found_at_free)
{
    begin(_i);
    for (size_t more = 0; more < 40; more++) {
        size_t size = n - 20 + more;
        char *p = get(size), *at = hidden(p + size);
        char was = *at;
        *at = 0;
        pk_heap_free(p);
        ck_assert_uint_eq(faults.count, 1);
        ck_assert_int_eq(faults.kind, PK_FAULT_OVERRUN);
        ck_assert(faults.block_size == size || (faults.block_size == 0 && !debug));
        faults.count = 0;
        pk_heap_free(p);
        ck_assert_int_eq(faults.kind, PK_FAULT_OVERRUN);
        faults.count = 0;
        ck_assert_ptr_null(pk_heap_realloc(heap, p, 2 * size));
        ck_assert_uint_eq(faults.count, 1);
        faults.count = 0;
        *at = was;
        pk_heap_free(p);
        ck_assert_uint_eq(faults.count, 0);
    }
    end();
}
END_TEST

START_TEST(overruns_of_many_lengths_are_found)
{
    begin(_i);
    for (size_t length = 1; length <= 16; length++) {
        char *p = get(n);
        memset(hidden(p + n), 0, length); /* no byte of a canary is 0 */
        char text[256];
        ck_assert_uint_ge(pk_heap_audit(heap, text, sizeof text), 1);
        ck_assert_ptr_nonnull(strstr(text, "K1"));
        pk_heap_free(p);
        if (length <= 8 || debug)
            told(PK_FAULT_OVERRUN,
                 &(expected){"free", p, "the block was written beyond its end", n, true, false});
        ck_assert_int_eq(faults.kind, PK_FAULT_OVERRUN);
        faults.count = 0;
    }
    pk_heap_destroy(heap);
    pk_on_fault(NULL, NULL);
}
END_TEST

/* The record of the block before is what an underrun meets. */
START_TEST(underrun_is_found_at_free)
{
    begin(_i);
    char *a = get(n), *b = get(n);
    if (is_large()) { /* what is before it is the guard page of another */
        end();
        return;
    }
    char *low = a < b ? a : b, *high = a < b ? b : a;
    ((char *)hidden(high))[-1] ^= 1;
    pk_heap_free(high);
    told(PK_FAULT_OVERRUN,
         &(expected){"check", low, "the block was written beyond its end", 0, false, false});
    ((char *)hidden(high))[-1] ^= 1;
    pk_heap_free(low);
    end();
}
END_TEST

START_TEST(write_after_free_is_found_when_the_block_is_to_be_used_again)
{
    begin(_i);
    size_t size = is_large() ? n + 100 : n; /* the last bytes: pages before them are shut */
    char *p = get(size);
    pk_heap_free(p);
    ck_assert_uint_eq(faults.count, 0);
    *(char *)hidden(p + size - 1) ^= 1;
    pk_heap_trim(heap, 0);
    told(PK_FAULT_USE_AFTER_FREE,
         &(expected){"reuse", p, "the block was written after it was freed", size, true, true});
    for (int i = 0; i < 100; i++) ck_assert_ptr_ne(get(size), p); /* never used again */
    end();
}
END_TEST

START_TEST(freed_blocks_are_used_again_late_and_in_no_order)
{
    begin(_i);
    char *p = get(n);
    pk_heap_free(p);
    size_t kept = 0;
    for (char *q = get(n); q != p && kept < 100000; q = get(n), kept++) pk_heap_free(q);
    ck_assert_uint_ge(kept, 3);
    ck_assert_uint_lt(kept, 100000);
    end();
}
END_TEST

START_TEST(sizes_are_exact)
{
    begin(_i);
    for (size_t more = 0; more < 20; more++) {
        char *p = get(n + more);
        ck_assert_uint_eq(pk_heap_usable(p), n + more);
        pk_heap_free_sized(p, n + more + 1);
        told(PK_FAULT_WRONG_SIZE,
             &(expected){"free", p, "not a size of its block", n + more, true, false});
        p = pk_heap_realloc(heap, p, n + more + 3);
        ck_assert_uint_eq(pk_heap_usable(p), n + more + 3);
        pk_heap_free_sized(p, n + more + 3);
        ck_assert_uint_eq(faults.count, 0);
        ck_assert_uint_eq(pk_heap_usable(p), 0);
    }
    end();
}
END_TEST

/* ---- what cannot return ---- */

static void write_behind(char *p) { *(char *)hidden(p + n + (size_t)sysconf(_SC_PAGESIZE)) = 1; }
static void write_freed(char *p)
{
    pk_heap_free(p);
    *(char *)hidden(p) = 1;
}
static void free_twice(char *p)
{
    pk_heap_free(p);
    pk_heap_free(hidden(p));
}

/* Runs fn in a child with the default handler; its standard error goes to `text`. */
static int die_of(void (*fn)(char *p), char *p, char *text, size_t size)
{
    int ends[2], status = 0;
    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(ends[1], STDERR_FILENO);
        pk_on_fault(NULL, NULL);
        fn(p);
        _exit(0);
    }
    close(ends[1]);
    size_t got = 0;
    ssize_t part;
    while (got + 1 < size && (part = read(ends[0], text + got, size - 1 - got)) > 0)
        got += (size_t)part;
    text[got] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

/* Pages behind a large block, and those of a freed one, may not be touched. */
START_TEST(guard_pages_stop_at_the_access)
{
    char text[512];
    begin(_i);
    if (!is_large() || !memory_is_measurable()) {
        end();
        return;
    }
    char *p = get(n);
    ck_assert_int_eq(die_of(write_behind, p, text, sizeof text) & 0x7F, SIGSEGV);
    ck_assert_int_eq(die_of(write_freed, p, text, sizeof text) & 0x7F, SIGSEGV);
    memset(p, 1, n);
    pk_heap_free(p);
    end();
}
END_TEST

START_TEST(default_handler_aborts_with_one_line)
{
    char text[512], line[256];
    begin(_i);
    char *p = get(n);
    int status = die_of(free_twice, p, text, sizeof text);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    snprintf(line, sizeof line,
             "poolkit: checked: free of %p: the block is free already; %zu bytes", (void *)p, n);
    ck_assert_int_eq(strncmp(text, line, strlen(line)), 0);
    if (!TEST_EMULATED) ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    pk_heap_free(p);
    end();
}
END_TEST

START_TEST(modes_that_are_none_are_refused)
{
    pk_heap *none = NULL;
    ck_assert_int_eq(pk_heap_create(&none, &(pk_heap_opts){.mode = (pk_heap_mode)4}), PK_EINVAL);
    ck_assert_int_eq(pk_heap_create(&none, &(pk_heap_opts){.mode = (pk_heap_mode)-1}), PK_EINVAL);
    ck_assert_ptr_null(none);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("checked_heap");
    TCase *tcase = tcase_create("faults");
    const TTest *const tests[] = {
        double_free_is_found_at_once,
        double_free_is_found_later,
        interior_pointers_are_refused,
        overrun_by_one_is_found_at_free,
        overruns_of_many_lengths_are_found,
        underrun_is_found_at_free,
        write_after_free_is_found_when_the_block_is_to_be_used_again,
        freed_blocks_are_used_again_late_and_in_no_order,
        sizes_are_exact,
        guard_pages_stop_at_the_access,
        default_handler_aborts_with_one_line,
    };
    tcase_set_timeout(tcase, 30);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(tcase, tests[i], 0, N_CASES);
    suite_add_tcase(suite, tcase);
    TCase *rest = tcase_create("options");
    ADD_CASE(suite, rest, 10, modes_that_are_none_are_refused);
    return suite;
}

TEST_MAIN(make_suite)
