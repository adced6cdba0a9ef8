/* SPDX-License-Identifier: MIT
 * analysis.c: the analysis as a whole: see analysis.h.
 */
#include "analysis.h"

#include <stdio.h>
#include <stdlib.h>

struct analysis *analysis_make(struct trace *t, char *why)
{
    struct analysis *a = calloc(1, sizeof *a);
    snprintf(why, TRACE_WHY, "out of memory");
    if (!a) {
        return NULL;
    }
    a->trace = t;
    a->n_stacks = (uint32_t)trace_stacks(t);
    a->stacks = calloc((size_t)a->n_stacks + 1, sizeof *a->stacks);
    if (!a->stacks || !analysis_first(a, t, why) || !analysis_frames(a) || !analysis_sites(a) ||
        !analysis_second(a, t, why)) {
        analysis_end(a);
        return NULL;
    }
    return a;
}

void analysis_end(struct analysis *a)
{
    if (!a) {
        return;
    }
    for (uint32_t i = 0; a->stacks && i <= a->n_stacks; i++) {
        free(a->stacks[i].frames);
    }
    for (size_t i = 0; i < a->n_sites; i++) {
        free(a->sites[i].name);
        free(a->sites[i].live_over_time);
    }
    free(a->stacks);
    free(a->frames);
    free(a->sites);
    free(a->map.times);
    free(a->map.regions);
    free(a->map.occupancy);
    free(a->map.owner);
    free(a);
}
