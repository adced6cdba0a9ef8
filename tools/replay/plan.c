/* SPDX-License-Identifier: MIT
 * plan.c: pools and the rules that send call sites to them; which rule a stack meets.
 *
 * Names: a rule's first name is the innermost function of the stack, the second its caller, and so
 * on; inlined functions count as frames of their own. A name in a rule matches a function of that
 * name, and one whose name goes on with an argument list: "parse" matches "parse(char const*)".
 */
#include "replay/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MOST (UINT64_C(1) << 30)
#define ALIGN_MOST 65536
#define CHUNK_LEAST 4096
#define CHUNK_MOST (UINT64_C(64) << 20)

const char *const replay_kind_names[REPLAY_KINDS] = {"block", "object", "arena-scope",
                                                     "arena-chunks", "thread-local"};

struct replay_plan *replay_plan_new(void) { return calloc(1, sizeof(struct replay_plan)); }

void replay_plan_end(struct replay_plan *plan)
{
    if (!plan) return;
    for (size_t i = 0; i < plan->n_pools; i++) free((void *)(uintptr_t)plan->pools[i].scope);
    for (size_t i = 0; i < plan->n_rules; i++) {
        for (size_t k = 0; k < plan->rules[i].n_frames; k++) free(plan->rules[i].frames[k]);
        free(plan->rules[i].frames);
    }
    free(plan->pools);
    free(plan->rules);
    free(plan);
}

__attribute__((format(printf, 2, 3))) static bool refuse(char *why, const char *text, ...)
{
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(why, TRACE_WHY, text, arguments);
    va_end(arguments);
    return false;
}

static uint32_t find_pool(const struct replay_plan *plan, uint32_t id)
{
    for (size_t i = 0; i < plan->n_pools; i++) {
        if (plan->pools[i].id == id) return (uint32_t)i;
    }
    return PLAN_NONE;
}

static bool is_power(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

static bool fits(const struct replay_pool *p, char *why)
{
    bool blocks =
        p->kind == REPLAY_BLOCK || p->kind == REPLAY_OBJECT || p->kind == REPLAY_THREAD_LOCAL;
    if (blocks && (p->block_size == 0 || p->block_size > BLOCK_MOST)) {
        return refuse(why, "pool %u: block_size must be 1 byte to 1 GiB", p->id);
    }
    if (!blocks && p->block_size) {
        return refuse(why, "pool %u: an arena has no block_size", p->id);
    }
    if (p->align && (!is_power(p->align) || p->align > ALIGN_MOST)) {
        return refuse(why, "pool %u: align must be a power of two, at most 65536", p->id);
    }
    if (p->chunk && blocks) return refuse(why, "pool %u: only an arena has a chunk", p->id);
    if (p->chunk && (!is_power(p->chunk) || p->chunk < CHUNK_LEAST || p->chunk > CHUNK_MOST)) {
        return refuse(why, "pool %u: chunk must be a power of two, 4 KiB to 64 MiB", p->id);
    }
    if (p->scope && (p->kind != REPLAY_ARENA_SCOPE || !*p->scope)) {
        return refuse(why, "pool %u: only an arena-scope has a scope, a function's name", p->id);
    }
    return true;
}

bool replay_plan_pool(struct replay_plan *plan, const struct replay_pool *pool, char *why)
{
    if (pool->id < 1 || pool->id > REPLAY_MAX_POOLS) {
        return refuse(why, "a pool's id must be 1 to %u", REPLAY_MAX_POOLS);
    }
    if (find_pool(plan, pool->id) != PLAN_NONE) {
        return refuse(why, "pool %u is there twice", pool->id);
    }
    if ((unsigned)pool->kind >= REPLAY_KINDS) {
        return refuse(why, "pool %u is of no known kind", pool->id);
    }
    if (!fits(pool, why)) return false;
    struct replay_pool *pools = realloc(plan->pools, (plan->n_pools + 1) * sizeof *pools);
    if (!pools) return refuse(why, "out of memory");
    plan->pools = pools;
    pools[plan->n_pools] = *pool;
    if (pool->scope) pools[plan->n_pools].scope = strdup(pool->scope);
    plan->n_pools++;
    return true;
}

static struct plan_rule *add_rule(struct replay_plan *plan, uint32_t pool, char *why)
{
    uint32_t index = find_pool(plan, pool);
    if (index == PLAN_NONE) {
        refuse(why, "a rule names pool %u, which the plan does not have", pool);
        return NULL;
    }
    struct plan_rule *rules = realloc(plan->rules, (plan->n_rules + 1) * sizeof *rules);
    if (!rules) {
        refuse(why, "out of memory");
        return NULL;
    }
    plan->rules = rules;
    rules[plan->n_rules] = (struct plan_rule){.pool = index};
    return &rules[plan->n_rules++];
}

bool replay_plan_stacks(struct replay_plan *plan, uint32_t first, uint32_t last, uint32_t pool,
                        char *why)
{
    if (first < 1 || last < first) {
        return refuse(why, "stacks must be numbers from 1, the first not above the last (%u)",
                      first);
    }
    struct plan_rule *rule = add_rule(plan, pool, why);
    if (!rule) return false;
    rule->first = first;
    rule->last = last;
    return true;
}

bool replay_plan_site(struct replay_plan *plan, const char *const *frames, size_t n, uint32_t pool,
                      char *why)
{
    if (n == 0) return refuse(why, "a site of pool %u has no frames", pool);
    for (size_t i = 0; i < n; i++) {
        if (!frames[i] || !*frames[i]) {
            return refuse(why, "a site of pool %u has a frame without a name", pool);
        }
    }
    struct plan_rule *rule = add_rule(plan, pool, why);
    char **copies = rule ? calloc(n, sizeof *copies) : NULL;
    if (!rule) return false;
    rule->frames = copies;
    for (size_t i = 0; copies && i < n; i++) {
        copies[i] = strdup(frames[i]);
        rule->n_frames += copies[i] != NULL;
    }
    return rule->n_frames == n || refuse(why, "out of memory");
}

/* ---- matching ---- */

static bool same_function(const char *wanted, const char *name)
{
    size_t n = strlen(wanted);
    return strncmp(wanted, name, n) == 0 && (name[n] == '\0' || name[n] == '(');
}

/* Calls `each` for every function of a stack, innermost first, until it returns false. */
static void walk(const struct trace *t, uint32_t stack, bool (*each)(void *arg, const char *name),
                 void *arg)
{
    const uint64_t *addresses;
    size_t n = trace_stack(t, stack, &addresses);
    for (size_t i = 0; i < n; i++) {
        const struct trace_frame *frames;
        size_t inlined = trace_symbol(t, addresses[i], &frames);
        char text[512];
        if (inlined == 0) {
            trace_name(t, addresses[i], text, sizeof text);
            if (!each(arg, text)) return;
        }
        for (size_t k = 0; k < inlined; k++) {
            if (!each(arg, frames[k].function)) return;
        }
    }
}

struct matching {
    const struct plan_rule *rule;
    size_t at;
    bool failed;
};

static bool match_next(void *arg, const char *name)
{
    struct matching *m = arg;
    m->failed = !same_function(m->rule->frames[m->at], name);
    if (!m->failed) m->at++;
    return !m->failed && m->at < m->rule->n_frames;
}

static bool meets(const struct plan_rule *rule, const struct trace *t, uint32_t stack)
{
    if (rule->first) return stack >= rule->first && stack <= rule->last;
    struct matching m = {.rule = rule};
    walk(t, stack, match_next, &m);
    return !m.failed && m.at == rule->n_frames;
}

uint32_t plan_pool_of(const struct replay_plan *plan, const struct trace *t, uint32_t stack)
{
    for (size_t i = 0; stack != 0 && i < plan->n_rules; i++) {
        if (meets(&plan->rules[i], t, stack)) return plan->rules[i].pool;
    }
    return PLAN_NONE;
}

struct seeking {
    const char *name;
    bool found;
};

static bool seek_next(void *arg, const char *name)
{
    struct seeking *s = arg;
    s->found = same_function(s->name, name);
    return !s->found;
}

bool plan_in_scope(const struct replay_pool *pool, const struct trace *t, uint32_t stack)
{
    struct seeking s = {.name = pool->scope};
    walk(t, stack, seek_next, &s);
    return s.found;
}
