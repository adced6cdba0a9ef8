/* SPDX-License-Identifier: MIT
 * command.c: `poolkit replay`: its options, the allocators it names, and the end.
 */
#include "replay/command.h"
#include "poolkit/child.h"
#include "poolkit/measure.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MOST 1000
#define PLAN_MOST ((size_t)16 << 20)

enum { ALLOC = 1, POOLS, MODE, PACED, TOUCH, CALLS, JSON, PROGRESS, CHECK };

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},          {"alloc", required_argument, NULL, ALLOC},
    {"pools", required_argument, NULL, POOLS}, {"mode", required_argument, NULL, MODE},
    {"paced", optional_argument, NULL, PACED}, {"touch", required_argument, NULL, TOUCH},
    {"rounds", required_argument, NULL, 'n'},  {"system-calls", no_argument, NULL, CALLS},
    {"check", no_argument, NULL, CHECK},       {"json", required_argument, NULL, JSON},
    {"progress", no_argument, NULL, PROGRESS}, {0},
};

/* ---- allocators ---- */

static int add_allocator(struct replay_job *job, const char *text)
{
    char *why = NULL, *library = NULL, *name = NULL;
    const char *equals = strchr(text, '='), *slash = strchr(text, '/');
    bool named = equals && equals != text && (!slash || equals < slash);
    const char *wanted = named ? equals + 1 : text;
    if (strcmp(wanted, "glibc") == 0 || strcmp(wanted, "system") == 0) {
        name = pki_copy("glibc");
    } else {
        library = strcmp(wanted, "poolkit") == 0 ? pki_find_own("libpoolkit-malloc.so", &why)
                                                 : pki_find_library(wanted, &why);
        if (!library) return pki_fail(PKI_EXIT_OWN, "--alloc: %s", why);
        name = strcmp(wanted, "poolkit") == 0 ? pki_copy("poolkit") : pki_short_name(library);
    }
    if (named) {
        free(name);
        name = pki_format("%.*s", (int)(equals - text), text);
    }
    for (size_t i = 0; i < job->n_allocators; i++) {
        if (strcmp(job->allocators[i].name, name) == 0) {
            return pki_usage("--alloc: %s is there twice", name);
        }
    }
    job->allocators = pki_grow(job->allocators, job->n_allocators + 1, sizeof *job->allocators);
    job->allocators[job->n_allocators++] = (struct replay_allocator){name, library};
    return 0;
}

static int add_allocators(struct replay_job *job, const char *list)
{
    char *copy = pki_copy(list), *rest = copy;
    int code = 0;
    for (char *word; code == 0 && (word = strsep(&rest, ",")) != NULL;) {
        code = add_allocator(job, word);
    }
    free(copy);
    return code;
}

/* The allocator that was recorded is needed to know how far the replay is to be trusted. */
static int add_recorded(struct replay_job *job)
{
    const char *recorded = trace_info(job->trace)->allocator;
    bool system = strncmp(recorded, "glibc", 5) == 0;
    for (size_t i = 0; i < job->n_allocators; i++) {
        const char *library = job->allocators[i].library;
        if (library ? strcmp(library, recorded) == 0 : system) {
            job->recorded = i;
            return 0;
        }
    }
    char *why = NULL, *library = system ? NULL : pki_find_library(recorded, &why);
    job->recorded = job->n_allocators;
    if (!system && !library) {
        pki_note("the recorded allocator cannot be replayed: %s", why);
        return 0;
    }
    free(library);
    return add_allocator(job, system ? "glibc" : recorded);
}

/* ---- options ---- */

static int read_choice(const char *option, const char *text, const char *const *names, int n,
                       const char *all, int *out)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    return pki_usage("%s: %s, not %s", option, all, text);
}

static int read_pace(struct replay_job *job, const char *text)
{
    char *end = NULL;
    job->options.pace = text ? strtod(text, &end) : 1;
    bool good = !text || (*text >= '0' && *text <= '9' && !*end && job->options.pace > 0 &&
                          job->options.pace <= 1e6);
    return good ? 0 : pki_usage("--paced: a factor above 0, not %s", text);
}

static int read_rounds(struct replay_job *job, const char *text)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    job->options.rounds = (unsigned)value;
    bool good = *text >= '0' && *text <= '9' && !*end && !errno && value <= ROUNDS_MOST;
    job->options.memory_only = value == 0;
    return good ? 0 : pki_usage("--rounds: a number from 0 to %d, not %s", ROUNDS_MOST, text);
}

static int read_option(struct replay_job *job, int c, char **argv)
{
    int choice = 0, code = 0;
    switch (c) {
    case ALLOC:
        return add_allocators(job, optarg);
    case POOLS:
        job->plan_file = optarg;
        return 0;
    case MODE:
        code = read_choice("--mode", optarg, replay_mode_names, 2, "merged or parallel", &choice);
        job->mode = (enum replay_mode)choice;
        return code;
    case TOUCH:
        code = read_choice("--touch", optarg, replay_touch_names, 4, "all, pages, first or none",
                           &choice);
        job->options.touch = (enum replay_touch)choice;
        return code;
    case PACED:
        return read_pace(job, optarg);
    case 'n':
        return read_rounds(job, optarg);
    case CALLS:
        job->options.system_calls = true;
        return 0;
    case CHECK:
        job->options.check = true;
        return 0;
    case JSON:
        job->json = optarg;
        return 0;
    case PROGRESS:
        job->progress = true;
        return 0;
    case ':':
        return pki_usage("replay: %s needs a value", argv[optind - 1]);
    default:
        return pki_usage("replay: unknown option %s", argv[optind - 1]);
    }
}

static int read_options(struct replay_job *job, int argc, char **argv)
{
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":hn:", options, NULL)) != -1;) {
        if (c == 'h') {
            pki_help_on("replay");
            exit(0);
        }
        int code = read_option(job, c, argv);
        if (code) return code;
    }
    if (optind != argc - 1) return pki_usage("replay: which recording?");
    if (job->options.pace > 0 && job->mode != REPLAY_PARALLEL) {
        return pki_usage("--paced needs --mode parallel");
    }
    job->file = argv[optind];
    return job->n_allocators ? 0 : add_allocators(job, "glibc,poolkit");
}

/* ---- the plan and the tapes ---- */

static char *read_file(const char *name, size_t *length)
{
    FILE *in = fopen(name, "re");
    char *text = in ? pki_grow(NULL, PLAN_MOST, 1) : NULL;
    if (in) {
        *length = fread(text, 1, PLAN_MOST, in);
        fclose(in);
    }
    return text;
}

static int make_tapes(struct replay_job *job)
{
    char why[TRACE_WHY];
    struct replay_plan *plan = NULL;
    if (job->plan_file) {
        size_t length = 0;
        char *text = read_file(job->plan_file, &length);
        if (!text) return pki_fail(PKI_EXIT_OWN, "%s: %s", job->plan_file, strerror(errno));
        plan = replay_plan_read(text, length, why);
        free(text);
        if (!plan) return pki_fail(PKI_EXIT_OWN, "%s: %s", job->plan_file, why);
    }
    job->plain = replay_tape_make(job->trace, NULL, job->mode, why);
    if (job->plain && plan) job->pooled = replay_tape_make(job->trace, plan, job->mode, why);
    replay_plan_end(plan);
    if (!job->plain || (plan && !job->pooled)) {
        return pki_fail(PKI_EXIT_OWN, "%s: %s", job->file, why);
    }
    if (job->pooled && replay_tape_planned(job->pooled) == 0) {
        return pki_fail(PKI_EXIT_OWN,
                        "%s: no block of this recording comes from a site of the plan",
                        job->plan_file);
    }
    return 0;
}

static void make_subjects(struct replay_job *job)
{
    size_t each = job->pooled ? 2 : 1;
    job->n = job->n_allocators * each;
    job->subjects = pki_grow(NULL, job->n, sizeof *job->subjects);
    job->results = pki_grow(NULL, job->n, sizeof *job->results);
    for (size_t i = 0; i < job->n; i++) {
        const struct replay_allocator *a = &job->allocators[i / each];
        bool pooled = i % each == 1;
        job->subjects[i] =
            (struct replay_subject){.name = pooled ? pki_format("%s + pools", a->name) : a->name,
                                    .library = a->library,
                                    .tape = pooled ? job->pooled : job->plain};
    }
}

static void show_progress(void *arg, size_t run, size_t runs, const char *name)
{
    const struct replay_job *job = arg;
    char *stage = pki_format("replay %zu/%zu", run + 1, runs);
    if (job->progress) pki_note("%s: %s", stage, name);
    if (run == 0) pki_progress_start(runs);
    if (!job->progress) pki_progress_step(stage, name);
    free(stage);
}

static int measure(struct replay_job *job)
{
    char why[TRACE_WHY];
    job->options.progress = show_progress;
    job->options.progress_arg = job;
    int code = replay_measure(job->subjects, job->n, &job->options, job->results, why);
    pki_progress_erase();
    if (pki_signals_seen()) {
        signal(pki_signals_seen(), SIG_DFL);
        raise(pki_signals_seen());
    }
    return code && *why ? pki_fail(code, "%s", why) : code;
}

int pki_replay_main(int argc, char **argv)
{
    struct replay_job job = {0};
    char why[TRACE_WHY];
    int code = read_options(&job, argc, argv);
    if (code) return code;
    job.trace = trace_open(job.file, why);
    if (!job.trace) return pki_fail(PKI_EXIT_OWN, "%s: %s", job.file, why);
    if (!trace_whole(job.trace)) pki_note("%s ends early: what is there is replayed", job.file);
    pki_signals_catch();
    code = add_recorded(&job);
    code = code ? code : make_tapes(&job);
    if (code) return code;
    make_subjects(&job);
    code = measure(&job);
    code = code ? code : replay_show(&job);
    replay_tape_end(job.plain);
    replay_tape_end(job.pooled);
    trace_end(job.trace);
    return code;
}
