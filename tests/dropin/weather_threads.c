/* SPDX-License-Identifier: MIT */
/*
 * Threads in masses and forks at bad moments: 20,000 threads one after the other whose destructors
 * allocate after the allocator's own have run; 500 threads at once; 1,000 forks while others allocate; forks
 * from a signal handler that interrupts malloc; a thread that ends the process.
 */
#include "check.h"

#include <sys/time.h>
#include <sys/wait.h>

enum { late_threads = 20000, late_warm = 2000, late_growth_kib = 1024, crowd = 500, forks = 1000 };

/* ---- destructors that run as late as they can ---- */

static pthread_key_t late_key;

static void late_destructor(void *arg)
{
    size_t round = (size_t)(uintptr_t)arg;
    void *p = malloc(round * 700), *q = calloc(1, 40);
    REQUIRE(p != NULL && q != NULL);
    free(p);
    free(q);
    if (round < PTHREAD_DESTRUCTOR_ITERATIONS)
        pthread_setspecific(late_key, (void *)(uintptr_t)(round + 1));
}

static void *ends_late(void *arg)
{
    free(malloc(100));
    pthread_setspecific(late_key, (void *)(uintptr_t)1);
    return arg;
}

static void late_destructors(void)
{
    size_t early = 0;
    REQUIRE_OK(pthread_key_create(&late_key, late_destructor));
    for (size_t i = 0; i < late_threads; i++) {
        pthread_t t;
        REQUIRE_OK(pthread_create(&t, NULL, ends_late, NULL));
        REQUIRE_OK(pthread_join(t, NULL));
        if (i == late_warm) early = check_status_kib("VmRSS:");
    }
    size_t late = check_status_kib("VmRSS:");
    CHECKF(late <= early + late_growth_kib, "grew from %zu to %zu KiB", early, late);
}

/* ---- many threads at once ---- */

static pthread_barrier_t all_here;

static void *one_of_the_crowd(void *arg)
{
    size_t id = (size_t)(uintptr_t)arg;
    enum { live = 20 };
    unsigned char *p[live];
    for (size_t i = 0; i < live; i++) {
        p[i] = malloc(1 + i * 97);
        REQUIRE(p[i] != NULL);
        pattern_fill(p[i], 1 + i * 97, id * live + i);
    }
    pthread_barrier_wait(&all_here);
    for (size_t i = 0; i < live; i++) {
        CHECKF(pattern_check(p[i], 1 + i * 97, id * live + i) == 1 + i * 97, "thread %zu", id);
        free(p[i]);
    }
    return NULL;
}

static void threads_at_once(void)
{
    static pthread_t t[crowd];
    pthread_attr_t attr;
    REQUIRE_OK(pthread_attr_init(&attr));
    REQUIRE_OK(pthread_attr_setstacksize(&attr, 64 * KIB));
    REQUIRE_OK(pthread_barrier_init(&all_here, NULL, crowd));
    for (size_t i = 0; i < crowd; i++) {
        int rc = pthread_create(&t[i], &attr, one_of_the_crowd, (void *)(uintptr_t)i);
        if (rc == EAGAIN) check_skip("this system does not allow 500 threads");
        REQUIRE_OK(rc);
    }
    for (size_t i = 0; i < crowd; i++) REQUIRE_OK(pthread_join(t[i], NULL));
    REQUIRE_OK(pthread_barrier_destroy(&all_here));
}

/* ---- forks ---- */

static int stop;

static void *busy(void *arg)
{
    check_rng r = {(uint64_t)(uintptr_t)arg + 1};
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        size_t n = rng_size(&r, 14);
        free(realloc(malloc(n), n * 2));
    }
    return NULL;
}

static void child_allocates(void)
{
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    for (size_t n = 1; n < 200000; n = n * 2 + 1) {
        unsigned char *p = calloc(1, n);
        if (p == NULL || p[0] != 0 || p[n - 1] != 0) _exit(2);
        memset(p, 1, n);
        free(p);
    }
    _exit(0);
}

static void many_forks(void)
{
    pthread_t t[2];
    for (size_t i = 0; i < 2; i++)
        REQUIRE_OK(pthread_create(&t[i], NULL, busy, (void *)(uintptr_t)i));
    for (size_t i = 0; i < forks && check_failures < 3; i++) {
        int status = 0;
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) child_allocates();
        REQUIRE(waitpid(pid, &status, 0) == pid);
        CHECKF(status == 0, "fork %zu: wait status %#x", i, (unsigned)status);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < 2; i++) REQUIRE_OK(pthread_join(t[i], NULL));
}

static volatile sig_atomic_t forked, bad_children;

/* The child does only what POSIX allows it here; the parent goes on in the middle of its call. */
static void fork_now(int sig)
{
    (void)sig;
    int saved = errno, status = 0;
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0)) bad_children++;
    forked++;
    errno = saved;
}

static void forks_from_a_handler(void)
{
    struct sigaction action = {.sa_handler = fork_now, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    check_rng r = {4711};
    enum { live = 500 };
    static unsigned char *p[live];
    static size_t size[live];
    REQUIRE(sigaction(SIGVTALRM, &action, NULL) == 0);
    REQUIRE(setitimer(ITIMER_VIRTUAL, &often, NULL) == 0);
    for (size_t step = 0; step < 3000000 && forked < 100; step++) {
        size_t i = rng_below(&r, live);
        if (p[i] != NULL) CHECK(p[i][0] == (i & 255) && p[i][size[i] - 1] == (i & 255));
        free(p[i]);
        size[i] = rng_size(&r, 15);
        p[i] = malloc(size[i]);
        REQUIRE(p[i] != NULL);
        p[i][0] = p[i][size[i] - 1] = (unsigned char)(i & 255);
    }
    REQUIRE(setitimer(ITIMER_VIRTUAL, &never, NULL) == 0);
    for (size_t i = 0; i < live; i++) free(p[i]);
    CHECKF(forked > 0 && bad_children == 0, "%d forks, %d bad", (int)forked, (int)bad_children);
}

/* ---- the end by another thread ---- */

static void *ends_the_process(void *arg)
{
    void *p = malloc(1000);
    free(arg);
    REQUIRE(p != NULL);
    exit(check_result());
}

static void allocate_at_exit(void)
{
    void *p = malloc(3 * MIB);
    if (p == NULL) _exit(3);
    free(p);
}

static void exit_from_a_thread(void)
{
    int status = 0;
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        pthread_t t;
        signal(SIGALRM, SIG_DFL);
        alarm(10);
        REQUIRE(atexit(allocate_at_exit) == 0);
        REQUIRE_OK(pthread_create(&t, NULL, ends_the_process, malloc(50)));
        for (;;) free(malloc(500));
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECKF(status == 0, "wait status %#x", (unsigned)status);
}

int main(void)
{
    check_time_limit(200);
    late_destructors();
    threads_at_once();
    many_forks();
    if (!check_plain_libc()) forks_from_a_handler(); /* the system's own malloc may hang in it */
    exit_from_a_thread();
    return check_result();
}
