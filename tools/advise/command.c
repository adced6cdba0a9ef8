/* SPDX-License-Identifier: MIT
 * command.c: `poolkit advise`.
 */
#include "poolkit/child.h"
#include "poolkit/measure.h"
#include "poolkit/tool.h"
#include "show.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_GAIN = 1, PLAN, JSON };

struct advise_arguments {
    struct advise_options options;
    const char *plan, *json;
};

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},         {"min-gain", required_argument, NULL, MIN_GAIN},
    {"plan", required_argument, NULL, PLAN},  {"json", required_argument, NULL, JSON},
    {"rounds", required_argument, NULL, 'n'}, {0},
};

/* "1%", "500kB", "1MB", "4MiB", "1000". */
static int read_gain(struct advise_options *o, const char *text)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},         {"B", 1},           {"kB", 1e3},
                 {"KB", 1e3},     {"MB", 1e6},        {"GB", 1e9},
                 {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
    char *end;
    double value = strtod(text, &end);
    if (end != text && strcmp(end, "%") == 0 && value >= 0 && value <= 100) {
        o->min_share = value / 100;
        o->min_bytes = 0;
        return 0;
    }
    for (size_t i = 0; end != text && value >= 0 && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].name) == 0) {
            o->min_bytes = value * units[i].bytes;
            o->min_share = 0;
            return 0;
        }
    }
    return pki_usage("--min-gain: bytes (1MB) or a share of the peak (1%%), not %s", text);
}

static int read_rounds(struct advise_options *o, const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    o->rounds = (unsigned)value;
    return *text >= '0' && *text <= '9' && !*end && value > 0 && value <= 1000
               ? 0
               : pki_usage("--rounds: a number from 1 to 1000, not %s", text);
}

static int read_options(struct advise_arguments *o, int argc, char **argv)
{
    opterr = 0;
    for (int c, code = 0; (c = getopt_long(argc, argv, ":hn:", options, NULL)) != -1;) {
        switch (c) {
        case 'h':
            pki_help_on("advise");
            exit(0);
        case MIN_GAIN:
            code = read_gain(&o->options, optarg);
            break;
        case PLAN:
            o->plan = optarg;
            break;
        case JSON:
            o->json = optarg;
            break;
        case 'n':
            code = read_rounds(&o->options, optarg);
            break;
        case ':':
            return pki_usage("advise: %s needs a value", argv[optind - 1]);
        default:
            return pki_usage("advise: unknown option %s", argv[optind - 1]);
        }
        if (code) {
            return code;
        }
    }
    return optind < argc ? 0 : pki_usage("advise: which recording?");
}

static int write_json(const char *path, cJSON *root)
{
    bool to_output = strcmp(path, "-") == 0;
    char *text = cJSON_PrintUnformatted(root);
    FILE *out = to_output ? stdout : fopen(path, "we");
    bool good = out && text && fputs(text, out) >= 0 && fputc('\n', out) >= 0;
    good = (out ? (to_output ? fflush(out) : fclose(out)) == 0 : false) && good;
    cJSON_free(text);
    cJSON_Delete(root);
    return good ? 0 : pki_fail(PKI_EXIT_OWN, "cannot write %s: %s", path, strerror(errno));
}

static void show_progress(void *arg, size_t run, size_t runs, const char *name)
{
    (void)arg;
    if (run == 0) {
        pki_progress_start(runs);
    }
    pki_progress_step("replay", name);
}

struct recording {
    struct trace *trace;
    struct analysis *analysis;
};

static int open_recording(struct recording *r, const char *file)
{
    char why[TRACE_WHY];
    r->trace = trace_open(file, why);
    r->analysis = r->trace ? analysis_make(r->trace, why) : NULL;
    return r->analysis ? 0 : pki_fail(PKI_EXIT_OWN, "%s", why);
}

/* The first recording is replayed; the others say whether their sites agree. */
static int advise_on(const struct advise_arguments *o, struct recording *first, const char *file)
{
    char why[TRACE_WHY], *no_library = NULL;
    struct advice_set set;
    char *own = pki_find_own("libpoolkit-malloc.so", &no_library);
    int code = advise(first->trace, first->analysis, own, &o->options, &set, why);
    pki_progress_erase();
    if (pki_signals_seen()) {
        signal(pki_signals_seen(), SIG_DFL);
        raise(pki_signals_seen());
    }
    if (code) {
        code = *why ? pki_fail(code, "%s: %s", file, why) : code;
    } else {
        if (!o->json || strcmp(o->json, "-") != 0) {
            advise_show(&set);
        }
        code = o->json ? write_json(o->json, advise_json(&set)) : 0;
        code = code == 0 && o->plan ? write_json(o->plan, advise_plan(&set)) : code;
    }
    advice_set_end(&set);
    free(own);
    free(no_library);
    return code;
}

static int advise_all(struct advise_arguments *o, char **files, size_t n)
{
    struct recording *all = pki_grow(NULL, n, sizeof *all);
    const struct analysis **others = pki_grow(NULL, n, sizeof *others);
    int code = 0;
    memset(all, 0, n * sizeof *all);
    for (size_t i = 0; code == 0 && i < n; i++) {
        code = open_recording(&all[i], files[i]);
        others[i] = all[i].analysis;
    }
    if (code == 0) {
        o->options.others = others + 1;
        o->options.n_others = n - 1;
        code = advise_on(o, &all[0], files[0]);
    }
    for (size_t i = 0; i < n; i++) {
        analysis_end(all[i].analysis);
        trace_end(all[i].trace);
    }
    free(all);
    free(others);
    return code;
}

int pki_advise_main(int argc, char **argv)
{
    struct advise_arguments o = {
        .options = {.min_share = 0.01, .min_bytes = 256 * 1024, .progress = show_progress}};
    int code = read_options(&o, argc, argv);
    if (code) {
        return code;
    }
    pki_signals_catch();
    return advise_all(&o, argv + optind, (size_t)(argc - optind));
}
