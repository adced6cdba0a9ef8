/* SPDX-License-Identifier: MIT
 * os_test.c: src/os/pages.h and src/os/process.h: each promise about a range of pages. */
#include "os/pages.h"
#include "build.h"
#include "os/process.h"
#include "pages_fixture.h"
#include "pattern.h"
#include "rss.h"
#include "runner.h"

#include <errno.h>
#include <time.h>

static bool is_multiple(const void *p, size_t align) { return (uintptr_t)p % align == 0; }

START_TEST(page_size_is_the_systems)
{
    size_t page = pki_os_page_size();
    ck_assert_uint_eq(page, (size_t)sysconf(_SC_PAGESIZE));
    ck_assert_uint_eq(page, pki_os_page_size());
}
END_TEST

/* Each pair of size and alignment, twice, so that places beside the last one are used as well. */
START_TEST(mapped_at_every_alignment)
{
    size_t page = pki_os_page_size();
    for (size_t align = page; align <= 256 * MIB; align *= 2) {
        for (size_t size = page; size <= 16 * MIB; size *= 8) {
            errno = 1234;
            char *p = pki_os_map(size, align), *q = pki_os_map(size, align);
            EXPECT_AT(p && q && is_multiple(p, align) && is_multiple(q, align), align, size);
            EXPECT_AT(errno == 1234, errno, size);
            EXPECT_AT(p + size <= q || q + size <= p, align, size);
            p[0] = p[size - 1] = q[0] = q[size - 1] = 1;
            EXPECT(pki_os_release(p, size) && pki_os_release(q, size));
            EXPECT_AT(!page_is_mapped(p) && !page_is_mapped(p + size - page), align, size);
        }
    }
}
END_TEST

/* What is cut off a mapping to align it goes back to the system. */
START_TEST(alignment_leaves_nothing_behind)
{
    size_t before = 0;
    for (int i = 0; i < 200; i++) {
        void *odd = pki_os_map(pki_os_page_size(), pki_os_page_size()); /* moves the next place */
        void *p = pki_os_map(4 * MIB, 4 * MIB), *q = pki_os_reserve(4 * MIB, 64 * MIB);
        EXPECT(odd && is_multiple(p, 4 * MIB) && is_multiple(q, 64 * MIB));
        EXPECT(pki_os_release(p, 4 * MIB) && pki_os_release(q, 4 * MIB));
        EXPECT(pki_os_release(odd, pki_os_page_size()));
        if (i == 20) before = vm_now();
    }
    if (memory_is_measurable()) EXPECT_AT(vm_now() == before, vm_now(), before);
}
END_TEST

START_TEST(too_much_is_refused)
{
    errno = 0;
    EXPECT(!pki_os_map((size_t)1 << 47, pki_os_page_size()) && errno == ENOMEM);
    EXPECT(!pki_os_reserve(SIZE_MAX & ~(size_t)65535, 4 * MIB));
    EXPECT(!pki_os_map(SIZE_MAX & ~(size_t)65535, (size_t)1 << 46));
    EXPECT(!pki_os_map(4 * MIB, (size_t)1 << 62));
}
END_TEST

START_TEST(reserved_then_committed)
{
    char *p = pki_os_reserve(MIB, 4 * MIB);
    EXPECT(p && is_multiple(p, 4 * MIB));
    EXPECT(is_guarded(p) && is_guarded(p + MIB - 1));
    EXPECT(pki_os_commit(p + 64 * KIB, 64 * KIB));
    EXPECT(pattern_zero(p + 64 * KIB, 64 * KIB, MIB));
    pattern_fill(p + 64 * KIB, 64 * KIB, 1);
    EXPECT(is_guarded(p + 64 * KIB - 1) && is_guarded(p + 128 * KIB));
    EXPECT(pattern_holds(p + 64 * KIB, 64 * KIB, 64 * KIB, 1));
    EXPECT(pki_os_release(p, MIB));
}
END_TEST

START_TEST(fresh_is_zero_and_untouched)
{
    char *p = pki_os_map(MIB, 64 * KIB);
    EXPECT(p);
    pki_os_huge_pages(p, MIB, false);
    if (memory_is_measurable()) EXPECT_AT(resident_pages(p, MIB) == 0, resident_pages(p, MIB), 0);
    EXPECT(pattern_zero(p, MIB, MIB));
    EXPECT(pki_os_release(p, MIB));
}
END_TEST

/* Exactly the purged range is gone: its neighbours keep their bytes. */
START_TEST(purged_is_zero)
{
    size_t page = pki_os_page_size();
    unsigned char *p = pki_os_map(16 * page, page);
    EXPECT(p);
    pki_os_huge_pages(p, 16 * page, false);
    memset(p, 7, 16 * page);
    EXPECT(pki_os_purge(p + 5 * page, 3 * page));
    if (memory_is_measurable()) EXPECT(resident_pages(p, 16 * page) == 13);
    for (size_t i = 0; i < 16 * page; i++) {
        bool purged = i >= 5 * page && i < 8 * page;
        EXPECT_AT(p[i] == (purged ? 0 : 7), i, p[i]);
    }
    p[5 * page] = 1; /* still committed */
    EXPECT(pki_os_release(p, 16 * page));
}
END_TEST

START_TEST(guarded_faults)
{
    size_t page = pki_os_page_size();
    char *p = pki_os_map(3 * page, page);
    EXPECT(p);
    p[page] = 42;
    EXPECT(!is_guarded(p + page));
    EXPECT(pki_os_guard(p + page, page));
    EXPECT(is_guarded(p + page) && is_guarded(p + 2 * page - 1));
    EXPECT(!is_guarded(p + page - 1) && !is_guarded(p + 2 * page));
    EXPECT(pki_os_commit(p + page, page));
    EXPECT(!is_guarded(p + page) && p[page] == 42);
    EXPECT(pki_os_release(p, 3 * page));
}
END_TEST

START_TEST(extends_where_it_is)
{
    char *p = pki_os_map(4 * MIB, 64 * KIB);
    EXPECT(p && pki_os_release(p + 2 * MIB, 2 * MIB));
    pattern_fill(p, 2 * MIB, 1);
    EXPECT(pki_os_extend(p, 2 * MIB, 3 * MIB));
    EXPECT(pattern_holds(p, 2 * MIB, 2 * MIB, 1));
    EXPECT(pattern_zero(p + 2 * MIB, MIB, MIB));
    void *wall = mmap(p + 3 * MIB, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(wall == p + 3 * MIB);
    EXPECT(!pki_os_extend(p, 3 * MIB, 4 * MIB));
    EXPECT(pattern_holds(p, 2 * MIB, 2 * MIB, 1) && pki_os_release(p, 3 * MIB));
    EXPECT(pki_os_release(wall, 4096));
}
END_TEST

START_TEST(move_keeps_contents)
{
    char *p = pki_os_map(MIB, 64 * KIB), *to = pki_os_map(4 * MIB, 4 * MIB);
    EXPECT(p && to);
    pattern_fill(p, MIB, 1);
    memset(to, 9, 4 * MIB);
    EXPECT(pki_os_move(p, MIB, to, 4 * MIB));
    EXPECT(pattern_holds(to, MIB, MIB, 1));
    EXPECT(pattern_zero(to + MIB, 3 * MIB, 4 * MIB));
    EXPECT(!page_is_mapped(p) && !page_is_mapped(p + MIB - pki_os_page_size()));
    EXPECT(pki_os_release(to, 4 * MIB));
}
END_TEST

START_TEST(clock_does_not_go_back)
{
    uint64_t first = pki_os_milliseconds(), last = first;
    struct timespec nap = {0, 2000000};
    for (int i = 0; i < 20; i++) {
        nanosleep(&nap, NULL);
        uint64_t now = pki_os_milliseconds();
        EXPECT_AT(now >= last, now, last);
        last = now;
    }
    EXPECT_AT(last - first >= 20 && last - first < 20000, last, first);
}
END_TEST

static void write_lines(void *fd)
{
    dup2(*(int *)fd, STDERR_FILENO);
    errno = 77;
    pki_os_write_error("one\n", 4);
    pki_os_write_error("two\n", 4);
    EXPECT(errno == 77);
    close(STDERR_FILENO);
    pki_os_write_error("nowhere\n", 8);
    if (errno != 77) _exit(1);
}

START_TEST(errors_are_written)
{
    int fd[2];
    char text[32] = "";
    EXPECT(pipe(fd) == 0);
    ends_well(write_lines, &fd[1]);
    EXPECT(read(fd[0], text, sizeof text) == 8);
    EXPECT(memcmp(text, "one\ntwo\n", 8) == 0);
    close(fd[0]);
    close(fd[1]);
}
END_TEST

START_TEST(environment_is_read)
{
    setenv("POOLKIT_UNIT", "value", 1);
    ck_assert_str_eq(pki_os_environment("POOLKIT_UNIT"), "value");
    unsetenv("POOLKIT_UNIT");
    ck_assert_ptr_null(pki_os_environment("POOLKIT_UNIT"));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("os");
    ADD_CASE(suite, tcase_create("pages"), 20, page_size_is_the_systems, mapped_at_every_alignment,
             alignment_leaves_nothing_behind, too_much_is_refused, reserved_then_committed,
             fresh_is_zero_and_untouched, purged_is_zero, guarded_faults, extends_where_it_is,
             move_keeps_contents);
    ADD_CASE(suite, tcase_create("process"), 10, clock_does_not_go_back, errors_are_written,
             environment_is_read);
    return suite;
}

TEST_MAIN(make_suite)
