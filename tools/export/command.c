/* SPDX-License-Identifier: MIT
 * command.c: `poolkit export`: the formats and the options.
 */
#include "export.h"
#include "poolkit/tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *extension;
    bool (*write)(struct export_job *job);
} formats[] = {{"pprof", "pb", export_pprof},
               {"speedscope", "speedscope.json", export_speedscope},
               {"collapsed", "folded", export_collapsed},
               {"heaptrack", "heaptrack", export_heaptrack},
               {"dhat", "dhat.json", export_dhat},
               {"massif", "massif", export_massif},
               {"perfetto", "perfetto.json", export_perfetto},
               {"csv", "csv", export_csv}};

enum { FORMATS = sizeof formats / sizeof *formats, TO = 1, METRIC, EVENTS };

struct export_options {
    const char *file, *output;
    int format; /* -1: none */
    enum export_metric metric;
    bool events;
};

static int read_format(struct export_options *o, const char *text)
{
    for (o->format = 0; o->format < FORMATS; o->format++) {
        if (strcmp(text, formats[o->format].name) == 0) {
            return 0;
        }
    }
    return pki_usage(
        "--to: pprof, speedscope, collapsed, heaptrack, dhat, massif, perfetto or csv, "
        "not %s",
        text);
}

static int read_metric(struct export_options *o, const char *text)
{
    static const char *const names[EXPORT_METRICS] = {"bytes", "allocations", "peak", "live"};
    for (int i = 0; i < EXPORT_METRICS; i++) {
        if (strcmp(text, names[i]) == 0) {
            o->metric = (enum export_metric)i;
            return 0;
        }
    }
    return pki_usage("--metric: bytes, allocations, peak or live, not %s", text);
}

static int read_options(struct export_options *o, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},         {"to", required_argument, NULL, TO},
        {"output", required_argument, NULL, 'o'}, {"metric", required_argument, NULL, METRIC},
        {"events", no_argument, NULL, EVENTS},    {0}};
    opterr = 0;
    for (int c, code = 0; (c = getopt_long(argc, argv, ":ho:", options, NULL)) != -1;) {
        switch (c) {
        case 'h':
            pki_help_on("export");
            exit(0);
        case TO:
            code = read_format(o, optarg);
            break;
        case 'o':
            o->output = optarg;
            break;
        case METRIC:
            code = read_metric(o, optarg);
            break;
        case EVENTS:
            o->events = true;
            break;
        case ':':
            return pki_usage("export: %s needs a value", argv[optind - 1]);
        default:
            return pki_usage("export: unknown option %s", argv[optind - 1]);
        }
        if (code) {
            return code;
        }
    }
    if (optind != argc - 1) {
        return pki_usage("export: which recording?");
    }
    o->file = argv[optind];
    return o->format >= 0 ? 0 : pki_usage("export: --to which format?");
}

static int write_to(const char *path, const struct export_options *o, struct export_job *job)
{
    bool to_output = strcmp(path, "-") == 0;
    job->out = to_output ? stdout : fopen(path, "we");
    if (!job->out) {
        return pki_fail(PKI_EXIT_OWN, "cannot write %s: %s", path, strerror(errno));
    }
    bool good = formats[o->format].write(job);
    bool written = !ferror(job->out);
    written = (to_output ? fflush(job->out) : fclose(job->out)) == 0 && written;
    if (!good) {
        return pki_fail(PKI_EXIT_OWN, "%s: %s", o->file, job->why);
    }
    if (!written) {
        return pki_fail(PKI_EXIT_OWN, "cannot write %s: %s", path, strerror(errno));
    }
    if (!to_output) {
        printf("%s\n", path);
    }
    return 0;
}

int pki_export_main(int argc, char **argv)
{
    struct export_options o = {.format = -1};
    char why[TRACE_WHY];
    int code = read_options(&o, argc, argv);
    if (code) {
        return code;
    }
    struct trace *t = trace_open(o.file, why);
    struct analysis *a = t ? analysis_make(t, why) : NULL;
    if (!a) {
        trace_end(t);
        return pki_fail(PKI_EXIT_OWN, "%s", why);
    }
    struct export_job job = {
        .trace = t, .analysis = a, .metric = o.metric, .events = o.events, .why = why};
    char *path =
        o.output ? pki_copy(o.output) : pki_format("%s.%s", o.file, formats[o.format].extension);
    code = write_to(path, &o, &job);
    free(path);
    analysis_end(a);
    trace_end(t);
    return code;
}
