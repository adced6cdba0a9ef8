/* SPDX-License-Identifier: MIT
 * files.c: standard input to replay, output to compare, temporary files.
 */
#include "files.h"

#include "child.h"
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HINT_AFTER_MS 1000

static char buffer[64 * 1024];

static const char *temporary_place(void)
{
    const char *place = getenv("TMPDIR");
    return place && *place ? place : "/tmp";
}

int pki_temporary(void)
{
    int fd = open(temporary_place(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (fd < 0) {
        char *name = pki_format("%s/poolkit-XXXXXX", temporary_place());
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0) {
            unlink(name);
        }
        free(name);
    }
    if (fd < 0) {
        pki_note("cannot make a temporary file in %s: %s", temporary_place(), strerror(errno));
    }
    return fd;
}

char *pki_temporary_folder(void)
{
    char *name = pki_format("%s/poolkit-XXXXXX", temporary_place());
    if (!mkdtemp(name)) {
        pki_note("cannot make a folder in %s: %s", temporary_place(), strerror(errno));
        free(name);
        return NULL;
    }
    return name;
}

void pki_remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder) {
        closedir(folder);
    }
    rmdir(path);
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno != EINTR) {
            return false;
        }
        bytes += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

/* A pipe may stay open with nothing in it: then say what we are waiting for. */
static int spool(int to)
{
    struct pollfd wait = {.fd = 0, .events = POLLIN};
    if (poll(&wait, 1, HINT_AFTER_MS) == 0) {
        pki_note("reading all of standard input first, to give it to every run "
                 "(</dev/null if the command needs none)");
    }
    for (;;) {
        ssize_t n = read(0, buffer, sizeof buffer);
        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno == EINTR && !pki_signals_seen()) {
            continue;
        }
        if (n < 0 && errno == EINTR) {
            return 128 + pki_signals_seen();
        }
        if (n < 0 || !write_all(to, buffer, (size_t)n)) {
            return pki_fail(PKI_EXIT_OWN, "cannot copy standard input: %s", strerror(errno));
        }
    }
}

int pki_input_open(pki_input *out)
{
    struct stat about;
    *out = (pki_input){.descriptor = 0, .start = 0};
    bool there = fstat(0, &about) == 0;
    if (!there || isatty(0)) {
        out->descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return 0;
    }
    if (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode)) {
        out->descriptor = pki_temporary();
        return out->descriptor < 0 ? PKI_EXIT_OWN : spool(out->descriptor);
    }
    off_t at = lseek(0, 0, SEEK_CUR);
    out->start = at > 0 ? at : 0;
    return 0;
}

void pki_input_rewind(const pki_input *input) { lseek(input->descriptor, input->start, SEEK_SET); }

pki_digest pki_drain(int descriptor, int to)
{
    pki_digest out = {.hash = UINT64_C(0xcbf29ce484222325)};
    bool open = to >= 0;
    ssize_t n;
    while ((n = pread(descriptor, buffer, sizeof buffer, (off_t)out.bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            out.hash = (out.hash ^ (unsigned char)buffer[i]) * UINT64_C(0x100000001b3);
        }
        out.bytes += (uint64_t)n;
        open = open && write_all(to, buffer, (size_t)n);
    }
    return out;
}
