/* SPDX-License-Identifier: MIT
 * compare.c: `poolkit compare`: its options, the libraries it names, and the end.
 */
#include "child.h"
#include "elffile.h"
#include "measure.h"
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ROUNDS 1000

typedef struct settings {
    pki_plan plan;
    pki_result result;
    bool json, count;
    const char *json_file;
} settings;

enum { WITH = 1, WARMUP, NO_COUNT, JSON, OUTPUT, LOAD, TITLE };

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},
    {"rounds", required_argument, NULL, 'n'},
    {"with", required_argument, NULL, WITH},
    {"warmup", required_argument, NULL, WARMUP},
    {"no-count", no_argument, NULL, NO_COUNT},
    {"json", optional_argument, NULL, JSON},
    {"output", required_argument, NULL, OUTPUT},
    {"load", required_argument, NULL, LOAD},
    {"title", required_argument, NULL, TITLE},
    {0},
};

static pki_row *add_row(pki_result *result, char *name, char *library)
{
    result->rows = pki_grow(result->rows, result->n_rows + 1, sizeof *result->rows);
    pki_row *row = &result->rows[result->n_rows++];
    *row = (pki_row){.name = name, .library = library};
    return row;
}

static int add_library(pki_result *result, const char *text)
{
    char *why = NULL;
    const char *equals = strchr(text, '='), *slash = strchr(text, '/');
    bool named = equals && equals != text && (!slash || equals < slash);
    char *library = pki_find_library(named ? equals + 1 : text, &why);
    if (!library) {
        return pki_fail(PKI_EXIT_OWN, "--with: %s", why);
    }
    char *name = named ? pki_format("%.*s", (int)(equals - text), text) : pki_short_name(library);
    if (pki_find_row(result, name) < result->n_rows) {
        return pki_usage("--with: two rows would be called %s: name one with NAME=LIBRARY", name);
    }
    add_row(result, name, library);
    return 0;
}

static bool read_number(const char *text, size_t least, size_t *out)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *out = value;
    return *text >= '0' && *text <= '9' && !*end && !errno && value >= least && value <= MAX_ROUNDS;
}

static int read_output(const char *text, pki_output *out)
{
    static const char *const names[] = {"first", "all", "none"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (pki_output)i;
            return 0;
        }
    }
    return pki_usage("--output: first, all or none, not %s", text);
}

static int read_option(settings *s, int c, char **argv)
{
    switch (c) {
    case WITH:
        return add_library(&s->result, optarg);
    case 'n':
        return read_number(optarg, 1, &s->result.rounds)
                   ? 0
                   : pki_usage("-n: a number from 1 to %d, not %s", MAX_ROUNDS, optarg);
    case WARMUP:
        return read_number(optarg, 0, &s->result.warmup)
                   ? 0
                   : pki_usage("--warmup: a number from 0 to %d, not %s", MAX_ROUNDS, optarg);
    case NO_COUNT:
        s->count = false;
        return 0;
    case JSON:
        s->json = true;
        s->json_file = optarg;
        return 0;
    case OUTPUT:
        return read_output(optarg, &s->plan.output);
    case LOAD:
        s->result.load = optarg;
        return 0;
    case TITLE:
        s->result.title = optarg;
        return 0;
    case ':':
        return pki_usage("compare: %s needs a value", argv[optind - 1]);
    default:
        return pki_usage("compare: unknown option %s", argv[optind - 1]);
    }
}

/* A program linked with another malloc has to be brought to the system's: libc, preloaded, comes
 * first in the search order. */
static void choose_baseline(settings *s)
{
    pki_elf elf;
    if (!pki_elf_read(s->plan.path, &elf) || !elf.allocator[0]) {
        return;
    }
    s->plan.baseline = "libc.so.6";
    pki_result_note(&s->result, pki_format("%s is linked with %s; on system, libc's malloc is "
                                           "preloaded over it",
                                           pki_base(s->plan.path), elf.allocator));
}

static int prepare(settings *s, char **command)
{
    char *why = NULL, *path = NULL;
    int code = pki_resolve(command[0], &path);
    if (code) {
        return code;
    }
    s->plan.path = path;
    s->result.command = command;
    if (!s->result.title) {
        s->result.title = pki_copy(pki_base(command[0]));
    }
    s->result.rows[1].library = pki_find_own("libpoolkit-malloc.so", &why);
    if (!s->result.rows[1].library) {
        return pki_fail(PKI_EXIT_OWN, "%s", why);
    }
    if (s->count) {
        s->plan.counter = pki_find_own("libpoolkit-count.so", &why);
        if (!s->plan.counter) {
            return pki_fail(PKI_EXIT_OWN, "%s (--no-count does without)", why);
        }
    }
    choose_baseline(s);
    pki_signals_catch();
    return pki_input_open(&s->plan.input);
}

static int finish(settings *s)
{
    pki_result *result = &s->result;
    int code = 0;
    if (s->json) {
        for (size_t i = 0; i < result->n_rows; i++) {
            pki_row *row = &result->rows[i];
            row->package = row->library ? pki_package_of(row->library) : NULL;
        }
        code = pki_json_write(result, s->json_file, stdout);
    }
    if (!s->json || s->json_file) {
        pki_show_table(result, stdout);
    }
    for (size_t i = 0; code == 0 && i < result->n_rows; i++) {
        code = result->rows[i].code;
    }
    return code;
}

static void end_by_signal(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

int pki_compare_main(int argc, char **argv)
{
    static char system_name[] = "system", own_name[] = "poolkit";
    settings s = {.count = true, .plan.output_to = 1};
    s.result.rounds = 5;
    s.result.warmup = 1;
    add_row(&s.result, system_name, NULL);
    add_row(&s.result, own_name, NULL);
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "+:hn:", options, NULL)) != -1;) {
        if (c == 'h') {
            pki_help_on("compare");
            return 0;
        }
        int code = read_option(&s, c, argv);
        if (code) {
            return code;
        }
    }
    if (optind == argc) {
        return pki_usage("compare: which command?");
    }
    s.plan.output_to = s.json && !s.json_file ? 2 : 1;
    int code = prepare(&s, argv + optind);
    code = code ? code : pki_measure(&s.plan, &s.result);
    if (pki_signals_seen()) {
        end_by_signal(pki_signals_seen());
    }
    return code ? code : finish(&s);
}
