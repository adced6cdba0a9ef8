/* SPDX-License-Identifier: MIT
 * export.h: a recording in other tools' formats. One function for each, in a table in command.c.
 *
 * Each writes to `out` and returns false if the recording cannot be read a second time (then `why`
 * tells); whether all could be written is asked of `out` by the caller.
 */
#ifndef POOLKIT_EXPORT_EXPORT_H
#define POOLKIT_EXPORT_EXPORT_H

#include "analysis/analysis.h"

#include <stdbool.h>
#include <stdio.h>

enum export_metric { EXPORT_BYTES, EXPORT_ALLOCATIONS, EXPORT_PEAK, EXPORT_LIVE, EXPORT_METRICS };

struct export_job {
    struct trace *trace;
    const struct analysis *analysis;
    enum export_metric metric; /* of formats that hold only one */
    bool events;               /* csv: a row for each event instead of each stack */
    FILE *out;
    char *why; /* TRACE_WHY */
};

bool export_collapsed(struct export_job *job);  /* flamegraph.pl, inferno, speedscope */
bool export_csv(struct export_job *job);        /* spreadsheets, databases */
bool export_speedscope(struct export_job *job); /* speedscope.app */
bool export_pprof(struct export_job *job);      /* go tool pprof, Google's pprof */
bool export_heaptrack(struct export_job *job);  /* heaptrack_print, heaptrack_gui */
bool export_dhat(struct export_job *job);       /* valgrind's dh_view.html */
bool export_massif(struct export_job *job);     /* ms_print, massif-visualizer */
bool export_perfetto(struct export_job *job);   /* ui.perfetto.dev, chrome://tracing */

uint64_t export_value(const struct behaviour *did, enum export_metric metric);
/* "function", or "module+0x12": never empty. */
void export_name(const struct export_job *job, uint32_t frame, char *text, size_t room);
/* A text between quotes, as JSON wants it. What is no UTF-8 becomes "?". */
void export_quote(FILE *out, const char *text);

#endif
