/* SPDX-License-Identifier: MIT
 * walk.h: what both walks over a recording share: the events, the blocks they concern, the pages.
 */
#ifndef POOLKIT_ANALYSIS_WALK_H
#define POOLKIT_ANALYSIS_WALK_H

#include "analysis.h"
#include "pages.h"
#include "trace/objects.h"

struct walk {
    struct trace *trace;
    struct trace_resolver *resolver;
    struct pages pages;
    struct trace_event *events; /* TRACE_BLOCK of them */
    uint64_t live, usable, births;
    uint64_t event; /* number of the one that is looked at */
    size_t sample;  /* analysis_resident's */
    void *self;     /* of the walk's owner */
    /* Called for each change, after the figures above hold it. */
    bool (*change)(struct walk *walk, const struct trace_event *event,
                   const struct trace_change *change);
    /* Called after each event's changes; NULL: not. */
    bool (*after)(struct walk *walk, const struct trace_event *event);
};

/* Rewinds the trace and goes over all of it. False with a sentence in `why`. */
bool walk_all(struct walk *walk, struct trace *t, char *why);
/* The walk's memory; to be called in any case, after the blocks have been looked at. */
void walk_end(struct walk *walk);

#endif
