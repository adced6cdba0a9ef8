/* SPDX-License-Identifier: MIT
 * child.c: starts the command in a process group of its own, waits, and takes its resource usage.
 *
 * The figures are wait4's: times and faults of the command and of every descendant that it has
 * waited for, and the largest peak among them. A child is first a copy of this process and its
 * peak counts from there, so the tool keeps small; a program smaller than the tool itself (about
 * 2 MiB) is reported at the tool's size.
 */
#include "child.h"

#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STOP_TIMEOUT_SECONDS 10.0

/* Process groups that a signal to us has to reach; 0 is none. */
static volatile sig_atomic_t group_of_command, group_of_load;
static volatile sig_atomic_t seen_signal;

static void on_signal(int signal_number)
{
    int saved = errno;
    /* Who asks a second time means it. */
    int sent = seen_signal ? SIGKILL : signal_number;
    seen_signal = signal_number;
    if (group_of_load) {
        kill(-(pid_t)group_of_load, sent);
    }
    if (group_of_command) {
        kill(-(pid_t)group_of_command, sent);
    }
    errno = saved;
}

void pki_signals_catch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction act = {.sa_handler = on_signal};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction old;
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler != SIG_IGN) {
            sigaction(signals[i], &act, NULL);
        }
    }
}

int pki_signals_seen(void) { return seen_signal; }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec * 1e-6; }

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In the child. A failed exec is told through the pipe, which a successful one closes. */
static _Noreturn void become(const pki_launch *l, pid_t parent, int report)
{
    if (!l->ours) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    if (getppid() == parent && dup2(l->input, 0) == 0 && dup2(l->output, 1) == 1) {
        execvpe(l->path, l->argv, l->environment);
    }
    int error = errno;
    ssize_t n = write(report, &error, sizeof error);
    _exit(n > 0 ? PKI_EXIT_NOT_EXECUTABLE : PKI_EXIT_OWN);
}

static int start(const pki_launch *l, pid_t *pid, volatile sig_atomic_t *group)
{
    int ends[2], error = 0;
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return pki_fail(PKI_EXIT_OWN, "cannot make a pipe: %s", strerror(errno));
    }
    *pid = fork();
    if (*pid == 0) {
        become(l, parent, ends[1]);
    }
    if (*pid < 0) {
        error = errno;
        close(ends[0]);
        close(ends[1]);
        return pki_fail(PKI_EXIT_OWN, "cannot start a process: %s", strerror(error));
    }
    if (!l->ours) {
        setpgid(*pid, *pid);
        *group = *pid;
    }
    close(ends[1]);
    ssize_t n;
    do {
        n = read(ends[0], &error, sizeof error);
    } while (n < 0 && errno == EINTR);
    close(ends[0]);
    if (n <= 0) {
        return 0;
    }
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {}
    *group = 0;
    int code = error == ENOENT                       ? PKI_EXIT_NOT_FOUND
               : error == EACCES || error == ENOEXEC ? PKI_EXIT_NOT_EXECUTABLE
                                                     : PKI_EXIT_OWN;
    return pki_fail(code, "%s: %s", l->argv[0], strerror(error));
}

int pki_child_start(const pki_launch *launch, pid_t *pid)
{
    return start(launch, pid, &group_of_command);
}

/* The load sees the caller's environment: nothing is preloaded into it. */
static int start_load(const pki_launch *l, pid_t command, pid_t *pid)
{
    char shell[] = "/bin/sh", flag[] = "-c";
    char *text = pki_copy(l->load);
    char *argv[] = {shell, flag, text, NULL};
    char *number = pki_format("POOLKIT_PID=%ld", (long)command);
    char **environment = pki_environment(NULL, NULL, number);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    pki_launch load = {
        .path = shell, .argv = argv, .environment = environment, .input = null, .output = null};
    int code = start(&load, pid, &group_of_load);
    close(null);
    free(environment);
    free(text);
    free(number);
    return code;
}

static void fill(pki_sample *out, int status, const struct rusage *usage)
{
    out->code = code_of(status);
    out->user = seconds(usage->ru_utime);
    out->system = seconds(usage->ru_stime);
    out->peak_bytes = (double)usage->ru_maxrss * 1024.0;
    out->minor_faults = (double)usage->ru_minflt;
    out->major_faults = (double)usage->ru_majflt;
}

/* Waits for one process; false when it is still there after the time allowed (0: no limit). */
static bool reap(pid_t pid, double limit, int *status, struct rusage *usage)
{
    double start_time = now();
    for (;;) {
        pid_t got = wait4(pid, status, limit > 0 ? WNOHANG : 0, usage);
        if (got == pid) {
            return true;
        }
        if (limit > 0 && now() - start_time > limit) {
            return false;
        }
        if (got == 0) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
}

static void stop(pid_t pid, int *status, struct rusage *usage)
{
    kill(pid, SIGTERM);
    if (!reap(pid, STOP_TIMEOUT_SECONDS, status, usage)) {
        pki_note("the command does not end on SIGTERM: killed");
        kill(-pid, SIGKILL);
        reap(pid, 0, status, usage);
    }
}

/* Whichever ends first ends the other: the load the command by SIGTERM, which is no failure. */
static void drive(pid_t command, pid_t load, double begun, pki_sample *out)
{
    int status = 0, load_status = 0;
    struct rusage usage = {0};
    siginfo_t ended = {0};
    while (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) != 0 && errno == EINTR) {}
    if (ended.si_pid == command) {
        reap(command, 0, &status, &usage);
        out->wall = now() - begun;
        kill(-load, SIGTERM);
        reap(load, 0, &load_status, &(struct rusage){0});
        fill(out, status, &usage);
        out->code = out->code ? out->code : PKI_EXIT_OWN;
        pki_note("the command ended before its load did");
        return;
    }
    reap(load, 0, &load_status, &(struct rusage){0});
    out->wall = now() - begun;
    group_of_load = 0;
    stop(command, &status, &usage);
    fill(out, status, &usage);
    out->load_code = code_of(load_status);
    if (out->code == 128 + SIGTERM) {
        out->code = 0;
    }
}

int pki_child_run(const pki_launch *launch, pki_sample *out)
{
    pid_t command = 0, load = 0;
    int status = 0;
    struct rusage usage = {0};
    memset(out, 0, sizeof *out);
    double begun = now();
    int code = start(launch, &command, &group_of_command);
    if (code) {
        return code;
    }
    if (!launch->load) {
        reap(command, 0, &status, &usage);
        out->wall = now() - begun;
        fill(out, status, &usage);
    } else if ((code = start_load(launch, command, &load)) != 0) {
        stop(command, &status, &usage);
    } else {
        drive(command, load, begun, out);
    }
    /* Nothing it left behind may disturb the next run. */
    kill(-command, SIGKILL);
    group_of_command = group_of_load = 0;
    return code;
}
