/* SPDX-License-Identifier: MIT */
/*
 * System calls that fail, each in a child of its own: mmap, munmap, madvise, mprotect, mremap,
 * getrandom, all mappings in use. The allocator answers NULL with ENOMEM or goes on; it does not
 * crash, lose content, hand out dirty memory for calloc, let memory grow, or change errno in free.
 */
#include "check.h"

#if !defined(__linux__) || !defined(__x86_64__)
int main(void) { check_skip("needs seccomp on x86-64"); }
#else

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* From now on these system calls of this process fail with `error` and do nothing. */
static void deny(const long *calls, size_t count, int error)
{
    enum { most = 8 };
    struct sock_filter f[2 * most + 4];
    unsigned short n = 0;
    REQUIRE(count <= most);
    f[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++) {
        f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
        f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error);
    }
    f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, f};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(exit_skip);
}

#define DENY(error, ...)                                                                           \
    do {                                                                                           \
        const long denied[] = {__VA_ARGS__};                                                       \
        deny(denied, sizeof denied / sizeof denied[0], error);                                     \
    } while (0)

/* Blocks of every size come and go; the number of calls that gave NULL. */
static size_t work(size_t steps, unsigned max_bits)
{
    enum { live = 300 };
    static struct {
        unsigned char *p;
        size_t n;
    } t[live];
    check_rng r = {UINT64_C(0x6a09e667f3bcc909)};
    size_t failed = 0;
    for (size_t step = 0; step < steps; step++) {
        size_t i = rng_below(&r, live), n = rng_size(&r, max_bits);
        unsigned char *p;
        if (t[i].p != NULL && rng_below(&r, 3) == 0) {
            errno = 0;
            p = realloc(t[i].p, n);
            size_t head = n < t[i].n ? n : t[i].n;
            head = head < 64 ? head : 64;
            if (p == NULL) {
                CHECKF(errno == ENOMEM, "realloc(%zu -> %zu) errno %d", t[i].n, n, errno);
                failed++;
                CHECK(sparse_check(t[i].p, t[i].n, i) == t[i].n);
                continue;
            }
            CHECKF(pattern_check(p, head, i) == head, "realloc(%zu -> %zu)", t[i].n, n);
        } else {
            if (t[i].p != NULL)
                CHECKF(sparse_check(t[i].p, t[i].n, i) == t[i].n, "block of %zu", t[i].n);
            errno = 4242;
            free(t[i].p);
            CHECKF(errno == 4242, "free of %zu set errno %d", t[i].n, errno);
            t[i].p = NULL;
            size_t kind = rng_below(&r, 3);
            errno = 0;
            p = kind == 0 ? malloc(n) : kind == 1 ? calloc(1, n) : memalign(4096, n);
            if (p == NULL) {
                CHECKF(errno == ENOMEM, "allocation of %zu, errno %d", n, errno);
                failed++;
                continue;
            }
            if (kind == 1) {
                size_t at = 0;
                while (at < n && p[at] == 0) at++;
                CHECKF(at == n, "calloc of %zu: byte %zu is not 0", n, at);
            }
        }
        t[i].p = p;
        t[i].n = n;
        memset(p, 0xee, n);
        sparse_fill(p, n, i);
    }
    malloc_trim(0);
    for (size_t i = 0; i < live; i++) {
        free(t[i].p);
        t[i].p = NULL;
    }
    malloc_trim(0);
    return failed;
}

static void *work_in_thread(void *arg)
{
    (void)arg;
    (void)work(300, 12);
    return NULL;
}

static void stays_small(const char *what)
{
    size_t peak = check_status_kib("VmHWM:");
    CHECKF(peak < 700 * 1024, "%s: peak of %zu KiB", what, peak);
}

static void mmap_fails(void)
{
    (void)work(500, 16);
    struct rlimit none = {0, 0}; /* for brk: it has no way to answer with an error */
    REQUIRE(setrlimit(RLIMIT_DATA, &none) == 0);
    DENY(ENOMEM, SYS_mmap, SYS_mremap);
    CHECK(malloc(64 * MIB) == NULL && errno == ENOMEM);
    CHECK(calloc(64, MIB) == NULL && errno == ENOMEM);
    size_t failed = work(20000, 22);
    CHECKF(failed > 0, "%zu calls failed", failed);
    for (size_t n = 8; n <= 4096; n *= 2) { /* what there is must be usable to the end */
        void *list = NULL, *p;
        size_t count = 0;
        for (; (p = malloc(n)) != NULL && count < 1000000; count++) {
            *(void **)p = list;
            list = p;
        }
        CHECK(errno == ENOMEM);
        while (list != NULL) {
            p = *(void **)list;
            free(list);
            list = p;
        }
    }
}

static void munmap_fails(void)
{
    DENY(ENOMEM, SYS_munmap);
    size_t failed = work(12000, 22);
    CHECKF(failed == 0, "%zu calls failed", failed);
    for (size_t i = 0; i < 3000; i++) {
        char *p = malloc(3 * MIB + i * 4096);
        REQUIRE(p != NULL);
        p[0] = 1;
        memset(p + MIB, 1, 4096);
        errno = 4242;
        free(p);
        CHECKF(errno == 4242, "free set errno %d", errno);
    }
    stays_small("munmap fails");
}

static void madvise_fails(void)
{
    DENY(EINVAL, SYS_madvise);
    size_t failed = work(12000, 22);
    CHECKF(failed == 0, "%zu calls failed", failed);
    stays_small("madvise fails");
}

static void mprotect_fails(void)
{
    DENY(ENOMEM, SYS_mprotect);
    size_t failed = work(12000, 22);
    CHECKF(failed == 0, "%zu calls failed", failed);
    stays_small("mprotect fails");
}

static void mremap_fails(void)
{
    DENY(ENOMEM, SYS_mremap);
    size_t failed = work(12000, 23);
    CHECKF(failed == 0, "%zu calls failed", failed);
    stays_small("mremap fails");
}

/* Calls that give pages back all fail at once, and there are threads. */
static void giving_back_fails(void)
{
    DENY(ENOMEM, SYS_munmap, SYS_madvise, SYS_mprotect, SYS_mremap);
    size_t failed = work(8000, 20);
    CHECKF(failed == 0, "%zu calls failed", failed);
    stays_small("all but mmap fails");
}

/* The filter lasts over exec, so the allocator starts without these. */
static void from_the_start(void)
{
    static char again[] = "again", self[] = "/proc/self/exe";
    char *args[] = {self, again, NULL};
    DENY(ENOSYS, SYS_getrandom, SYS_madvise, SYS_mremap, SYS_sched_getaffinity, SYS_prctl);
    execv(self, args);
    CHECKF(0, "execv: %s", strerror(errno));
}

static void no_mapping_left(void)
{
    enum { span = 140000 };
    char *p = mmap(NULL, (size_t)span * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(p != MAP_FAILED);
    (void)work(1000, 16);
    size_t i = 0;
    while (i < span && mprotect(p + i * 4096, 4096, PROT_READ) == 0)
        i += 2; /* every second page is a mapping of its own */
    int full = i < span;
    (void)work(10000, 21); /* some calls may give NULL */
    pthread_t t;
    if (pthread_create(&t, NULL, work_in_thread, NULL) == 0) pthread_join(t, NULL);
    stays_small("no mapping left");
    munmap(p, (size_t)span * 4096);
    size_t failed = work(5000, 21);
    CHECKF(failed == 0, "mappings are back, %zu calls failed", failed);
    if (!full) _exit(exit_skip); /* this system has no such limit, or a high one */
}

static void run(const char *name, void (*test)(void))
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        alarm(30);
        check_failures = 0;
        test();
        _exit(check_result());
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == exit_skip) return;
    CHECKF(status == 0, "%s: wait status %#x%s", name, (unsigned)status,
           WIFSIGNALED(status) ? ", ended by a signal" : "");
}

int main(int argc, char **argv)
{
    (void)argv;
    check_time_limit(100);
    if (argc > 1) {
        CHECK(work(5000, 20) == 0);
        return check_result();
    }
    run("mmap fails", mmap_fails);
    run("munmap fails", munmap_fails);
    run("madvise fails", madvise_fails);
    run("mprotect fails", mprotect_fails);
    run("mremap fails", mremap_fails);
    run("giving back fails", giving_back_fails);
    run("from the start", from_the_start);
    run("no mapping left", no_mapping_left);
    return check_result();
}

#endif
