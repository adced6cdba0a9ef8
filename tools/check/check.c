/* SPDX-License-Identifier: MIT
 * check.c: `poolkit check`: gates for continuous integration.
 *
 * A gate compares one figure of a recording with a limit: an amount, or a share above a baseline
 * that an earlier `--write-baseline` has left. 0: all passed, 1: one failed, 2: usage or bad file.
 */
#include "analysis/analysis.h"
#include "poolkit/tool.h"
#include "report/encode.h"
#include "text/units.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAD = 2, BASELINE_MOST = 1 << 20 };

enum figure { PEAK, FRAG, ALLOCS, FIGURES };

static const struct {
    const char *name, *option, *meaning;
    pki_unit unit;
} figures[FIGURES] = {
    {"peak", "--max-peak", "peak resident anonymous memory above that at the start", PKI_BYTES},
    {"fragmentation", "--max-frag", "largest footprint / largest live bytes", PKI_PLAIN},
    {"allocations", "--max-allocs", "allocations", PKI_COUNT},
};

struct gate {
    bool asked, relative;
    double limit; /* relative: the share that may be added to the baseline */
    double baseline, value;
    bool failed;
};

struct check {
    struct gate gates[FIGURES];
    const char *file, *baseline, *write_baseline, *junit;
};

static int bad(int ignored)
{
    (void)ignored;
    return BAD;
}

/* ---- options ---- */

/* "+5%", "64MB", "1.25", "200000". */
static int read_limit(struct gate *gate, enum figure figure, const char *text)
{
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"", 1},     {"B", 1},        {"kB", 1e3},        {"MB", 1e6},
                 {"GB", 1e9}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
    char *end;
    gate->asked = true;
    gate->limit = strtod(text, &end);
    gate->relative = *text == '+' && strcmp(end, "%") == 0;
    if (gate->relative) {
        gate->limit /= 100;
        return 0;
    }
    for (size_t i = 0; end != text && gate->limit >= 0 && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].name) == 0 && (figure == PEAK || i == 0)) {
            gate->limit *= units[i].factor;
            return 0;
        }
    }
    return bad(pki_usage("%s: an amount or a share above the baseline (+5%%), not %s",
                         figures[figure].option, text));
}

static int read_options(struct check *o, int argc, char **argv)
{
    enum { MAX = 10, BASE = 1, WRITE, JUNIT };
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"baseline", required_argument, NULL, BASE},
                                            {"write-baseline", required_argument, NULL, WRITE},
                                            {"junit", required_argument, NULL, JUNIT},
                                            {"max-peak", required_argument, NULL, MAX + PEAK},
                                            {"max-frag", required_argument, NULL, MAX + FRAG},
                                            {"max-allocs", required_argument, NULL, MAX + ALLOCS},
                                            {0}};
    opterr = 0;
    for (int c, code = 0; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        switch (c) {
        case 'h':
            pki_help_on("check");
            exit(0);
        case BASE:
            o->baseline = optarg;
            break;
        case WRITE:
            o->write_baseline = optarg;
            break;
        case JUNIT:
            o->junit = optarg;
            break;
        case ':':
            return bad(pki_usage("check: %s needs a value", argv[optind - 1]));
        case '?':
            return bad(pki_usage("check: unknown option %s", argv[optind - 1]));
        default:
            code = read_limit(&o->gates[c - MAX], (enum figure)(c - MAX), optarg);
        }
        if (code) {
            return code;
        }
    }
    if (optind != argc - 1) {
        return bad(pki_usage("check: which recording?"));
    }
    o->file = argv[optind];
    bool asked = o->write_baseline != NULL;
    for (int i = 0; i < FIGURES; i++) {
        asked = asked || o->gates[i].asked;
        if (o->gates[i].relative && !o->baseline) {
            return bad(pki_usage("check: %s with a share needs --baseline", figures[i].option));
        }
    }
    return asked ? 0 : bad(pki_usage("check: no gate was given"));
}

/* ---- baselines ---- */

static int read_baseline(struct check *o)
{
    FILE *in = fopen(o->baseline, "re");
    char *text = in ? pki_grow(NULL, BASELINE_MOST, 1) : NULL;
    size_t n = in ? fread(text, 1, BASELINE_MOST, in) : 0;
    if (!in) {
        return bad(pki_fail(BAD, "%s: %s", o->baseline, strerror(errno)));
    }
    fclose(in);
    cJSON *root = cJSON_ParseWithLength(text, n);
    bool good = cJSON_IsObject(root);
    for (int i = 0; good && i < FIGURES; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, figures[i].name);
        good = cJSON_IsNumber(value);
        o->gates[i].baseline = good ? value->valuedouble : 0;
    }
    cJSON_Delete(root);
    free(text);
    return good ? 0 : bad(pki_fail(BAD, "%s: not a baseline", o->baseline));
}

static int write_baseline(const struct check *o)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "made_by", "poolkit " PKI_VERSION);
    for (int i = 0; i < FIGURES; i++) {
        cJSON_AddNumberToObject(root, figures[i].name, o->gates[i].value);
    }
    char *text = cJSON_Print(root);
    FILE *out = fopen(o->write_baseline, "we");
    bool good = out && text && fprintf(out, "%s\n", text) > 0;
    good = out && fclose(out) == 0 && good;
    cJSON_free(text);
    cJSON_Delete(root);
    return good ? 0 : bad(pki_fail(BAD, "cannot write %s: %s", o->write_baseline, strerror(errno)));
}

/* ---- gates ---- */

static void sentence(const struct gate *gate, enum figure figure, char *text, size_t room)
{
    char value[PKI_TEXT], limit[PKI_TEXT];
    double most = gate->relative ? gate->baseline * (1 + gate->limit) : gate->limit;
    pki_text_value(value, gate->value, figures[figure].unit);
    pki_text_value(limit, most, figures[figure].unit);
    if (figures[figure].unit == PKI_PLAIN) {
        snprintf(value, sizeof value, "%.3f", gate->value);
        snprintf(limit, sizeof limit, "%.3f", most);
    }
    snprintf(text, room, "%s %s, at most %s", figures[figure].name, value, limit);
}

static bool judge(struct check *o)
{
    bool good = true;
    for (int i = 0; i < FIGURES; i++) {
        struct gate *gate = &o->gates[i];
        double most = gate->relative ? gate->baseline * (1 + gate->limit) : gate->limit;
        char text[160];
        if (!gate->asked) {
            continue;
        }
        gate->failed = gate->value > most;
        sentence(gate, (enum figure)i, text, sizeof text);
        printf("%s  %s\n", gate->failed ? "FAILED" : "passed", text);
        good = good && !gate->failed;
    }
    return good;
}

static int write_junit(const struct check *o)
{
    FILE *out = fopen(o->junit, "we");
    int n = 0, failed = 0;
    for (int i = 0; i < FIGURES; i++) {
        n += o->gates[i].asked;
        failed += o->gates[i].failed;
    }
    if (!out) {
        return bad(pki_fail(BAD, "cannot write %s: %s", o->junit, strerror(errno)));
    }
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"poolkit check\" tests=\"%d\" failures=\"%d\">\n",
            n, failed);
    for (int i = 0; i < FIGURES; i++) {
        char text[160];
        if (!o->gates[i].asked) {
            continue;
        }
        sentence(&o->gates[i], (enum figure)i, text, sizeof text);
        fprintf(out, "  <testcase classname=\"");
        report_write_escaped(out, o->file);
        fprintf(out, "\" name=\"%s\">", figures[i].name);
        if (o->gates[i].failed) {
            fprintf(out, "<failure message=\"%s\"/>", text);
        }
        fprintf(out, "</testcase>\n");
    }
    fputs("</testsuite>\n", out);
    return fclose(out) == 0 ? 0 : bad(pki_fail(BAD, "cannot write %s", o->junit));
}

static int measure(struct check *o)
{
    char why[TRACE_WHY];
    struct trace *t = trace_open(o->file, why);
    struct analysis *a = t ? analysis_make(t, why) : NULL;
    if (a) {
        bool sampled = trace_samples(t) > 0;
        o->gates[PEAK].value = (double)(sampled ? a->peak_resident : a->at_peak.footprint);
        o->gates[FRAG].value = a->jw[3];
        o->gates[ALLOCS].value = (double)a->all.allocations;
    }
    analysis_end(a);
    trace_end(t);
    return a ? 0 : bad(pki_fail(BAD, "%s", why));
}

int pki_check_main(int argc, char **argv)
{
    struct check o = {0};
    int code = read_options(&o, argc, argv);
    code = code == 0 && o.baseline ? read_baseline(&o) : code;
    code = code ? code : measure(&o);
    if (code) {
        return code;
    }
    bool good = judge(&o);
    code = o.junit ? write_junit(&o) : 0;
    code = code == 0 && o.write_baseline ? write_baseline(&o) : code;
    return code ? code : good ? 0 : 1;
}
