/* SPDX-License-Identifier: MIT
 * assign.c: which of the player's pools a block comes from, and when a thread leaves a scope.
 *
 * A thread is in a scope from the first event whose stack has the scope's function until the first
 * event with a stack that has not. Events without a stack tell nothing.
 */
#include "replay/compile.h"

#include <stdlib.h>

bool assign_begin(struct assign *a, const struct trace *t, const struct replay_plan *plan)
{
    *a = (struct assign){.t = t, .plan = plan};
    if (!plan) return true;
    a->stacks = trace_stacks(t) + 1;
    a->of_stack = calloc(a->stacks, sizeof *a->of_stack);
    a->scopes = calloc(plan->n_pools, sizeof *a->scopes);
    a->instance = calloc(plan->n_pools * TAPE_THREADS_MOST, sizeof *a->instance);
    for (size_t i = 0; a->scopes && i < plan->n_pools; i++) {
        if (plan->pools[i].scope) a->scopes[a->n_scopes++] = (uint32_t)i;
    }
    size_t scopes = a->n_scopes ? a->n_scopes : 1;
    a->in_scope = calloc(a->stacks, scopes);
    a->inside = calloc(TAPE_THREADS_MOST, scopes * sizeof *a->inside);
    return a->of_stack && a->scopes && a->instance && a->in_scope && a->inside;
}

void assign_end(struct assign *a)
{
    free(a->of_stack);
    free(a->in_scope);
    free(a->scopes);
    free(a->instance);
    free(a->inside);
    free(a->first_thread);
    free(a->pools);
}

static int new_instance(struct assign *a, uint32_t index)
{
    const struct replay_pool *p = &a->plan->pools[index];
    size_t n = a->n_pools + 1;
    if (n > TAPE_POOLS_MOST) return -1;
    struct tape_pool *pools = realloc(a->pools, n * sizeof *pools);
    if (pools) a->pools = pools;
    uint32_t *first = pools ? realloc(a->first_thread, n * sizeof *first) : NULL;
    if (!first) return -1;
    a->first_thread = first;
    first[n - 1] = 0;
    pools[n - 1] = (struct tape_pool){.id = p->id,
                                      .kind = (uint32_t)p->kind,
                                      .scoped = p->scope != NULL,
                                      .block_size = p->block_size,
                                      .align = p->align,
                                      .chunk = p->chunk};
    a->n_pools = n;
    return (int)n;
}

int assign_pool(struct assign *a, uint32_t stack, unsigned thread)
{
    if (!a->plan || stack == 0 || stack >= a->stacks) return 0;
    if (a->of_stack[stack] == 0) a->of_stack[stack] = plan_pool_of(a->plan, a->t, stack) + 2;
    if (a->of_stack[stack] == 1) return 0;
    uint32_t index = a->of_stack[stack] - 2;
    bool own = a->plan->pools[index].kind == REPLAY_ARENA_SCOPE;
    uint16_t *instance = &a->instance[index * TAPE_THREADS_MOST + (own ? thread : 0)];
    if (*instance == 0) {
        int number = new_instance(a, index);
        if (number < 0) return -1;
        *instance = (uint16_t)number;
    }
    return *instance;
}

void assign_used(struct assign *a, unsigned pool, unsigned thread)
{
    if (pool == 0) return;
    uint32_t *first = &a->first_thread[pool - 1];
    if (*first == 0) *first = thread + 1;
    if (*first != thread + 1) a->pools[pool - 1].shared = 1;
}

unsigned assign_left(struct assign *a, size_t scope, uint32_t stack, unsigned thread)
{
    if (stack == 0 || stack >= a->stacks) return 0;
    uint32_t index = a->scopes[scope];
    uint8_t *known = &a->in_scope[stack * a->n_scopes + scope];
    if (*known == 0) *known = plan_in_scope(&a->plan->pools[index], a->t, stack) ? 2 : 1;
    bool *inside = &a->inside[scope * TAPE_THREADS_MOST + thread];
    bool left = *inside && *known == 1;
    *inside = *known == 2;
    return left ? a->instance[index * TAPE_THREADS_MOST + thread] : 0;
}
