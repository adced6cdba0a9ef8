/* SPDX-License-Identifier: MIT
 * clock.c: time and page faults of the loop, and the system calls for memory in it.
 *
 * To count calls the player splits in two: the child plays under a filter of the kernel's that stops
 * it at brk, mmap, munmap, madvise and mremap only, the parent counts the stops. The child's exit
 * code becomes the parent's.
 */
#include "player.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct timespec begun_wall, begun_cpu;
static long begun_faults;

static long faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

static uint64_t since(clockid_t clock, const struct timespec *begun)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)((now.tv_sec - begun->tv_sec) * 1000000000 + now.tv_nsec - begun->tv_nsec);
}

void clock_begin(struct player *p)
{
    if (p->control->count_calls) p->control->counting = 1;
    begun_faults = faults();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun_cpu);
    clock_gettime(CLOCK_MONOTONIC, &begun_wall);
}

void clock_end(struct player *p)
{
    p->control->wall_ns = since(CLOCK_MONOTONIC, &begun_wall);
    p->control->cpu_ns = since(CLOCK_PROCESS_CPUTIME_ID, &begun_cpu);
    p->control->faults = (uint64_t)(faults() - begun_faults);
    p->control->counting = 0;
}

/* ---- system calls ---- */

#define WHEN(number, index)                                                                        \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                                           \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | (index))

bool calls_begin(struct tape_control *control)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        WHEN(SYS_brk, 0),
        WHEN(SYS_mmap, 1),
        WHEN(SYS_munmap, 2),
        WHEN(SYS_madvise, 3),
        WHEN(SYS_mremap, 4),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        return false;
    }
    control->counted = 1;
    return true;
}

/* What a stop means: a call to count, a signal to hand on, or nothing. */
static long on_stop(struct tape_control *control, pid_t pid, int status)
{
    int event = status >> 16, number = WSTOPSIG(status);
    unsigned long index = 0;
    if (event == PTRACE_EVENT_SECCOMP) {
        if (ptrace(PTRACE_GETEVENTMSG, pid, 0, &index) == 0 && index < TAPE_CALLS &&
            control->counting) {
            control->calls[index]++;
        }
        return 0;
    }
    return event || number == SIGTRAP || number == SIGSTOP ? 0 : number;
}

static _Noreturn void count_calls(struct tape_control *control, pid_t child)
{
    int status;
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    bool begun = false;
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) _exit(1);
        if (pid == child && WIFEXITED(status)) _exit(WEXITSTATUS(status));
        if (pid == child && WIFSIGNALED(status)) _exit(128 + WTERMSIG(status));
        if (!WIFSTOPPED(status)) continue;
        if (!begun && ptrace(PTRACE_SETOPTIONS, child, 0, options) != 0) _exit(1);
        begun = true;
        ptrace(PTRACE_CONT, pid, 0, on_stop(control, pid, status));
    }
}

bool calls_split(struct tape_control *control)
{
    pid_t child = fork();
    if (child < 0) return false;
    if (child > 0) count_calls(control, child);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) return false;
    return raise(SIGSTOP) == 0;
}
