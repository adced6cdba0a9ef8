/* SPDX-License-Identifier: MIT
 * command.c: `poolkit record`: its options.
 */
#include "record/image.h"
#include "record/session.h"
#include "symbols/symbols.h"

#include "poolkit/tool.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SECONDS 1e9

enum { STACK = 1, DEPTH, FREE_STACKS, DURATION, DELAY, PAUSED, DROP, NO_FOLLOW, WITH };
enum { DEBUGINFOD = 20, NO_CACHE, QUIET };

struct settings {
    struct record_options record;
    struct symbols_options symbols;
};

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},
    {"output", required_argument, NULL, 'o'},
    {"stack", required_argument, NULL, STACK},
    {"depth", required_argument, NULL, DEPTH},
    {"free-stacks", no_argument, NULL, FREE_STACKS},
    {"duration", required_argument, NULL, DURATION},
    {"delay", required_argument, NULL, DELAY},
    {"paused", no_argument, NULL, PAUSED},
    {"drop", no_argument, NULL, DROP},
    {"no-follow", no_argument, NULL, NO_FOLLOW},
    {"with", required_argument, NULL, WITH},
    {"debuginfod", no_argument, NULL, DEBUGINFOD},
    {"no-cache", no_argument, NULL, NO_CACHE},
    {"quiet", no_argument, NULL, QUIET},
    {0},
};

static int read_stack(const char *text, enum pki_wire_stacks *out)
{
    static const char *const names[] = {"none", "caller", "fp", "cfi"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum pki_wire_stacks)i;
            return 0;
        }
    }
    return pki_usage("--stack: cfi, fp, caller or none, not %s", text);
}

static int read_depth(const char *text, uint32_t *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *out = (uint32_t)value;
    return *text >= '0' && *text <= '9' && !*end && value >= 1 && value <= PKI_WIRE_STACK_MOST
               ? 0
               : pki_usage("--depth: a number from 1 to %d, not %s", PKI_WIRE_STACK_MOST, text);
}

static int read_seconds(const char *option, const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out) && *out > 0 && *out <= MOST_SECONDS
               ? 0
               : pki_usage("%s: seconds, more than 0, not %s", option, text);
}

static int read_with(const char *text, struct record_options *o)
{
    char *why = NULL;
    char *library = strcmp(text, "poolkit") == 0 ? pki_find_own("libpoolkit-malloc.so", &why)
                                                 : pki_find_library(text, &why);
    if (!library) {
        return pki_fail(PKI_EXIT_OWN, "--with: %s", why);
    }
    o->libraries[1] = library;
    char *package = pki_package_of(library);
    o->allocator = package ? package : pki_base(library);
    return 0;
}

static int read_option(struct settings *s, int c, char **argv)
{
    struct record_options *o = &s->record;
    switch (c) {
    case 'o':
        o->output = optarg;
        return *optarg ? 0 : pki_usage("-o: a file's name");
    case STACK:
        return read_stack(optarg, &o->stacks);
    case DEPTH:
        return read_depth(optarg, &o->depth);
    case DURATION:
        return read_seconds("--duration", optarg, &o->duration);
    case DELAY:
        return read_seconds("--delay", optarg, &o->delay);
    case WITH:
        return read_with(optarg, o);
    case ':':
        return pki_usage("record: %s needs a value", argv[optind - 1]);
    default:
        return pki_usage("record: unknown option %s", argv[optind - 1]);
    }
}

/* The options that are only switched on. */
static bool *switch_of(struct settings *s, int c)
{
    switch (c) {
    case FREE_STACKS:
        return &s->record.free_stacks;
    case PAUSED:
        return &s->record.paused;
    case DROP:
        return &s->record.drop;
    case NO_FOLLOW:
        return &s->record.first_only;
    case DEBUGINFOD:
        return &s->symbols.debuginfod;
    case NO_CACHE:
        return &s->symbols.no_cache;
    case QUIET:
        return &s->record.quiet;
    default:
        return NULL;
    }
}

/* Names are a part of the file, so that it can be read elsewhere. */
static void name_functions(const struct session *s, const struct symbols_options *o)
{
    for (size_t i = 0; i < s->n_images; i++) {
        const struct image *image = s->images[i];
        char why[TRACE_WHY];
        if (image->file && image->events && !symbols_resolve(image->file, o, why)) {
            pki_note("%s: %s", image->file, why);
        }
    }
}

static int record(struct settings *settings, char **command)
{
    struct session s = {0};
    char *path = NULL, *why = NULL;
    int code = pki_resolve(command[0], &path);
    if (code) {
        return code;
    }
    settings->record.libraries[0] = pki_find_own("libpoolkit-record.so", &why);
    if (!settings->record.libraries[0]) {
        return pki_fail(PKI_EXIT_OWN, "%s", why);
    }
    if (!output_possible(&settings->record)) {
        return PKI_EXIT_OWN;
    }
    pki_launch launch = {.path = path, .argv = command, .input = 0, .output = 1, .ours = true};
    code = session_run(&s, &settings->record, &launch);
    if (code == 0) {
        output_name_largest(&s);
        if (settings->record.stacks != PKI_STACKS_NONE) {
            name_functions(&s, &settings->symbols);
        }
        if (!settings->record.quiet) {
            output_summary(&s);
        }
        session_wait(&s);
        code = s.code == 0 && s.failed ? PKI_EXIT_OWN : s.code;
    }
    session_free(&s);
    free(path);
    return code;
}

int pki_record_main(int argc, char **argv)
{
    struct settings s = {.record = {.stacks = PKI_STACKS_CFI, .depth = PKI_WIRE_STACK_MOST}};
    int c, code = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "+:ho:", options, NULL)) != -1) {
        if (c == 'h') {
            pki_help_on("record");
            return 0;
        }
        bool *on = switch_of(&s, c);
        if (on) {
            *on = true;
        } else if ((code = read_option(&s, c, argv)) != 0) {
            return code;
        }
    }
    if (optind == argc) {
        return pki_usage("record: which command?");
    }
    return record(&s, argv + optind);
}
