/* SPDX-License-Identifier: MIT
 * pages_fixture.h: what the system knows about our pages, and programs that must die. */
#ifndef TEST_PAGES_FIXTURE_H
#define TEST_PAGES_FIXTURE_H

#include "build.h"
#include "expect.h"
#include "os/pages.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool page_is_mapped(const void *p)
{
    unsigned char in_core;
    return mincore((char *)(uintptr_t)p, pki_os_page_size(), &in_core) == 0;
}

static inline bool page_is_resident(const void *p)
{
    unsigned char in_core = 0;
    EXPECT(mincore((char *)(uintptr_t)p, pki_os_page_size(), &in_core) == 0);
    return (in_core & 1) != 0;
}

/* Pages of [p, p + size) that are resident; p on a page boundary. */
static inline size_t resident_pages(const void *p, size_t size)
{
    size_t n = 0, page = pki_os_page_size();
    for (size_t at = 0; at < size; at += page) n += page_is_resident((const char *)p + at);
    return n;
}

/* Can the system move the pages of a range and leave the range? Linux from 5.7 on; not qemu. If it cannot,
 * that is said, and the test is over: tests/oom has what the library does then. */
static inline bool contents_can_be_moved(void)
{
    size_t n = pki_os_page_size();
    char *from = pki_os_map(n, n), *to = pki_os_map(n, n);
    EXPECT(from && to);
    bool moved = pki_os_move_contents(from, n, to);
    if (!moved) printf("skipped: this system does not move pages so\n");
    if (page_is_mapped(from)) pki_os_release(from, n);
    pki_os_release(to, n);
    return moved;
}

/* Runs fn in a child of its own; its wait status. */
static inline int status_of_child(void (*fn)(void *arg), void *arg)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        fn(arg);
        keep_counts();
        _exit(0);
    }
    EXPECT(waitpid(child, &status, 0) == child);
    return status;
}

static inline void ends_well(void (*fn)(void *arg), void *arg)
{
    int status = status_of_child(fn, arg);
    EXPECT_AT(WIFEXITED(status) && WEXITSTATUS(status) == 0, status, 0);
}

static inline void write_one_byte(void *p)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would exit */
    *(volatile char *)p = 1;
}

/* Does a write to `p` end the program? */
static inline bool is_guarded(void *p)
{
    int status = status_of_child(write_one_byte, p);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

#endif /* TEST_PAGES_FIXTURE_H */
