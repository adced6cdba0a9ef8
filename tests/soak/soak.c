/* SPDX-License-Identifier: MIT
 * soak.c: an ordinary program that does for minutes what makes allocators grow: churn, blocks handed from
 * thread to thread, threads that come and go, forks, libraries that come and go. Prints one line each
 * second: seconds, resident KiB, mappings, descriptors. run.sh judges them.
 *
 *   soak SECONDS [memory | file]      with a leak of one each second, for a test of run.sh */
#include "../dropin/check.h"

#include <dirent.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { SHELF = 4096, CHURN = 2000, WORKERS = 3, LARGE = 3 * 1024 * 1024 };

static int stop;

/* Blocks that any thread may take off and free; so most are freed by another thread. */
static void *_Atomic shelf[SHELF];

static int running(void) { return !__atomic_load_n(&stop, __ATOMIC_RELAXED); }

static void *block_of(check_rng *r, unsigned bits)
{
    size_t n = rng_size(r, bits);
    char *p = rng_below(r, 4) ? malloc(n) : calloc(1, n);
    REQUIRE(p != NULL);
    p[0] = p[n - 1] = 1;
    return p;
}

static void hand_over(check_rng *r)
{
    free(atomic_exchange(&shelf[rng_below(r, SHELF)], block_of(r, 11)));
}

static void churn(check_rng *r, void **mine, size_t steps)
{
    for (size_t step = 0; step < steps; step++) {
        size_t i = rng_below(r, CHURN);
        unsigned bits = 12;
        if (rng_below(r, 8) == 0) {
            mine[i] = realloc(mine[i], rng_size(r, bits));
        } else {
            free(mine[i]);
            mine[i] = block_of(r, bits);
        }
        if (step % 4 == 0) hand_over(r);
        if (step % 500 == 0) free(memset(malloc(LARGE), 1, LARGE));
    }
}

static void *worker(void *arg)
{
    check_rng r = {(uint64_t)(uintptr_t)arg * 7919 + 1};
    void **mine = calloc(CHURN, sizeof *mine);
    REQUIRE(mine != NULL);
    while (running()) {
        churn(&r, mine, 20000);
        usleep(1000);
    }
    for (size_t i = 0; i < CHURN; i++) free(mine[i]);
    free(mine);
    return NULL;
}

static void *brief(void *arg)
{
    check_rng r = {(uint64_t)(uintptr_t)arg + 1};
    for (size_t i = 0; i < 200; i++) hand_over(&r);
    return NULL;
}

static void a_few_threads(uint64_t round)
{
    pthread_t t[8];
    for (size_t i = 0; i < 8; i++)
        REQUIRE_OK(pthread_create(&t[i], NULL, brief, (void *)(uintptr_t)(round * 8 + i)));
    for (size_t i = 0; i < 8; i++) REQUIRE_OK(pthread_join(t[i], NULL));
}

static void a_fork(uint64_t round)
{
    int status = 0;
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        check_rng r = {round + 1};
        alarm(20);
        for (size_t i = 0; i < 500; i++) hand_over(&r);
        _exit(0);
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECKF(status == 0, "fork %zu: wait status %#x", (size_t)round, (unsigned)status);
}

static void a_library(uint64_t round)
{
    static const char *const names[] = {"libz.so.1", "liblzma.so.5", "libsqlite3.so.0",
                                        "libm.so.6"};
    void *library = dlopen(names[round % 4], RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) CHECK(dlclose(library) == 0);
}

static size_t lines_of_maps(void)
{
    char text[16384];
    size_t n = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (ssize_t got; (got = read(fd, text, sizeof text)) > 0;)
        for (ssize_t i = 0; i < got; i++) n += text[i] == '\n';
    close(fd);
    return n;
}

static size_t descriptors(void)
{
    size_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) return 0;
    while (readdir(dir) != NULL) n++;
    closedir(dir);
    return n;
}

/* A leak on purpose, so that run.sh can show that it sees one. */
static void leak(const char *how)
{
    static void *_Atomic lost;
    if (how[0] == 'm') atomic_store(&lost, memset(malloc(256 * KIB), 1, 256 * KIB));
    if (how[0] == 'f') REQUIRE(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
}

int main(int argc, char **argv)
{
    time_t began = time(NULL), seconds = argc > 1 ? atoi(argv[1]) : 60, shown = -1;
    const char *how = argc > 2 ? argv[2] : "";
    pthread_t t[WORKERS];
    for (size_t i = 0; i < WORKERS; i++)
        REQUIRE_OK(pthread_create(&t[i], NULL, worker, (void *)(uintptr_t)i));
    for (uint64_t round = 0; time(NULL) - began < seconds; round++) {
        a_few_threads(round);
        if (round % 4 == 0) a_fork(round);
        a_library(round);
        time_t now = time(NULL) - began;
        if (now != shown) {
            shown = now;
            leak(how);
            printf("%ld %zu %zu %zu\n", (long)now, check_status_kib("VmRSS:"), lines_of_maps(),
                   descriptors());
            fflush(stdout);
        }
        usleep(20000);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < WORKERS; i++) REQUIRE_OK(pthread_join(t[i], NULL));
    for (size_t i = 0; i < SHELF; i++) free(shelf[i]);
    return check_result();
}
