/* SPDX-License-Identifier: MIT
 * command.c: `poolkit report`: what a recording says, as a page, as text, as JSON.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "poolkit/tool.h"
#include "report/page.h"

#define ADDED_MOST ((size_t)256 << 20)

enum { TEXT = 1, JSON, OPEN, STRICT, REPLAYS, ADVICE };

struct report_options {
    const char *file, *page, *json; /* json: "-" for standard output */
    const char *replays, *advice;   /* files to add, made by replay and advise */
    bool text, open, strict;
};

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},
    {"output", required_argument, NULL, 'o'},
    {"text", no_argument, NULL, TEXT},
    {"json", optional_argument, NULL, JSON},
    {"open", no_argument, NULL, OPEN},
    {"strict", no_argument, NULL, STRICT},
    {"replays", required_argument, NULL, REPLAYS},
    {"advice", required_argument, NULL, ADVICE},
    {0},
};

static int read_option(struct report_options *o, int c, char **argv)
{
    switch (c) {
    case 'o':
        o->page = optarg;
        return 0;
    case TEXT:
        o->text = true;
        return 0;
    case JSON:
        o->json = optarg ? optarg : "-";
        return 0;
    case OPEN:
        o->open = true;
        return 0;
    case STRICT:
        o->strict = true;
        return 0;
    case REPLAYS:
        o->replays = optarg;
        return 0;
    case ADVICE:
        o->advice = optarg;
        return 0;
    case ':':
        return pki_usage("report: %s needs a value", argv[optind - 1]);
    default:
        return pki_usage("report: unknown option %s", argv[optind - 1]);
    }
}

static int read_options(struct report_options *o, int argc, char **argv)
{
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":ho:", options, NULL)) != -1;) {
        if (c == 'h') {
            pki_help_on("report");
            exit(0);
        }
        int code = read_option(o, c, argv);
        if (code) {
            return code;
        }
    }
    if (optind != argc - 1) {
        return pki_usage("report: which recording?");
    }
    o->file = argv[optind];
    return 0;
}

/* ---- what replay and advise have written ---- */

static cJSON *read_json(const char *path)
{
    FILE *in = fopen(path, "re");
    char *text = in ? malloc(ADDED_MOST) : NULL;
    size_t n = text ? fread(text, 1, ADDED_MOST - 1, in) : 0;
    cJSON *root = text ? cJSON_ParseWithLength(text, n) : NULL;
    free(text);
    if (in) {
        fclose(in);
    }
    return root;
}

/* Moves these members of the file's object into the report. */
static int add_members(cJSON *report, const char *path, const char *const *names, size_t n)
{
    cJSON *root = read_json(path);
    if (!cJSON_IsObject(root)) {
        cJSON_Delete(root);
        return pki_fail(PKI_EXIT_OWN, "%s: not a file of ours", path);
    }
    for (size_t i = 0; i < n; i++) {
        cJSON *member = cJSON_DetachItemFromObjectCaseSensitive(root, names[i]);
        if (member) {
            cJSON_ReplaceItemInObjectCaseSensitive(report, names[i], member);
        }
    }
    cJSON_Delete(root);
    return 0;
}

/* Each site knows the first advice that is about it. */
static void link_advice(cJSON *report)
{
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(report, "advice");
    const cJSON *sites = cJSON_GetObjectItemCaseSensitive(report, "sites");
    int n = 0;
    const cJSON *advice;
    cJSON_ArrayForEach(advice, all)
    {
        const cJSON *site = cJSON_GetObjectItemCaseSensitive(advice, "site");
        cJSON *about = cJSON_IsNumber(site) ? cJSON_GetArrayItem(sites, site->valueint) : NULL;
        if (about && cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(about, "advice"))) {
            cJSON_ReplaceItemInObjectCaseSensitive(about, "advice", cJSON_CreateNumber(n));
        }
        n++;
    }
}

static int add_files(cJSON *report, const struct report_options *o)
{
    static const char *const replay[] = {"replays", "calibration"};
    static const char *const advice[] = {"advice", "nothing"};
    int code = o->replays ? add_members(report, o->replays, replay, 2) : 0;
    if (code == 0 && o->advice) {
        code = add_members(report, o->advice, advice, 2);
        link_advice(report);
    }
    return code;
}

/* ---- what comes out ---- */

static int write_text_to(const char *path, const char *text)
{
    bool to_output = strcmp(path, "-") == 0;
    FILE *out = to_output ? stdout : fopen(path, "we");
    bool good = out && fputs(text, out) >= 0 && fputc('\n', out) >= 0;
    good = (out ? (to_output ? fflush(out) : fclose(out)) == 0 : false) && good;
    return good ? 0 : pki_fail(PKI_EXIT_OWN, "cannot write %s: %s", path, strerror(errno));
}

/* "x.pkt" becomes "x.html". */
static char *page_name(const struct report_options *o)
{
    size_t n = strlen(o->file);
    bool ends = n > 4 && strcmp(o->file + n - 4, ".pkt") == 0;
    return o->page ? pki_copy(o->page) : pki_format("%.*s.html", (int)(ends ? n - 4 : n), o->file);
}

static int write_page(const struct report_options *o, const char *text)
{
    char why[REPORT_PAGE_WHY];
    char *page = page_name(o);
    int code = 0;
    if (!report_page_write(page, text, strlen(text), why)) {
        code = pki_fail(PKI_EXIT_OWN, "%s", why);
    } else {
        printf("The report is in %s\n", page);
        if (o->open && !report_page_open(page, why)) {
            pki_note("%s", why);
        }
    }
    free(page);
    return code;
}

static int write_all(const struct analysis *a, const struct report_options *o, bool page)
{
    if (o->text) {
        analysis_text(a);
    }
    if (!o->json && !page) {
        return 0;
    }
    cJSON *report = analysis_json(a);
    int code = report ? add_files(report, o) : pki_fail(PKI_EXIT_OWN, "out of memory");
    char *text = code == 0 ? cJSON_PrintUnformatted(report) : NULL;
    if (code == 0 && !text) {
        code = pki_fail(PKI_EXIT_OWN, "out of memory");
    }
    if (code == 0 && o->json) {
        code = write_text_to(o->json, text);
    }
    if (code == 0 && page) {
        code = write_page(o, text);
    }
    cJSON_free(text);
    cJSON_Delete(report);
    return code;
}

static int report(struct trace *t, struct report_options *o)
{
    char why[TRACE_WHY];
    bool page = o->page || o->open || (!o->text && !o->json);
    if (page && !report_page_known()) {
        if (o->page || o->open) {
            return pki_fail(
                PKI_EXIT_OWN,
                "this build has no HTML report (CMake: POOLKIT_PAGE=ON, which needs npm)");
        }
        pki_note(
            "this build has no HTML report (CMake: POOLKIT_PAGE=ON, which needs npm): as text");
        o->text = true;
        page = false;
    }
    if (!trace_whole(t)) {
        pki_note("%s: cut short; this is what there is", o->file);
    }
    struct analysis *a = analysis_make(t, why);
    if (!a) {
        return pki_fail(PKI_EXIT_OWN, "%s", why);
    }
    int code = write_all(a, o, page);
    analysis_end(a);
    return code == 0 && o->strict && !trace_whole(t) ? 1 : code;
}

int pki_report_main(int argc, char **argv)
{
    struct report_options o = {0};
    char why[TRACE_WHY];
    int code = read_options(&o, argc, argv);
    if (code) {
        return code;
    }
    struct trace *t = trace_open(o.file, why);
    if (!t) {
        return pki_fail(PKI_EXIT_OWN, "%s", why);
    }
    code = report(t, &o);
    trace_end(t);
    return code;
}
