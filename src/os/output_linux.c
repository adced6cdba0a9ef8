/* SPDX-License-Identifier: MIT
 * output_linux.c: output.h on Linux. */
#include "os/output.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/process.h"

uint64_t pki_os_process_id(void) { return (uint64_t)getpid(); }

/* ---- threads ---- */

bool pki_os_is_alone(void)
{
    struct stat tasks; /* a folder has a link for itself, its name, and each folder in it */
    int saved_errno = errno;
    bool known = stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink >= 3;
    errno = saved_errno;
    return known && tasks.st_nlink - 3 <= pki_os_own_threads();
}

/* ---- the signal ---- */

static struct {
    _Atomic uint32_t asked; /* how often; the futex that the thread waits on */
    void (*fn)(void);
} reports;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&reports.asked, 1);
    pki_os_wake(&reports.asked);
}

/* Signals that come while fn runs are answered by one run more. */
static void serve(void)
{
    for (uint32_t answered = 0;;) {
        uint32_t asked = atomic_load(&reports.asked);
        if (asked == answered) {
            pki_os_wait(&reports.asked, answered);
        } else {
            answered = asked;
            reports.fn();
        }
    }
}

static void serve_child(void)
{
    atomic_store(&reports.asked, 0);
    (void)pki_os_start_thread("poolkit-report", serve);
}

bool pki_os_on_report_signal(void (*fn)(void))
{
    struct sigaction present, ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (sigaction(SIGUSR2, NULL, &present) != 0 || (present.sa_flags & SA_SIGINFO) != 0 ||
        present.sa_handler != SIG_DFL) {
        return false;
    }
    reports.fn = fn;
    return pki_os_start_thread("poolkit-report", serve) &&
           pthread_atfork(NULL, NULL, serve_child) == 0 && sigaction(SIGUSR2, &ours, NULL) == 0;
}

/* ---- files ---- */

int pki_os_open_output(const char *path, bool append)
{
    int saved_errno = errno;
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC);
    int descriptor = open(path, flags, 0666);
    errno = saved_errno;
    return descriptor;
}

static struct {
    int descriptor; /* the copy's number and 1; 0 = there is none */
    dev_t device;
    ino_t file;
} kept_error;

enum { KEPT_FROM = 100 }; /* out of the way of programs that count on the lowest numbers */

void pki_os_keep_error_output(void)
{
    int saved_errno = errno;
    struct stat what;
    int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, KEPT_FROM);
    if (copy >= 0 && fstat(copy, &what) == 0) {
        kept_error.descriptor = copy + 1;
        kept_error.device = what.st_dev;
        kept_error.file = what.st_ino;
    }
    errno = saved_errno;
}

/* The number may be another file's by now. */
int pki_os_error_output(void)
{
    int saved_errno = errno;
    struct stat what;
    int copy = kept_error.descriptor - 1;
    bool ours = copy >= 0 && fstat(copy, &what) == 0 && what.st_dev == kept_error.device &&
                what.st_ino == kept_error.file;
    errno = saved_errno;
    return ours ? copy : -1;
}

bool pki_os_write(int descriptor, const char *text, size_t size)
{
    int saved_errno = errno;
    while (size > 0) {
        ssize_t written = write(descriptor, text, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            break;
        }
        text += written;
        size -= (size_t)written;
    }
    errno = saved_errno;
    return size == 0;
}

void pki_os_close(int descriptor)
{
    int saved_errno = errno;
    close(descriptor);
    errno = saved_errno;
}

bool pki_os_replace_file(const char *from, const char *to)
{
    int saved_errno = errno;
    bool replaced = rename(from, to) == 0;
    errno = saved_errno;
    return replaced;
}
