/* SPDX-License-Identifier: MIT
 * command.h: what one `poolkit replay` was asked for and found out.
 */
#ifndef POOLKIT_REPLAY_COMMAND_H
#define POOLKIT_REPLAY_COMMAND_H

#include "poolkit/tool.h"
#include "replay/json.h"

struct replay_allocator {
    char *name, *library; /* NULL: the system's */
};

struct replay_job {
    const char *file, *plan_file, *json;
    bool progress;
    enum replay_mode mode;
    struct replay_options options;
    struct trace *trace;
    struct replay_allocator *allocators;
    size_t n_allocators;
    size_t recorded; /* index of the allocator that was recorded; n_allocators: it is not here */
    struct replay_tape *plain, *pooled; /* pooled: NULL without a plan */
    struct replay_subject *subjects;    /* with a plan: two of each allocator */
    struct replay_result *results;
    size_t n;
};

/* show.c: the table, or JSON, or both. 0 or an exit code. */
int replay_show(const struct replay_job *job);

#endif
