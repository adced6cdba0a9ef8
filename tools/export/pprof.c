/* SPDX-License-Identifier: MIT
 * pprof.c: pprof's profile.proto, not compressed, which its readers accept. Written by hand: a
 * message is a run of (field << 3 | kind, value), where kind 0 is a varint and 2 a length and bytes.
 *
 *   Profile   1 sample_type, 2 sample, 3 mapping, 4 location, 5 function, 6 string_table,
 *             9 time_nanos, 10 duration_nanos, 14 default_sample_type
 *   ValueType 1 type, 2 unit      Sample   1 location_id (packed), 2 value (packed)
 *   Location  1 id, 3 address, 4 line     Line 1 function_id, 2 line
 *   Function  1 id, 2 name, 3 system_name, 4 filename
 */
#include <stdlib.h>
#include <string.h>

#include "export.h"

enum { VARINT = 0, BYTES = 2, STRINGS_FIRST = 7 };

/* The strings that every profile has; the frames' names and files follow, two each. */
static const char *const strings[STRINGS_FIRST] = {
    "", "alloc_objects", "count", "alloc_space", "bytes", "inuse_objects", "inuse_space"};

static void varint(FILE *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        fputc((int)(value & 0x7f) | 0x80, out);
    }
    fputc((int)value, out);
}

static void number(FILE *out, unsigned field, uint64_t value)
{
    varint(out, field << 3 | VARINT);
    varint(out, value);
}

static void block(FILE *out, unsigned field, const char *bytes, size_t n)
{
    varint(out, field << 3 | BYTES);
    varint(out, n);
    fwrite(bytes, 1, n, out);
}

/* A message within another is written to memory first, since its length stands before it. */
struct message {
    FILE *out;
    char *bytes;
    size_t n;
};

static bool begin(struct message *m)
{
    *m = (struct message){0};
    m->out = open_memstream(&m->bytes, &m->n);
    return m->out != NULL;
}

static void end(struct message *m, FILE *out, unsigned field)
{
    fclose(m->out);
    block(out, field, m->bytes, m->n);
    free(m->bytes);
}

static void write_type(FILE *out, unsigned type, unsigned unit)
{
    struct message m;
    if (begin(&m)) {
        number(m.out, 1, type);
        number(m.out, 2, unit);
        end(&m, out, 1);
    }
}

static void write_sample(FILE *out, const struct stack *stack)
{
    struct message sample, inner;
    const struct behaviour *did = &stack->did;
    if (!begin(&sample)) {
        return;
    }
    if (begin(&inner)) {
        for (uint32_t i = 0; i < stack->n_frames; i++) {
            varint(inner.out, stack->frames[i] + UINT64_C(1));
        }
        end(&inner, sample.out, 1);
    }
    if (begin(&inner)) {
        varint(inner.out, did->allocations);
        varint(inner.out, did->bytes);
        varint(inner.out, did->allocations - did->frees);
        varint(inner.out, did->live);
        end(&inner, sample.out, 2);
    }
    end(&sample, out, 2);
}

static void write_location(FILE *out, const struct frame *frame, uint64_t id)
{
    struct message location, line;
    if (!begin(&location)) {
        return;
    }
    number(location.out, 1, id);
    number(location.out, 3, frame->address);
    if (begin(&line)) {
        number(line.out, 1, id);
        number(line.out, 2, frame->line);
        end(&line, location.out, 4);
    }
    end(&location, out, 4);
}

static void write_function(FILE *out, uint64_t id)
{
    struct message m;
    uint64_t name = STRINGS_FIRST + 2 * (id - 1);
    if (begin(&m)) {
        number(m.out, 1, id);
        number(m.out, 2, name);
        number(m.out, 3, name);
        number(m.out, 4, name + 1);
        end(&m, out, 5);
    }
}

static void write_strings(struct export_job *job)
{
    const struct analysis *a = job->analysis;
    for (int i = 0; i < STRINGS_FIRST; i++) {
        block(job->out, 6, strings[i], strlen(strings[i]));
    }
    for (size_t i = 0; i < a->n_frames; i++) {
        char name[512];
        const char *file = a->frames[i].file ? a->frames[i].file : "";
        export_name(job, (uint32_t)i, name, sizeof name);
        block(job->out, 6, name, strlen(name));
        block(job->out, 6, file, strlen(file));
    }
}

bool export_pprof(struct export_job *job)
{
    const struct analysis *a = job->analysis;
    write_type(job->out, 1, 2);
    write_type(job->out, 3, 4);
    write_type(job->out, 5, 2);
    write_type(job->out, 6, 4);
    for (uint32_t i = 0; i <= a->n_stacks; i++) {
        if (a->stacks[i].did.allocations > 0) {
            write_sample(job->out, &a->stacks[i]);
        }
    }
    for (size_t i = 0; i < a->n_frames; i++) {
        write_location(job->out, &a->frames[i], i + 1);
        write_function(job->out, i + 1);
    }
    write_strings(job);
    number(job->out, 9, (uint64_t)trace_info(job->trace)->wall * 1000000000);
    number(job->out, 10, trace_duration(job->trace));
    number(job->out, 14, 3);
    return true;
}
