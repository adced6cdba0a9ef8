/* SPDX-License-Identifier: MIT
 * measured.c REPORT LIBRARY COMMAND ARGUMENT...: runs one command with LIBRARY preloaded ("-": none)
 * and writes what it used to the file REPORT, as JSON. Standard input and output are the command's.
 *
 * A program of its own, and a small one: Linux hands the peak memory of the process that calls exec
 * on to what it executes, so that a command that Python started would seem to need Python's memory.
 * Resident memory is looked at every 10 ms, by time and not by events, for its mean.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXEC_FAILED = 127, OWN_FAILURE = 125, SAMPLE_NS = 10 * 1000 * 1000 };

typedef struct resident {
    double sum; /* bytes, over all samples */
    size_t samples;
} resident;

static void die(const char *what)
{
    perror(what);
    exit(OWN_FAILURE);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static pid_t start(const char *library, char **command, const sigset_t *signals)
{
    pid_t pid = fork();
    if (pid < 0) {
        die("fork");
    }
    if (pid == 0) {
        sigprocmask(SIG_UNBLOCK, signals, NULL);
        if (strcmp(library, "-") != 0) {
            setenv("LD_PRELOAD", library, 1);
        }
        execvp(command[0], command);
        perror(command[0]);
        _exit(EXEC_FAILED);
    }
    return pid;
}

static void sample(int statm, resident *r)
{
    char line[128];
    ssize_t n = pread(statm, line, sizeof line - 1, 0);
    if (n <= 0) {
        return;
    }
    line[n] = 0;
    unsigned long pages = 0;
    if (sscanf(line, "%*u %lu", &pages) == 1 && pages > 0) {
        r->sum += (double)pages * (double)sysconf(_SC_PAGESIZE);
        r->samples++;
    }
}

/* Until the command has ended; the signal that tells so is blocked and waited for. */
static void watch(pid_t pid, const sigset_t *signals, int *status, struct rusage *usage,
                  resident *r)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    int statm = open(path, O_RDONLY | O_CLOEXEC);
    const struct timespec interval = {.tv_nsec = SAMPLE_NS};
    while (wait4(pid, status, WNOHANG, usage) == 0) {
        sigtimedwait(signals, NULL, &interval);
        sample(statm, r);
    }
    close(statm);
}

static void report(const char *path, int status, double wall, const struct rusage *usage,
                   const resident *r)
{
    FILE *out = fopen(path, "we");
    if (!out) {
        die(path);
    }
    double peak = (double)usage->ru_maxrss * 1024;
    fprintf(out,
            "{\"code\": %d, \"wall\": %.6f, \"user\": %.6f, \"system\": %.6f, \"peak\": %.0f, "
            "\"mean\": %.0f, \"samples\": %zu, \"minor_faults\": %ld, \"major_faults\": %ld}\n",
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), wall,
            seconds(usage->ru_utime), seconds(usage->ru_stime), peak,
            r->samples ? r->sum / (double)r->samples : peak, r->samples, usage->ru_minflt,
            usage->ru_majflt);
    if (fclose(out) != 0) {
        die(path);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: measured REPORT LIBRARY COMMAND ARGUMENT...\n");
        return OWN_FAILURE;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    int status = 0;
    struct rusage usage;
    resident r = {0};
    double begun = now();
    pid_t pid = start(argv[2], argv + 3, &signals);
    watch(pid, &signals, &status, &usage, &r);
    report(argv[1], status, now() - begun, &usage, &r);
    return 0;
}
