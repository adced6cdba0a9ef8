/* SPDX-License-Identifier: MIT
 * sample.c: traces for the reader in Python, and what our own reader finds in them, as text:
 * sample example FILE | sample random FILE SEED | sample print FILE. See format.sh. */
#include "trace_fixture.h"

#include <inttypes.h>
#include <stdio.h>

/* The example in docs/trace-format.md. */
static void write_example(struct trace_writer *w)
{
    static const struct trace_event events[] = {
        {100000, 0x5000, 24, 1, 0, TRACE_MALLOC, 0},
        {120000, 0x5020, 24, 2, 0, TRACE_MALLOC, 0},
        {130000, 0x5000, 0, 0, 0, TRACE_FREE, 0},
        {130000, 0x5000, 16, 2, 0, TRACE_MALLOC, 0},
        {150000, 0x4000, 0, 0, 0, TRACE_FREE, 0},
        {170000, 0x5020, 0, 0, 0, TRACE_REALLOC_TAKES, 0},
        {200000, 0x5020, 32, 1, 0, TRACE_REALLOC, 0},
        {200000, 0x6000, 100, 2, 0, TRACE_ALIGNED, 12},
    };
    struct trace_thread thread = {.tid = 4711, .name = "main"};
    struct trace_sample sample = {1000, 4096, 8192, 0, 65536};
    struct trace_module module = {0x400000, 0x401000, 0x402000, "/bin/a", "c0de"};
    struct trace_frame functions[] = {{"f", "a.c", 7}, {"main", "a.c", 9}};
    static const uint64_t first[] = {0x401010, 0x401000}, second[] = {0x401020, 0x401000};
    trace_put_thread(w, &thread);
    trace_put_module(w, &module);
    trace_put_stack(w, 1, first, 2);
    trace_put_stack(w, 2, second, 2);
    trace_put_sample(w, &sample);
    trace_put_gap(w, 1100, 0, 3);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) EXPECT(trace_put(w, &events[i]));
    trace_put_symbol(w, 0x401010, functions, 2);
}

/* Some of its outer frames are those of others. */
static void put_any_stack(struct trace_writer *w, rng *r, uint32_t number)
{
    uint64_t frames[20];
    size_t n = rng_below(r, 21);
    for (size_t i = 0; i < n; i++) frames[n - 1 - i] = 0x401000 + 16 * rng_below(r, 2 + 4 * i);
    EXPECT(trace_put_stack(w, number, frames, n));
}

static void write_random(struct trace_writer *w, uint64_t seed)
{
    rng r = rng_make(seed);
    test_program program = {.random = r};
    write_example(w);
    for (uint64_t i = 0; i < 100000; i++) {
        struct trace_event e = test_any_event(&r, i * 77);
        if (seed % 2) e = test_program_event(&program);
        if (i % 100 == 0) put_any_stack(w, &r, (uint32_t)(3 + i / 100));
        e.time += i * 77;
        EXPECT(trace_put(w, &e));
        if (rng_below(&r, 30000) == 0) EXPECT(trace_flush(w));
    }
}

static void print_tables(const struct trace *t)
{
    const struct trace_info *info = trace_info(t);
    printf("info %s|%s|%s|%s|%s %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %d\n",
           info->command, info->program, info->host, info->allocator, info->stacks, info->pid,
           info->parent, info->wall, info->base_anonymous, info->forked);
    for (size_t i = 0; i < trace_modules(t); i++) {
        const struct trace_module *m = trace_module(t, i);
        printf("module %" PRIx64 " %" PRIx64 " %" PRIx64 " %s %s\n", m->bias, m->start, m->end,
               m->path, m->build_id);
    }
    for (size_t i = 0; i < trace_samples(t); i++) {
        const struct trace_sample *s = trace_sample(t, i);
        printf("sample %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", s->time,
               s->anonymous, s->file, s->shared, s->virtual_size);
    }
    printf("dropped %" PRIu64 " threads %zu stacks %zu events %" PRIu64 " whole %d\n",
           trace_dropped(t), trace_threads(t), trace_stacks(t), trace_events(t), trace_whole(t));
}

static void print_events(struct trace *t)
{
    for (int n; (n = trace_read(t, test_events(), test_why)) > 0;) {
        for (int i = 0; i < n; i++) {
            const struct trace_event *e = &test_events()[i];
            printf("event %" PRIu64 " %u %u %" PRIx64 " %" PRIu64 " %u %u\n", e->time, e->op,
                   e->thread, e->address, e->size, e->stack, e->align);
        }
    }
}

static void print_stacks(const struct trace *t)
{
    const uint64_t *frames;
    const struct trace_frame *f;
    for (uint32_t stack = 1; stack <= trace_stacks(t); stack++) {
        size_t n = trace_stack(t, stack, &frames);
        if (n == 0) continue;
        printf("stack %u", stack);
        for (size_t i = 0; i < n; i++) printf(" %" PRIx64, frames[i]);
        putchar('\n');
    }
    for (size_t i = 0, n = trace_symbol(t, 0x401010, &f); i < n; i++) {
        printf("function %s %s:%u\n", f[i].function, f[i].file, f[i].line);
    }
}

int main(int argc, char **argv)
{
    EXPECT(argc >= 3);
    snprintf(test_path, sizeof test_path, "%s", argv[2]);
    if (strcmp(argv[1], "print") == 0) {
        struct trace *t = test_open();
        print_tables(t);
        print_stacks(t);
        print_events(t);
        trace_end(t);
        return 0;
    }
    struct trace_writer *w = test_create();
    if (argc > 3) {
        write_random(w, strtoull(argv[3], NULL, 0));
    } else {
        write_example(w);
    }
    test_close(w);
    return 0;
}
