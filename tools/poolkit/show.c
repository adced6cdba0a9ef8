/* SPDX-License-Identifier: MIT
 * show.c: the tables on a terminal or in a text file.
 *
 * Each column has three parts, aligned by themselves: value, spread, ratio to the first row.
 * Bold marks the best of a column, on a terminal and without NO_COLOR only.
 */
#include "result.h"
#include "tool.h"
#include "text/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUE, SPREAD, RATIO, PARTS };

#define LINE 100

static const char first_title[] = "malloc";

typedef struct column {
    const pki_result *result; /* NULL: the geometric mean of the ratios of all results */
    pki_metric metric;
    const char *title;
    bool with_spread;
    size_t width[PARTS], total;
} column;

typedef struct table {
    const pki_result *results;
    size_t n_results;
    column *columns;
    size_t n_columns;
    size_t name_width;
    FILE *out;
    bool colour;
} table;

typedef struct cell {
    char part[PARTS][PKI_TEXT];
    bool best;
} cell;

static double mean_ratio(const table *t, const char *name, bool time)
{
    double sum = 0;
    for (size_t i = 0; i < t->n_results; i++) {
        const pki_result *r = &t->results[i];
        double ratio = pki_ratio(r, pki_find_row(r, name), time ? pki_time_metric(r) : PKI_PEAK);
        if (ratio <= 0) {
            return 0;
        }
        sum += log(ratio);
    }
    return exp(sum / (double)t->n_results);
}

static bool is_least_mean(const table *t, double mean, bool time)
{
    for (size_t i = 0; i < t->results[0].n_rows; i++) {
        double other = mean_ratio(t, t->results[0].rows[i].name, time);
        if (other > 0 && other < mean) {
            return false;
        }
    }
    return mean > 0;
}

static void fill_cell(const table *t, const column *c, const char *name, cell *out)
{
    memset(out, 0, sizeof *out);
    bool baseline = strcmp(name, t->results[0].rows[0].name) == 0;
    if (!c->result) {
        double mean = mean_ratio(t, name, c->metric != PKI_PEAK);
        if (mean > 0) {
            pki_text_ratio(out->part[RATIO], mean);
        }
        out->best = is_least_mean(t, mean, c->metric != PKI_PEAK);
        return;
    }
    size_t row = pki_find_row(c->result, name);
    const pki_row *r = row < c->result->n_rows ? &c->result->rows[row] : NULL;
    const pki_figure *figure = r && !r->failed ? &r->figures[c->metric] : NULL;
    if (!figure || figure->n == 0) {
        strcpy(out->part[VALUE], r && r->failed ? "failed" : "–");
        return;
    }
    pki_text_value(out->part[VALUE], figure->median, pki_metrics[c->metric].unit);
    if (c->with_spread && figure->n > 1) {
        pki_text_spread(out->part[SPREAD], figure->spread);
    }
    double ratio = pki_ratio(c->result, row, c->metric);
    if (!baseline && ratio > 0) {
        pki_text_ratio(out->part[RATIO], ratio);
    }
    out->best = c->metric != PKI_ALLOCATIONS && pki_best(c->result, c->metric) == row;
}

static void measure(table *t)
{
    t->name_width = pki_width(first_title);
    for (size_t row = 0; row < t->results[0].n_rows; row++) {
        const char *name = t->results[0].rows[row].name;
        t->name_width = pki_width(name) > t->name_width ? pki_width(name) : t->name_width;
        for (size_t i = 0; i < t->n_columns; i++) {
            cell c;
            fill_cell(t, &t->columns[i], name, &c);
            for (int part = 0; part < PARTS; part++) {
                size_t width = pki_width(c.part[part]);
                size_t *widest = &t->columns[i].width[part];
                *widest = width > *widest ? width : *widest;
            }
        }
    }
    for (size_t i = 0; i < t->n_columns; i++) {
        column *c = &t->columns[i];
        for (int part = 0; part < PARTS; part++) {
            c->total += c->width[part] ? c->width[part] + (c->total ? 1 : 0) : 0;
        }
        size_t title = pki_width(c->title);
        if (title > c->total) {
            c->width[VALUE] += title - c->total;
            c->total = title;
        }
    }
}

static void spaces(const table *t, size_t n) { fprintf(t->out, "%*s", (int)n, ""); }

static void padded(const table *t, const char *text, size_t width)
{
    size_t own = pki_width(text);
    fputs(text, t->out);
    spaces(t, width > own ? width - own : 0);
}

static void rule(const table *t, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        fputs("─", t->out);
    }
}

static void style(const table *t, const char *code)
{
    if (t->colour) {
        fprintf(t->out, "\033[%sm", code);
    }
}

static void print_cell(const table *t, const column *of, const cell *c)
{
    bool first = true;
    for (int part = 0; part < PARTS; part++) {
        if (of->width[part] == 0) {
            continue;
        }
        size_t own = pki_width(c->part[part]);
        spaces(t, of->width[part] - own + (first ? 0 : 1));
        bool marked = *c->part[part] && (c->best || part == SPREAD);
        if (marked) {
            style(t, part == SPREAD ? "2" : "1");
        }
        fputs(c->part[part], t->out);
        if (marked) {
            style(t, "0");
        }
        first = false;
    }
}

static void print_header(const table *t)
{
    padded(t, first_title, t->name_width);
    for (size_t i = 0; i < t->n_columns; i++) {
        const column *c = &t->columns[i];
        spaces(t, 2 + c->total - pki_width(c->title));
        fputs(c->title, t->out);
    }
    fputc('\n', t->out);
    style(t, "2");
    rule(t, t->name_width);
    for (size_t i = 0; i < t->n_columns; i++) {
        spaces(t, 2);
        rule(t, t->columns[i].total);
    }
    style(t, "0");
    fputc('\n', t->out);
}

static void print_rows(const table *t)
{
    for (size_t row = 0; row < t->results[0].n_rows; row++) {
        const pki_row *r = &t->results[0].rows[row];
        padded(t, r->name, t->name_width);
        for (size_t i = 0; i < t->n_columns; i++) {
            cell c;
            fill_cell(t, &t->columns[i], r->name, &c);
            spaces(t, 2);
            print_cell(t, &t->columns[i], &c);
        }
        fputc('\n', t->out);
    }
}

static bool wants_colour(FILE *out)
{
    const char *off = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(out)) && !(off && *off) && !(term && strcmp(term, "dumb") == 0);
}

/* Words, in lines that end before column LINE; lines after the first are set in by two. */
static void wrapped(const char *text, FILE *out)
{
    size_t at = 0;
    while (*text) {
        size_t length = strcspn(text, " \n");
        char *word = pki_format("%.*s", (int)length, text);
        size_t width = pki_width(word);
        if (at > 0 && at + 1 + width > LINE) {
            fputs("\n  ", out);
            at = 2;
        } else if (at > 0) {
            fputc(' ', out);
            at++;
        }
        fputs(word, out);
        free(word);
        at += width;
        text += length;
        if (*text == '\n') {
            fputc('\n', out);
            at = 0;
        }
        text += *text != '\0';
    }
    fputc('\n', out);
}

static void print_ends(const pki_result *result, FILE *out)
{
    for (size_t i = 0; i < result->n_rows; i++) {
        char end[PKI_TEXT];
        pki_text_end(end, result->rows[i].code);
        if (result->rows[i].code) {
            fprintf(out, "%s: the command %s\n", result->rows[i].name, end);
        }
    }
    for (size_t i = 0; i < result->n_notes; i++) {
        char *note = pki_format("note: %s", result->notes[i]);
        wrapped(note, out);
        free(note);
    }
}

void pki_show_table(const pki_result *result, FILE *out)
{
    column columns[PKI_COLUMNS] = {0};
    table t = {.results = result,
               .n_results = 1,
               .columns = columns,
               .out = out,
               .colour = wants_colour(out)};
    bool counted = result->rows[0].figures[PKI_ALLOCATIONS].n > 0;
    for (pki_metric m = 0; m < PKI_COLUMNS; m++) {
        if (counted || m < PKI_ALLOCATIONS) {
            columns[t.n_columns++] = (column){.result = result,
                                              .metric = m,
                                              .title = pki_metrics[m].title,
                                              .with_spread = m == pki_time_metric(result)};
        }
    }
    measure(&t);
    fprintf(out, "%s: median of %zu round%s; × is relative to %s\n\n", result->title,
            result->rounds, result->rounds == 1 ? "" : "s", result->rows[0].name);
    print_header(&t);
    print_rows(&t);
    fputc('\n', out);
    print_ends(result, out);
    char *verdict = pki_verdict(result);
    if (verdict) {
        wrapped(verdict, out);
        free(verdict);
    }
}

static void print_groups(const table *t)
{
    spaces(t, t->name_width);
    for (size_t i = 0; i < t->n_columns; i += 2) {
        size_t width = t->columns[i].total + 2 + t->columns[i + 1].total;
        const char *title = t->columns[i].result ? t->columns[i].result->title : "all together";
        spaces(t, 2);
        style(t, "1");
        size_t own = pki_width(title);
        padded(t, title, i + 2 < t->n_columns ? width : own);
        style(t, "0");
    }
    fputc('\n', t->out);
}

void pki_show_summary(const pki_result *results, size_t n, FILE *out)
{
    table t = {.results = results, .n_results = n, .out = out, .colour = wants_colour(out)};
    t.columns = pki_grow(NULL, 2 * (n + 1), sizeof *t.columns);
    memset(t.columns, 0, 2 * (n + 1) * sizeof *t.columns);
    for (size_t i = 0; i < n + (n > 1); i++) {
        const pki_result *r = i < n ? &results[i] : NULL;
        pki_metric time = r ? pki_time_metric(r) : PKI_WALL;
        t.columns[t.n_columns++] =
            (column){.result = r, .metric = time, .title = r ? pki_metrics[time].title : "time"};
        t.columns[t.n_columns++] = (column){
            .result = r, .metric = PKI_PEAK, .title = r ? pki_metrics[PKI_PEAK].title : "memory"};
    }
    measure(&t);
    print_groups(&t);
    print_header(&t);
    print_rows(&t);
    fputc('\n', out);
    for (size_t i = 0; i < n; i++) {
        print_ends(&results[i], out);
        char *verdict = pki_verdict(&results[i]);
        if (verdict) {
            char *line = pki_format("%s: %s", results[i].title, verdict);
            wrapped(line, out);
            free(line);
            free(verdict);
        }
    }
    free(t.columns);
}
