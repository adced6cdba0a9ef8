/* SPDX-License-Identifier: MIT
 * stats.c: medians, spreads and comparisons of the figures of a result.
 */
#include "result.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>

/* Below this relative difference nothing is called better or worse. */
#define LEAST_DIFFERENCE 0.005
/* What a single run of a timed figure is worth, when no second one shows the spread. */
#define SINGLE_RUN_NOISE 0.05

const pki_metric_info pki_metrics[PKI_METRICS] = {
    [PKI_WALL] = {"wall_s", "wall time", PKI_SECONDS},
    [PKI_CPU] = {"cpu_s", "CPU time", PKI_SECONDS},
    [PKI_PEAK] = {"peak_resident_bytes", "peak memory", PKI_BYTES},
    [PKI_FAULTS] = {"page_faults", "page faults", PKI_COUNT},
    [PKI_ALLOCATIONS] = {"allocations", "allocations", PKI_COUNT},
    [PKI_FRAGMENTATION] = {"fragmentation", "fragmentation", PKI_PLAIN},
    [PKI_USER] = {"user_s", "user time", PKI_SECONDS},
    [PKI_SYSTEM] = {"system_s", "system time", PKI_SECONDS},
    [PKI_MINOR] = {"minor_faults", "minor faults", PKI_COUNT},
    [PKI_MAJOR] = {"major_faults", "major faults", PKI_COUNT},
    [PKI_REALLOCS] = {"reallocs", "reallocs", PKI_COUNT},
    [PKI_FREES] = {"frees", "frees", PKI_COUNT},
    [PKI_REQUESTED] = {"requested_bytes", "requested bytes", PKI_BYTES},
    [PKI_PEAK_LIVE] = {"peak_live_bytes", "peak live bytes", PKI_BYTES},
    [PKI_PEAK_HEAP] = {"peak_heap_bytes", "peak resident heap", PKI_BYTES},
    [PKI_PROCESSES] = {"processes", "processes", PKI_COUNT},
};

void pki_figure_add(pki_figure *figure, double sample)
{
    figure->samples = pki_grow(figure->samples, figure->n + 1, sizeof *figure->samples);
    figure->samples[figure->n++] = sample;
}

static int by_value(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* The value below which the share q of the sorted samples lies, between samples by proportion. */
static double quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t below = (size_t)at;
    size_t above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

void pki_figure_settle(pki_figure *figure)
{
    if (figure->n == 0) {
        return;
    }
    double *sorted = pki_grow(NULL, figure->n, sizeof *sorted);
    memcpy(sorted, figure->samples, figure->n * sizeof *sorted);
    qsort(sorted, figure->n, sizeof *sorted, by_value);
    figure->median = quantile(sorted, figure->n, 0.5);
    figure->low = sorted[0];
    figure->high = sorted[figure->n - 1];
    double middle = quantile(sorted, figure->n, 0.75) - quantile(sorted, figure->n, 0.25);
    figure->spread = figure->median > 0 ? middle / 2 / figure->median : 0;
    free(sorted);
}

static const pki_figure *usable(const pki_result *result, size_t row, pki_metric metric)
{
    const pki_row *r = row < result->n_rows ? &result->rows[row] : NULL;
    return r && !r->failed && r->figures[metric].n ? &r->figures[metric] : NULL;
}

double pki_ratio(const pki_result *result, size_t row, pki_metric metric)
{
    const pki_figure *first = usable(result, 0, metric), *this = usable(result, row, metric);
    return first && this && first->median > 0 ? this->median / first->median : 0;
}

size_t pki_best(const pki_result *result, pki_metric metric)
{
    size_t best = result->n_rows;
    for (size_t i = 0; i < result->n_rows; i++) {
        const pki_figure *this = usable(result, i, metric), *so_far = usable(result, best, metric);
        if (this && (!so_far || this->median < so_far->median)) {
            best = i;
        }
    }
    return best;
}

bool pki_level(const pki_result *result, size_t a, size_t b, pki_metric metric)
{
    const pki_figure *x = usable(result, a, metric), *y = usable(result, b, metric);
    if (!x || !y) {
        return false;
    }
    double difference = x->median > y->median ? x->median - y->median : y->median - x->median;
    double noise = x->spread * x->median + y->spread * y->median;
    bool single = pki_metrics[metric].unit == PKI_SECONDS && (x->n < 2 || y->n < 2);
    double least = (single ? SINGLE_RUN_NOISE : LEAST_DIFFERENCE) * x->median;
    return difference <= (noise > least ? noise : least);
}

pki_metric pki_time_metric(const pki_result *result) { return result->load ? PKI_CPU : PKI_WALL; }

void pki_result_note(pki_result *result, char *note)
{
    result->notes = pki_grow(result->notes, result->n_notes + 1, sizeof *result->notes);
    result->notes[result->n_notes++] = note;
}

size_t pki_find_row(const pki_result *result, const char *name)
{
    size_t i = 0;
    while (i < result->n_rows && strcmp(result->rows[i].name, name) != 0) {
        i++;
    }
    return i;
}
