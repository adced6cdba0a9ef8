/* SPDX-License-Identifier: MIT
 * dump.c: `poolkit dump`: a trace as lines of text.
 */
#include "poolkit/tool.h"
#include "trace/trace.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[TRACE_OP_END] = {
    [TRACE_MALLOC] = "malloc",
    [TRACE_CALLOC] = "calloc",
    [TRACE_ALIGNED] = "aligned",
    [TRACE_NEW] = "new",
    [TRACE_NEW_ARRAY] = "new[]",
    [TRACE_NEW_ALIGNED] = "new-aligned",
    [TRACE_NEW_ARRAY_ALIGNED] = "new[]-aligned",
    [TRACE_REALLOC] = "realloc",
    [TRACE_REALLOC_FAILED] = "realloc-failed",
    [TRACE_FREE] = "free",
    [TRACE_DELETE] = "delete",
    [TRACE_DELETE_ARRAY] = "delete[]",
    [TRACE_DELETE_ALIGNED] = "delete-aligned",
    [TRACE_DELETE_ARRAY_ALIGNED] = "delete[]-aligned",
    [TRACE_REALLOC_TAKES] = "realloc-takes",
};

static void print_info(const struct trace *t)
{
    const struct trace_info *i = trace_info(t);
    printf("command %s\nprogram %s\nhost %s\nallocator %s\nstacks %s\n", i->command, i->program,
           i->host, i->allocator, i->stacks);
    printf("pid %" PRId64 " parent %" PRId64 "%s\n", i->pid, i->parent, i->forked ? " forked" : "");
    printf("begun %" PRId64 " base %" PRIu64 "\n", i->wall, i->base_anonymous);
    printf("events %" PRIu64 " bytes %" PRIu64 " duration %" PRIu64 " dropped %" PRIu64 " %s\n",
           trace_events(t), trace_bytes(t), trace_duration(t), trace_dropped(t),
           trace_whole(t) ? "whole" : "cut-short");
}

static void print_tables(const struct trace *t)
{
    for (size_t i = 0; i < trace_threads(t); i++) {
        printf("thread %zu tid %" PRId64 " %s\n", i, trace_thread(t, i)->tid,
               trace_thread(t, i)->name);
    }
    for (size_t i = 0; i < trace_modules(t); i++) {
        const struct trace_module *m = trace_module(t, i);
        printf("module %" PRIx64 "-%" PRIx64 " bias %" PRIx64 " %s %s\n", m->start, m->end, m->bias,
               *m->build_id ? m->build_id : "-", m->path);
    }
    uint64_t most = 0;
    for (size_t i = 0; i < trace_samples(t); i++) {
        uint64_t bytes = trace_sample(t, i)->anonymous;
        most = bytes > most ? bytes : most;
    }
    printf("samples %zu most-anonymous %" PRIu64 "\n", trace_samples(t), most);
}

static void print_stacks(const struct trace *t)
{
    for (uint32_t stack = 1; stack <= trace_stacks(t); stack++) {
        const uint64_t *frames;
        size_t n = trace_stack(t, stack, &frames);
        printf("stack %" PRIu32 "\n", stack);
        for (size_t i = 0; i < n; i++) {
            const struct trace_frame *functions;
            size_t inlined = trace_symbol(t, frames[i], &functions);
            for (size_t f = 0; f < inlined; f++) {
                printf("  %" PRIx64 " %s %s:%" PRIu32 "%s\n", frames[i], functions[f].function,
                       *functions[f].file ? functions[f].file : "?", functions[f].line,
                       f + 1 < inlined ? " (inlined)" : "");
            }
            if (inlined == 0) {
                char text[512];
                trace_name(t, frames[i], text, sizeof text);
                printf("  %" PRIx64 " %s\n", frames[i], text);
            }
        }
    }
}

static int print_events(struct trace *t, uint64_t most)
{
    static struct trace_event events[TRACE_BLOCK];
    char why[TRACE_WHY];
    int n = 0;
    while (most > 0 && (n = trace_read(t, events, why)) > 0) {
        for (int i = 0; i < n && most > 0; i++, most--) {
            const struct trace_event *e = &events[i];
            printf("%" PRIu64 " %u %s %" PRIx64 " %" PRIu64 " stack %" PRIu32, e->time, e->thread,
                   names[e->op], e->address, e->size, e->stack);
            if (e->align) {
                printf(" align %" PRIu64, UINT64_C(1) << (e->align & 63));
            }
            putchar('\n');
        }
    }
    return n < 0 ? pki_fail(PKI_EXIT_OWN, "%s", why) : 0;
}

static int dump(const char *path, uint64_t most)
{
    char why[TRACE_WHY];
    struct trace *t = trace_open(path, why);
    if (!t) {
        return pki_fail(PKI_EXIT_OWN, "%s", why);
    }
    print_info(t);
    print_tables(t);
    print_stacks(t);
    int code = print_events(t, most);
    trace_end(t);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return pki_fail(PKI_EXIT_OWN, "the output could not be written");
    }
    return code;
}

int pki_dump_main(int argc, char **argv)
{
    enum { EVENTS = 1 };
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"events", required_argument, NULL, EVENTS}, {0}};
    uint64_t most = UINT64_MAX;
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        char *end = NULL;
        if (c == 'h') {
            pki_help_on("dump");
            return 0;
        }
        if (c != EVENTS) {
            return pki_usage(c == ':' ? "dump: %s needs a value" : "dump: unknown option %s",
                             argv[optind - 1]);
        }
        errno = 0;
        most = strtoull(optarg, &end, 10);
        if (*optarg < '0' || *optarg > '9' || *end || errno) {
            return pki_usage("--events: a number, not %s", optarg);
        }
    }
    return optind + 1 == argc ? dump(argv[optind], most) : pki_usage("dump: which file?");
}
