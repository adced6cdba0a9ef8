/* SPDX-License-Identifier: MIT
 * result.h: the outcome of a comparison: one row per allocator, one figure per metric.
 *
 * `compare` fills it by measuring, `summary` by reading what compare wrote as JSON; the table, the
 * sentence under it and the JSON are made from it.
 */
#ifndef POOLKIT_TOOL_RESULT_H
#define POOLKIT_TOOL_RESULT_H

#include "text/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The first six are the columns of the table. In all of them less is better. */
typedef enum pki_metric {
    PKI_WALL,
    PKI_CPU,
    PKI_PEAK,
    PKI_FAULTS,
    PKI_ALLOCATIONS,
    PKI_FRAGMENTATION,
    PKI_COLUMNS,
    PKI_USER = PKI_COLUMNS,
    PKI_SYSTEM,
    PKI_MINOR,
    PKI_MAJOR,
    PKI_REALLOCS,
    PKI_FREES,
    PKI_REQUESTED,
    PKI_PEAK_LIVE,
    PKI_PEAK_HEAP,
    PKI_PROCESSES,
    PKI_METRICS
} pki_metric;

typedef struct pki_metric_info {
    const char *key;   /* in JSON */
    const char *title; /* in the table and in sentences */
    pki_unit unit;
} pki_metric_info;

extern const pki_metric_info pki_metrics[PKI_METRICS];

typedef struct pki_figure {
    size_t n; /* 0: not measured */
    double *samples;
    double median, low, high;
    double spread; /* half the range of the middle half of the samples, relative to the median */
} pki_figure;

typedef struct pki_row {
    char *name;
    char *library; /* NULL: the system's malloc, or what the program is linked with */
    char *package;
    int code;    /* the first exit code that was not 0 */
    bool failed; /* it ended in another way than on the first row: its figures mean nothing */
    pki_figure figures[PKI_METRICS];
} pki_row;

typedef struct pki_result {
    char *title;
    char **command; /* ends with NULL */
    char *load;     /* or NULL */
    size_t rounds, warmup;
    pki_row *rows;
    size_t n_rows;
    char **notes;
    size_t n_notes;
} pki_result;

/* stats.c */
void pki_figure_add(pki_figure *figure, double sample);
/* Median, range and spread of the samples so far. */
void pki_figure_settle(pki_figure *figure);
/* This row's figure relative to that of the first row; 0 when there is none. */
double pki_ratio(const pki_result *result, size_t row, pki_metric metric);
/* The row with the least figure, among those that have one; n_rows if there is none. */
size_t pki_best(const pki_result *result, pki_metric metric);
/* Two rows that the spread does not let tell apart. */
bool pki_level(const pki_result *result, size_t a, size_t b, pki_metric metric);
/* The metric that stands for "time": a service driven by a load is judged by its own CPU time. */
pki_metric pki_time_metric(const pki_result *result);

void pki_result_note(pki_result *result, char *note);
size_t pki_find_row(const pki_result *result, const char *name);

/* show.c */
void pki_show_table(const pki_result *result, FILE *out);
void pki_show_summary(const pki_result *results, size_t n, FILE *out);
/* verdict.c: an allocated sentence on the row called "poolkit", or NULL without such a row. */
char *pki_verdict(const pki_result *result);

/* json.c: 0 or an exit code, with the message already written. */
int pki_json_write(const pki_result *result, const char *file, FILE *out);
int pki_json_read(pki_result *result, const char *file);

#endif
