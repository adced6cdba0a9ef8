/* SPDX-License-Identifier: MIT
 * plan.h: what a plan is inside: its pools and its rules, and which pool a stack gets.
 */
#ifndef POOLKIT_REPLAY_PLAN_H
#define POOLKIT_REPLAY_PLAN_H

#include "replay/replay.h"

struct plan_rule {
    uint32_t pool;        /* index into the pools */
    uint32_t first, last; /* stacks; first 0: by names */
    char **frames;
    size_t n_frames;
};

struct replay_plan {
    struct replay_pool *pools; /* scope: allocated */
    size_t n_pools;
    struct plan_rule *rules;
    size_t n_rules;
};

#define PLAN_NONE UINT32_MAX

/* Which pool the blocks of a stack come from, as an index into the plan's pools, or PLAN_NONE. */
uint32_t plan_pool_of(const struct replay_plan *plan, const struct trace *t, uint32_t stack);
/* Does the stack run inside the scope of that pool? */
bool plan_in_scope(const struct replay_pool *pool, const struct trace *t, uint32_t stack);

#endif
