/* SPDX-License-Identifier: MIT
 * rss.h: memory of this process as the system sees it, in bytes; 0 when it cannot be read. */
#ifndef TEST_RSS_H
#define TEST_RSS_H

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A number of kB behind `key` in /proc/self/status. Allocates nothing. */
static inline size_t proc_status_bytes(const char *key)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0) return 0;
    text[got] = '\0';
    const char *at = strstr(text, key);
    return at ? (size_t)strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

/* Resident now. */
static inline size_t rss_now(void) { return proc_status_bytes("VmRSS:"); }

/* The most that was resident at once since this process was forked. */
static inline size_t rss_peak(void) { return proc_status_bytes("VmHWM:"); }

/* Address space in use, resident or not. */
static inline size_t vm_now(void) { return proc_status_bytes("VmSize:"); }

#endif /* TEST_RSS_H */
