/* SPDX-License-Identifier: MIT
 * append.c: adds chunks to a trace that exists.
 *
 * Its last chunk is taken off first: a file whose writer does not come to the end reads as one that
 * is cut short, with everything that was in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"
#include "writer.h"

static void go_on(struct trace_writer *w, const struct trace *t)
{
    w->cut = !t->whole;
    w->n_kept = t->kept;
    w->n_frames_kept = t->tables.frames.n;
    w->sink.at = t->end;
    w->sink.number = t->number;
    w->n_events = t->tables.events;
    w->tick = t->tables.tick;
    w->n_stacks = t->tables.stacks.n;
    w->top_stack = t->tables.top_stack;
    w->top_thread = t->tables.top_thread;
    w->n_threads = (uint32_t)t->tables.threads.n;
}

static struct trace_writer *reopen(const char *path, const struct trace *t, char *why)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        pki_why(why, "%s: cannot be written: %s", path, strerror(errno));
        return NULL;
    }
    struct trace_writer *w = pki_writer_create(fd, why);
    if (w && ftruncate(fd, (off_t)t->end) == 0 && lseek(fd, 0, SEEK_END) == (off_t)t->end) {
        go_on(w, t);
        return w;
    }
    if (w) pki_why(why, "%s: cannot be written: %s", path, strerror(errno));
    pki_writer_destroy(w);
    close(fd);
    return NULL;
}

struct trace_writer *trace_append(const char *path, char *why)
{
    struct trace *t = trace_open(path, why);
    if (!t) return NULL;
    struct trace_writer *w = reopen(path, t, why);
    trace_end(t);
    return w;
}
