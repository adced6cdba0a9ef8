/* SPDX-License-Identifier: MIT
 * spool.c: the folder in memory between the recorded processes and us.
 *
 * It is named poolkit-record-PID-XXXXXX. Folders whose process has been killed before it could
 * remove them are removed by the next run.
 */
#include "record/session.h"

#include "poolkit/files.h"
#include "poolkit/tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NAME "poolkit-record-"

static void sweep(const char *place)
{
    DIR *folder = opendir(place);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        long pid = strncmp(entry->d_name, NAME, strlen(NAME)) == 0
                       ? strtol(entry->d_name + strlen(NAME), NULL, 10)
                       : 0;
        struct stat about;
        if (pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH &&
            fstatat(dirfd(folder), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(about.st_mode) && about.st_uid == geteuid()) {
            char *path = pki_format("%s/%s", place, entry->d_name);
            pki_remove_folder(path);
            free(path);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

static char *make_in(const char *place)
{
    if (!place || place[0] != '/') {
        return NULL;
    }
    char *path = pki_format("%s/" NAME "%ld-XXXXXX", place, (long)getpid());
    sweep(place);
    if (mkdtemp(path)) {
        return path;
    }
    free(path);
    return NULL;
}

/* The first place that lets us; what is in memory comes first. */
static char *make_folder(void)
{
    const char *const places[] = {"/dev/shm", getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
    size_t n = sizeof places / sizeof *places;
    for (int memory = 1; memory >= 0; memory--) {
        for (size_t i = 0; i < n; i++) {
            struct statfs about;
            if (places[i] && statfs(places[i], &about) == 0 &&
                (about.f_type == TMPFS_MAGIC) == (memory == 1)) {
                char *path = make_in(places[i]);
                if (path) {
                    return path;
                }
            }
        }
    }
    return NULL;
}

static bool make_control(struct spool *s, const struct record_options *o, enum pki_wire_clock clock)
{
    int fd = openat(s->folder, "tmp-control", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    void *page = MAP_FAILED;
    if (fd >= 0 && posix_fallocate(fd, 0, PKI_WIRE_PAGE) == 0) {
        page = mmap(NULL, PKI_WIRE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (page == MAP_FAILED) {
        return false;
    }
    s->control = page;
    s->control->magic = PKI_WIRE_MAGIC;
    s->control->stacks = o->stacks;
    s->control->depth = o->depth;
    s->control->free_stacks = o->free_stacks;
    s->control->clock = clock;
    s->control->may_drop = o->drop;
    s->control->recorder = (int32_t)getpid();
    atomic_store(&s->control->recording, !o->paused && o->delay <= 0);
    return renameat(s->folder, "tmp-control", s->folder, "control") == 0;
}

bool spool_make(struct spool *s, const struct record_options *o, enum pki_wire_clock clock)
{
    *s = (struct spool){.folder = -1, .watch = -1};
    s->path = make_folder();
    if (!s->path) {
        pki_note("cannot make a folder in /dev/shm, $XDG_RUNTIME_DIR, $TMPDIR or /tmp");
        return false;
    }
    s->folder = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (s->folder >= 0 && make_control(s, o, clock)) {
        /* Without a watch every round looks. */
        if (s->watch >= 0 && inotify_add_watch(s->watch, s->path, IN_CREATE | IN_MOVED_TO) < 0) {
            close(s->watch);
            s->watch = -1;
        }
        return true;
    }
    pki_note("cannot write into %s: %s", s->path, strerror(errno));
    spool_end(s);
    return false;
}

bool spool_changed(struct spool *s)
{
    char events[4096];
    bool changed = s->watch < 0;
    while (s->watch >= 0 && read(s->watch, events, sizeof events) > 0) {
        changed = true;
    }
    return changed;
}

void spool_end(struct spool *s)
{
    if (s->control) {
        atomic_store(&s->control->recording, 0);
        atomic_store(&s->control->ended, 1);
        munmap(s->control, PKI_WIRE_PAGE);
    }
    if (s->path) {
        pki_remove_folder(s->path);
    }
    if (s->folder >= 0) {
        close(s->folder);
    }
    if (s->watch >= 0) {
        close(s->watch);
    }
    free(s->path);
    *s = (struct spool){.folder = -1, .watch = -1};
}
