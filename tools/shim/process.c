/* SPDX-License-Identifier: MIT
 * process.c: what the preloaded libraries ask the kernel about the process they are in.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int pki_open(const char *path, int flags, mode_t mode)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

void pki_close(int fd) { syscall(SYS_close, fd); }

size_t pki_read_text(const char *path, char *text, size_t room)
{
    int fd = pki_open(path, O_RDONLY, 0);
    long n = 0;
    size_t got = 0;
    while (fd >= 0 && got < room - 1) {
        n = syscall(SYS_read, fd, text + got, room - 1 - got);
        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        got += (size_t)n;
    }
    if (fd >= 0) {
        pki_close(fd);
    }
    text[got] = '\0';
    return got;
}

uint64_t pki_resident_about(void)
{
    char text[256];
    unsigned long size = 0, resident = 0, shared = 0;
    if (pki_read_text("/proc/self/statm", text, sizeof text) &&
        sscanf(text, "%lu %lu %lu", &size, &resident, &shared) == 3 && resident > shared) {
        return (uint64_t)(resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
    }
    return 0;
}

uint64_t pki_resident_exact(uint64_t otherwise)
{
    char text[4096];
    unsigned long kib = 0;
    pki_read_text("/proc/self/smaps_rollup", text, sizeof text);
    const char *line = strstr(text, "\nAnonymous:");
    if (line && sscanf(line, "\nAnonymous: %lu", &kib) == 1) {
        return (uint64_t)kib * 1024;
    }
    return otherwise;
}

_Atomic uint32_t *pki_word_cleared_by_fork(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return NULL;
    }
#ifdef MADV_WIPEONFORK
    madvise(page, 4096, MADV_WIPEONFORK);
#endif
    return page;
}
