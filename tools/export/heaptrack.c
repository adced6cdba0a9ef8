/* SPDX-License-Identifier: MIT
 * heaptrack.c: the text that heaptrack's own programs read (file version 1). All numbers are
 * hexadecimal.
 *
 *   v VERSION FILEVERSION   X command   I page-size pages
 *   s text                  a string; numbered from 1
 *   i address module [function file line]...   an instruction, numbered from 1; strings by number
 *   t instruction parent    a call stack, numbered from 1; parent 0 is the root
 *   a size stack            a kind of block, numbered from 0
 *   + kind, - kind          it comes, it goes
 *   c milliseconds, R pages the time, and what is resident
 */
#include <stdlib.h>

#include "export.h"
#include "trace/objects.h"

struct writer {
    struct export_job *job;
    uint32_t *stack_number; /* by stack: heaptrack's */
    uint32_t n_traces;
    struct kind {
        uint64_t size;
        uint32_t stack;
        uint32_t number; /* + 1; 0: free place */
    } * kinds;
    size_t room;
    uint32_t n_kinds;
    uint64_t milliseconds;
    size_t sample;
};

/* Strings: each frame has three: function, file, module. */
static void write_instructions(struct export_job *job)
{
    const struct analysis *a = job->analysis;
    for (size_t i = 0; i < a->n_frames; i++) {
        const struct frame *frame = &a->frames[i];
        char name[512];
        export_name(job, (uint32_t)i, name, sizeof name);
        fprintf(job->out, "s %s\ns %s\ns %s\n", name, frame->file ? frame->file : "??",
                frame->module ? frame->module : "??");
        fprintf(job->out, "i %llx %zx %zx %zx %x\n", (unsigned long long)frame->address, 3 * i + 3,
                3 * i + 1, 3 * i + 2, frame->line);
    }
}

static void write_stacks(struct writer *w)
{
    const struct analysis *a = w->job->analysis;
    for (uint32_t i = 0; i <= a->n_stacks; i++) {
        const struct stack *stack = &a->stacks[i];
        uint32_t parent = 0;
        for (uint32_t k = stack->n_frames; k-- > 0;) {
            fprintf(w->job->out, "t %x %x\n", stack->frames[k] + 1, parent);
            parent = ++w->n_traces;
        }
        w->stack_number[i] = parent;
    }
}

static struct kind *place_of(struct kind *kinds, size_t room, uint64_t size, uint32_t stack)
{
    size_t i = (size_t)((size * 31 + stack) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);
    while (kinds[i].number && (kinds[i].size != size || kinds[i].stack != stack)) {
        i = (i + 1) & (room - 1);
    }
    return &kinds[i];
}

static bool grow(struct writer *w)
{
    size_t room = w->room ? 2 * w->room : 4096;
    struct kind *kinds = calloc(room, sizeof *kinds);
    for (size_t i = 0; kinds && i < w->room; i++) {
        if (w->kinds[i].number) {
            *place_of(kinds, room, w->kinds[i].size, w->kinds[i].stack) = w->kinds[i];
        }
    }
    if (kinds) {
        free(w->kinds);
        w->kinds = kinds;
        w->room = room;
    }
    return kinds != NULL;
}

static bool put(struct writer *w, char sign, uint64_t size, uint32_t stack)
{
    if (2 * w->n_kinds >= w->room && !grow(w)) {
        return false;
    }
    stack = stack <= w->job->analysis->n_stacks ? stack : 0;
    struct kind *kind = place_of(w->kinds, w->room, size, stack);
    if (!kind->number) {
        *kind = (struct kind){size, stack, ++w->n_kinds};
        fprintf(w->job->out, "a %llx %x\n", (unsigned long long)size, w->stack_number[stack]);
    }
    fprintf(w->job->out, "%c %x\n", sign, kind->number - 1);
    return true;
}

static void write_time(struct writer *w, uint64_t time)
{
    if (time / 1000000 > w->milliseconds) {
        w->milliseconds = time / 1000000;
        uint64_t resident = analysis_resident(w->job->trace, &w->sample, time);
        fprintf(w->job->out, "c %llx\nR %llx\n", (unsigned long long)w->milliseconds,
                (unsigned long long)resident / 4096);
    }
}

static bool write_event(struct writer *w, struct trace_resolver *r, const struct trace_event *event)
{
    struct trace_change changes[2];
    int n = trace_resolver_take(r, event, changes);
    bool good = n >= 0;
    write_time(w, event->time);
    for (int i = 0; good && i < n; i++) {
        const struct trace_block *block = changes[i].block;
        if (changes[i].fate == TRACE_BIRTH) {
            good = put(w, '+', block->size, block->stack);
        } else if (changes[i].fate == TRACE_DEATH) {
            good = put(w, '-', block->size, block->stack);
        } else if (changes[i].fate == TRACE_MOVE) {
            good = put(w, '-', changes[i].old_size, block->stack) &&
                   put(w, '+', block->size, block->stack);
        }
    }
    return good;
}

static bool write_events(struct writer *w)
{
    struct trace_resolver *r = trace_resolver_create();
    struct trace_event *events = malloc(TRACE_BLOCK * sizeof *events);
    int n = r && events ? 1 : -1;
    trace_rewind(w->job->trace);
    while (n > 0 && (n = trace_read(w->job->trace, events, w->job->why)) > 0) {
        for (int i = 0; n > 0 && i < n; i++) {
            n = write_event(w, r, &events[i]) ? n : -1;
        }
    }
    trace_resolver_destroy(r);
    free(events);
    return n == 0;
}

bool export_heaptrack(struct export_job *job)
{
    struct writer w = {.job = job,
                       .stack_number =
                           calloc((size_t)job->analysis->n_stacks + 1, sizeof *w.stack_number)};
    snprintf(job->why, TRACE_WHY, "out of memory");
    if (!w.stack_number) {
        return false;
    }
    fprintf(job->out, "v 10400 1\nX %s\nI 1000 0\n", trace_info(job->trace)->command);
    write_instructions(job);
    write_stacks(&w);
    bool good = write_events(&w);
    fprintf(job->out, "c %llx\n", (unsigned long long)trace_duration(job->trace) / 1000000);
    free(w.stack_number);
    free(w.kinds);
    return good;
}
