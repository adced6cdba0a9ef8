/* SPDX-License-Identifier: MIT
 * write.c: the writer: gathers events and what they refer to, and writes chunks of each.
 *
 * Definitions are written before the events that were put after them: what a reader of an
 * incomplete file finds is explained as far as it goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "writer.h"

/* Definitions of a kind that reach this many bytes are written, without waiting for events. */
#define KEEP_MOST ((size_t)256 << 10)
/* With so many bytes less than TRACE_KEPT_MOST behind it, the writer keeps no more: enough for what
 * is being gathered, with the longest of entries, and for the threads and the end. */
#define MARGIN ((uint64_t)16 << 20)

bool pki_writer_fail(struct trace_writer *w, const char *what)
{
    if (!w->sink.failed) pki_why(w->why, "%s", what);
    w->sink.failed = true;
    return false;
}

static bool no_memory(struct trace_writer *w) { return pki_writer_fail(w, "there is no memory"); }

struct trace_writer *pki_writer_create(int fd, char *why)
{
    struct trace_writer *w = calloc(1, sizeof *w);
    if (w) w->sink.fd = fd;
    if (w && pki_sink_open(&w->sink, fd, why)) {
        w->packer = pki_packer_create();
        if (w->packer) return w;
    }
    pki_why(why, "there is no memory");
    pki_writer_destroy(w);
    return NULL;
}

void pki_writer_destroy(struct trace_writer *w)
{
    if (!w) return;
    pki_sink_close(&w->sink);
    pki_packer_destroy(w->packer);
    for (int i = 0; i < TRACE_KIND_END; i++) pki_bytes_drop(&w->kept[i]);
    pki_bytes_drop(&w->events);
    free(w);
}

static bool write_kept(struct trace_writer *w, enum trace_kind kind)
{
    struct pki_bytes *kept = &w->kept[kind];
    if (kept->n == 0) return true;
    bool ok = pki_sink_put(&w->sink, kind, kept, w->why);
    w->n_kept += kept->n;
    kept->n = 0;
    if (kind == TRACE_STACKS) w->n_frames = 0;
    return ok;
}

static bool write_events(struct trace_writer *w)
{
    if (pki_packed(w->packer) == 0) return true;
    w->events.n = 0;
    if (!pki_pack_end(w->packer, &w->events)) return no_memory(w);
    return pki_sink_put(&w->sink, TRACE_EVENTS, &w->events, w->why);
}

bool trace_flush(struct trace_writer *w)
{
    for (int kind = 0; kind < TRACE_KIND_END; kind++) {
        if (!write_kept(w, (enum trace_kind)kind)) return false;
    }
    return write_events(w) && !w->sink.failed;
}

static bool is_full(const struct trace_writer *w) { return w->n_kept > TRACE_KEPT_MOST - MARGIN; }

/* After a definition was appended. */
static bool kept(struct trace_writer *w, enum trace_kind kind, bool ok)
{
    if (w->sink.failed) return false;
    if (!ok) return no_memory(w);
    return w->kept[kind].n < KEEP_MOST || write_kept(w, kind);
}

static bool put_info(struct trace_writer *w, const struct trace_info *info)
{
    struct pki_bytes *b = &w->kept[TRACE_INFO];
    return pki_bytes_text(b, info->command) && pki_bytes_text(b, info->program) &&
           pki_bytes_text(b, info->host) && pki_bytes_text(b, info->allocator) &&
           pki_bytes_text(b, info->stacks) && pki_bytes_number(b, pki_fold(info->pid)) &&
           pki_bytes_number(b, pki_fold(info->parent)) &&
           pki_bytes_number(b, pki_fold(info->wall)) && pki_bytes_number(b, info->base_anonymous) &&
           pki_bytes_number(b, info->forked);
}

struct trace_writer *trace_create(const char *path, const struct trace_info *info, char *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        pki_why(why, "%s: cannot be created: %s", path, strerror(errno));
        return NULL;
    }
    struct trace_writer *w = pki_writer_create(fd, why);
    if (!w) {
        close(fd);
        return NULL;
    }
    if (!pki_sink_head(&w->sink, w->why) || !kept(w, TRACE_INFO, put_info(w, info)) ||
        !write_kept(w, TRACE_INFO)) {
        pki_why(why, "%s: %s", path, w->why);
        close(fd);
        pki_writer_destroy(w);
        return NULL;
    }
    return w;
}

/* The event without its stack, whose number cannot be. */
static size_t pack_without_stack(struct trace_writer *w, const struct trace_event *event)
{
    struct trace_event e = *event;
    e.stack = 0;
    return pki_pack(w->packer, &e, w->tick);
}

bool trace_put(struct trace_writer *w, const struct trace_event *e)
{
    if (e->op >= TRACE_OP_END || (e->op >= TRACE_COMES_END && e->op < TRACE_FREE) ||
        e->align > TRACE_ALIGN_MOST) {
        return pki_writer_fail(w, "an event is of no known kind");
    }
    if (e->thread >= w->top_thread) w->top_thread = e->thread + 1u;
    uint64_t tick = e->time / TRACE_TICK;
    if (tick > w->tick) w->tick = tick;
    w->n_events++;
    size_t n;
    if (e->stack > w->n_stacks + TRACE_STACKS_MISSING) {
        n = pack_without_stack(w, e);
    } else {
        if (e->stack > w->top_stack) w->top_stack = e->stack;
        n = pki_pack(w->packer, e, w->tick);
    }
    return n < TRACE_BLOCK ? !w->sink.failed : trace_flush(w);
}

/* How many outer frames a stack has in common with the one before it. */
static size_t shared_frames(const struct trace_writer *w, const uint64_t *frames, size_t n)
{
    size_t shared = 0;
    while (shared < n && shared < w->n_frames &&
           frames[n - 1 - shared] == w->frames[w->n_frames - 1 - shared]) {
        shared++;
    }
    return shared;
}

/* Number, frames shared, frames that follow; these from the outermost to the innermost, each by its
 * distance from the one before. */
static bool put_frames(struct trace_writer *w, uint32_t stack, const uint64_t *frames, size_t n)
{
    struct pki_bytes *b = &w->kept[TRACE_STACKS];
    size_t shared = shared_frames(w, frames, n), left = n - shared;
    uint64_t before = shared ? frames[left] : 0;
    bool ok =
        pki_bytes_number(b, stack) && pki_bytes_number(b, shared) && pki_bytes_number(b, left);
    while (ok && left-- > 0) {
        ok = pki_bytes_number(b, pki_fold((int64_t)(frames[left] - before)));
        before = frames[left];
    }
    if (n) memcpy(w->frames, frames, n * sizeof *frames);
    w->n_frames = n;
    return ok;
}

bool trace_put_stack(struct trace_writer *w, uint32_t stack, const uint64_t *frames, size_t n)
{
    if (n > TRACE_FRAMES_MOST) n = TRACE_FRAMES_MOST;
    if (stack == 0 || stack > w->n_stacks + 1 + TRACE_STACKS_MISSING ||
        w->n_frames_kept + n > TRACE_FRAMES_KEPT_MOST || is_full(w)) {
        return !w->sink.failed;
    }
    w->n_stacks++;
    w->n_frames_kept += n;
    if (stack > w->top_stack) w->top_stack = stack;
    return kept(w, TRACE_STACKS, put_frames(w, stack, frames, n));
}

static int put_thread(struct trace_writer *w, int64_t tid, const char *name)
{
    struct pki_bytes *b = &w->kept[TRACE_THREADS];
    bool ok = pki_bytes_number(b, pki_fold(tid)) && pki_bytes_text(b, name);
    return kept(w, TRACE_THREADS, ok) ? (int)w->n_threads++ : -1;
}

int trace_put_thread(struct trace_writer *w, const struct trace_thread *thread)
{
    char name[sizeof thread->name] = {0};
    if (w->n_threads == TRACE_THREADS_MOST) return TRACE_THREADS_MOST - 1;
    if (w->n_threads == TRACE_THREADS_MOST - 1) return put_thread(w, 0, "all others");
    memcpy(name, thread->name, sizeof name - 1);
    return put_thread(w, thread->tid, name);
}

bool trace_put_module(struct trace_writer *w, const struct trace_module *module)
{
    struct pki_bytes *b = &w->kept[TRACE_MODULES];
    if (is_full(w)) return !w->sink.failed;
    return kept(w, TRACE_MODULES,
                pki_bytes_number(b, module->bias) && pki_bytes_number(b, module->start) &&
                    pki_bytes_number(b, module->end) && pki_bytes_text(b, module->path) &&
                    pki_bytes_text(b, module->build_id));
}

bool trace_put_sample(struct trace_writer *w, const struct trace_sample *sample)
{
    struct pki_bytes *b = &w->kept[TRACE_SAMPLES];
    if (is_full(w)) return !w->sink.failed;
    return kept(w, TRACE_SAMPLES,
                pki_bytes_number(b, sample->time) && pki_bytes_number(b, sample->anonymous) &&
                    pki_bytes_number(b, sample->file) && pki_bytes_number(b, sample->shared) &&
                    pki_bytes_number(b, sample->virtual_size));
}

bool trace_put_gap(struct trace_writer *w, uint64_t time, uint32_t thread, uint64_t events)
{
    struct pki_bytes *b = &w->kept[TRACE_GAPS];
    if (is_full(w)) return !w->sink.failed;
    return kept(w, TRACE_GAPS,
                pki_bytes_number(b, time) && pki_bytes_number(b, thread) &&
                    pki_bytes_number(b, events));
}

bool trace_put_symbol(struct trace_writer *w, uint64_t address, const struct trace_frame *frames,
                      size_t n)
{
    struct pki_bytes *b = &w->kept[TRACE_SYMBOLS];
    if (n > TRACE_INLINED_MOST) n = TRACE_INLINED_MOST;
    if (is_full(w)) return !w->sink.failed;
    bool ok = pki_bytes_number(b, address) && pki_bytes_number(b, n);
    for (size_t i = 0; i < n && ok; i++) {
        ok = pki_bytes_text(b, frames[i].function) && pki_bytes_text(b, frames[i].file) &&
             pki_bytes_number(b, frames[i].line);
    }
    return kept(w, TRACE_SYMBOLS, ok);
}

static bool put_last(struct trace_writer *w)
{
    struct pki_bytes *b = &w->kept[TRACE_LAST];
    if (!pki_bytes_number(b, w->n_events) || !pki_bytes_number(b, w->tick) ||
        !pki_bytes_number(b, w->top_stack) || !pki_bytes_number(b, w->top_thread)) {
        return no_memory(w);
    }
    return write_kept(w, TRACE_LAST);
}

bool trace_close(struct trace_writer *w, bool whole, char *why)
{
    bool ok = trace_flush(w) && (!whole || w->cut || put_last(w));
    if (close(w->sink.fd) != 0 && ok) {
        ok = false;
        pki_why(w->why, "writing failed: %s", strerror(errno));
    }
    if (!ok) pki_why(why, "%s", w->why);
    pki_writer_destroy(w);
    return ok;
}

uint64_t trace_written_bytes(const struct trace_writer *w) { return w->sink.at; }
