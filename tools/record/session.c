/* SPDX-License-Identifier: MIT
 * session.c: the loop that runs beside the command until it and all its descendants have ended.
 *
 * The order within a round is what makes the end complete: first it is seen which processes are
 * gone, then which files there are, then the rings are drained, and only then are the images of
 * those processes finished: nobody can have written after that.
 */
#include "record/session.h"

#include "record/image.h"

#include "poolkit/tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define BUSY_WAIT (2 * MS)  /* between rounds while events come */
#define IDLE_WAIT (10 * MS) /* and while none come */
#define EARLY_WAIT (MS / 2) /* in the beginning: a short program is to be seen alive */
#define EARLY (100 * MS)
#define SAMPLE_BUSY (2 * MS) /* between samples while events come: peaks are short */
#define SAMPLE_LEAST (10 * MS)
#define SAMPLE_MOST (80 * MS)
#define FLUSH_EVERY (2 * SECOND)
#define ORPHAN_WAIT (100 * MS)
#define LAST_WORDS MS /* for threads that were in the middle of an event when we stopped */

static bool is_live(const struct image *image) { return image->shared != NULL; }

static size_t count_live(const struct session *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_images; i++) {
        n += is_live(s->images[i]);
    }
    return n;
}

/* Orphaned descendants become our children, so that nobody stays a zombie. */
static void reap(struct session *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->command) {
            s->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            s->command = 0;
            s->ended = ticks_monotonic();
        }
    }
    s->childless = pid < 0;
}

static bool is_older(const struct image *a, const struct image *b)
{
    return ticks_since(a->start, b->start) > 0;
}

/* An image is over when its process has ended or begun another image. */
static bool is_over(const struct session *s, const struct image *image)
{
    struct pollfd ended = {.fd = image->process, .events = POLLIN};
    /* Without a pidfd a process is seen to be gone only when its parent has taken note of it. */
    if (image->process < 0 ? kill(image->pid, 0) != 0 && errno == ESRCH
                           : poll(&ended, 1, 0) == 1 && ended.revents) {
        return true;
    }
    for (size_t i = 0; i < s->n_images; i++) {
        if (s->images[i]->pid == image->pid && is_older(image, s->images[i])) {
            return true;
        }
    }
    return false;
}

static bool see_who_is_gone(struct session *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n_images; i++) {
        struct image *image = s->images[i];
        if (is_live(image) && !image->gone && is_over(s, image)) {
            image->gone = any = true;
        }
    }
    return any;
}

static struct image *find_image(const struct session *s, const char *id, size_t length)
{
    for (size_t i = s->n_images; i-- > 0;) {
        if (strncmp(s->images[i]->id, id, length) == 0 && !s->images[i]->id[length]) {
            return s->images[i];
        }
    }
    return NULL;
}

/* A folder lists its files in any order; those found together are brought into that of their
 * beginnings. */
static void add_image(struct session *s, struct image *image, size_t known)
{
    s->images = pki_grow(s->images, s->n_images + 1, sizeof *s->images);
    size_t at = s->n_images++;
    for (; at > known && is_older(image, s->images[at - 1]); at--) {
        s->images[at] = s->images[at - 1];
    }
    s->images[at] = image;
}

static void attach(struct session *s, const char *name, bool rings, size_t known)
{
    const char *dot = strchr(name, '.');
    if (!dot || strncmp(name, "tmp-", 4) == 0) {
        return;
    }
    if (!rings && strcmp(dot, ".image") == 0) {
        struct image *image = image_attach(s, s->spool.folder, name);
        if (image) {
            add_image(s, image, known);
        }
    } else if (rings && strncmp(dot, ".ring.", 6) == 0) {
        struct image *image = find_image(s, name, (size_t)(dot - name));
        if (image && is_live(image)) {
            image_attach_ring(image, s->spool.folder, name, (unsigned)strtoul(dot + 6, NULL, 10));
        } else {
            s->look_again = true;
        }
    }
}

/* Images first: a ring belongs to one. */
static void look_for_files(struct session *s)
{
    int fd = openat(s->spool.folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    size_t known = s->n_images;
    s->look_again = folder == NULL;
    for (int rings = 0; folder && rings < 2; rings++) {
        rewinddir(folder);
        for (struct dirent *entry; (entry = readdir(folder));) {
            attach(s, entry->d_name, rings == 1, known);
        }
    }
    if (folder) {
        closedir(folder);
    }
    for (size_t i = known ? known : 1; i < s->n_images && s->options->first_only; i++) {
        s->images[i]->discarded = true;
    }
}

static void tend_sample(struct image *image, uint64_t now)
{
    uint64_t pause = image->drained ? SAMPLE_BUSY : image->pause;
    if (now - image->sampled < pause) {
        return;
    }
    struct trace_sample before = image->sample;
    image_sample(image);
    bool same = memcmp(&before, &image->sample, sizeof before) == 0 && !image->drained;
    image->pause = same ? image->pause * 2 : SAMPLE_LEAST;
    image->pause = image->pause < SAMPLE_LEAST  ? SAMPLE_LEAST
                   : image->pause > SAMPLE_MOST ? SAMPLE_MOST
                                                : image->pause;
}

/* What a reader would find if we were killed now. */
static void tend_file(struct image *image, uint64_t now)
{
    if (image->writer && now - image->flushed >= FLUSH_EVERY) {
        image->flushed = now;
        if (!trace_flush(image->writer)) {
            image_give_up(image, NULL);
        }
    }
}

/* Takes what there is; true if there was anything. */
static bool drain(struct session *s)
{
    uint64_t now = ticks_monotonic();
    bool any = false;
    for (size_t i = 0; i < s->n_images; i++) {
        struct image *image = s->images[i];
        if (!is_live(image)) {
            continue;
        }
        image_drain(image, image->gone);
        any = any || image->drained > 0;
        if (image->gone) {
            image_finish(image);
        } else {
            tend_sample(image, now);
            tend_file(image, now);
        }
    }
    s->active = any ? now : s->active;
    return any;
}

static void hand_on(struct session *s, int number, bool terminal)
{
    if (s->command) {
        if (!terminal) {
            kill(s->command, number);
        }
        return;
    }
    s->stop = s->asked_to_end;
    s->asked_to_end = true;
    for (size_t i = 0; i < s->n_images && !s->stop; i++) {
        if (is_live(s->images[i]) && !s->images[i]->gone) {
            kill(s->images[i]->pid, number);
        }
    }
}

/* Signals, --delay and --duration. */
static void obey(struct session *s)
{
    const struct record_options *o = s->options;
    uint64_t passed = ticks_monotonic() - s->begun;
    uint64_t delay = (uint64_t)(o->delay * 1e9), duration = (uint64_t)(o->duration * 1e9);
    bool terminal;
    for (int number; (number = record_signals_next(&terminal));) {
        hand_on(s, number, terminal);
    }
    if (s->to_begin && passed >= delay) {
        s->to_begin = false;
        atomic_store(&s->spool.control->recording, 1);
    }
    if (record_signals_toggled()) {
        s->to_begin = false;
        atomic_fetch_xor(&s->spool.control->recording, 1);
    }
    s->stop = s->stop || (duration && passed >= delay + duration);
}

/* How long to wait at most: until something is due. */
static uint64_t patience(const struct session *s, bool busy)
{
    uint64_t wait = busy ? BUSY_WAIT : IDLE_WAIT, passed = ticks_monotonic() - s->begun;
    wait = passed < EARLY ? EARLY_WAIT : wait;
    const double times[] = {s->options->delay, s->options->delay + s->options->duration};
    for (size_t i = 0; i < 2; i++) {
        uint64_t due = (uint64_t)(times[i] * 1e9);
        wait = due > passed && due - passed < wait ? due - passed : wait;
    }
    return wait;
}

static void wait_for_events(struct session *s, uint32_t seen, bool busy)
{
    struct timespec t = {.tv_nsec = (long)patience(s, busy)};
    syscall(SYS_futex, &s->spool.control->wake, FUTEX_WAIT, seen, &t, NULL, 0);
}

static void tell_of_daemons(struct session *s)
{
    if (s->told_of_daemons || !s->ended || ticks_monotonic() - s->ended < SECOND) {
        return;
    }
    s->told_of_daemons = true;
    if (!s->options->quiet) {
        pki_note("the command has ended; recording goes on for %zu it has left behind (a signal "
                 "to poolkit ends them, a second one leaves them alone)",
                 count_live(s));
    }
}

/* A process that the command has only just left behind may not have told of itself yet. */
static bool is_done(const struct session *s)
{
    return !s->command && count_live(s) == 0 &&
           (s->childless || ticks_monotonic() - s->ended > ORPHAN_WAIT);
}

static void record(struct session *s)
{
    for (bool done = false; !done && !s->stop;) {
        uint32_t seen = atomic_load(&s->spool.control->wake);
        bool was_running = s->command != 0;
        reap(s);
        obey(s);
        bool gone = see_who_is_gone(s);
        if (spool_changed(&s->spool) || gone || s->look_again || was_running != (s->command != 0)) {
            look_for_files(s);
        }
        bool busy = drain(s);
        done = is_done(s);
        if (!done) {
            tell_of_daemons(s);
            wait_for_events(s, seen, busy);
        }
    }
}

/* Leaves processes that still live to themselves. */
static void stop(struct session *s)
{
    atomic_store(&s->spool.control->recording, 0);
    atomic_store(&s->spool.control->ended, 1);
    nanosleep(&(struct timespec){.tv_nsec = LAST_WORDS}, NULL);
    look_for_files(s);
    for (size_t i = 0; i < s->n_images; i++) {
        if (is_live(s->images[i])) {
            image_sample(s->images[i]);
            image_drain(s->images[i], true);
            image_finish(s->images[i]);
        }
    }
}

int session_run(struct session *s, const struct record_options *o, pki_launch *l)
{
    *s = (struct session){.options = o, .to_begin = !o->paused && o->delay > 0};
    ticks_begin(&s->ticks);
    if (!spool_make(&s->spool, o, s->ticks.clock)) {
        return PKI_EXIT_OWN;
    }
    char *folder = pki_format(PKI_RECORD_DIR "=%s", s->spool.path);
    l->environment = pki_environment(o->libraries[0], o->libraries[1], folder);
    free(folder);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    record_signals_catch(&s->spool.control->wake);
    ticks_settle(&s->ticks);
    s->begun = ticks_monotonic();
    int code = pki_child_start(l, &s->command);
    if (code == 0) {
        struct rlimit files;
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
            files.rlim_cur = files.rlim_max;
            setrlimit(RLIMIT_NOFILE, &files);
        }
        record(s);
        stop(s);
    }
    record_signals_release();
    spool_end(&s->spool);
    return code;
}

void session_wait(struct session *s)
{
    while (s->command) {
        bool terminal;
        for (int number; (number = record_signals_next(&terminal));) {
            hand_on(s, number, terminal);
        }
        nanosleep(&(struct timespec){.tv_nsec = (long)IDLE_WAIT}, NULL);
        reap(s);
    }
}

void session_free(struct session *s)
{
    for (size_t i = 0; i < s->n_images; i++) {
        image_free(s->images[i]);
    }
    free(s->images);
}
