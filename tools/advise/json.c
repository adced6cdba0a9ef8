/* SPDX-License-Identifier: MIT
 * json.c: see show.h.
 */
#include "show.h"

#include "poolkit/tool.h"
#include "replay/json.h"

#include <stdlib.h>

static void add_range(cJSON *object, const char *key, struct advice_range range)
{
    cJSON *o = cJSON_AddObjectToObject(object, key);
    cJSON_AddNumberToObject(o, "low", range.low);
    cJSON_AddNumberToObject(o, "high", range.high);
}

static void add_sentences(cJSON *object, const char *key,
                          const char sentences[ADVICE_SENTENCES][ADVICE_TEXT], size_t n)
{
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (size_t i = 0; i < n; i++) {
        cJSON_AddItemToArray(array, cJSON_CreateString(sentences[i]));
    }
}

static void add_confidence(cJSON *object, const struct advice *advice)
{
    cJSON *o = cJSON_AddObjectToObject(object, "confidence");
    cJSON_AddStringToObject(o, "level", advice->level);
    cJSON_AddNumberToObject(o, "volume", advice->volume);
    cJSON_AddNumberToObject(o, "stability", advice->stability);
    cJSON_AddNumberToObject(o, "runs", advice->runs);
    cJSON_AddNumberToObject(o, "model", advice->model);
}

static void add_losers(cJSON *object, const struct advice *advice)
{
    cJSON *losers = cJSON_AddArrayToObject(object, "losers");
    if (advice->rounding >= 1) {
        cJSON *loser = cJSON_CreateObject();
        cJSON_AddNumberToObject(loser, "site", (double)advice->site);
        cJSON_AddNumberToObject(loser, "bytes", advice->rounding);
        cJSON_AddItemToArray(losers, loser);
    }
}

static cJSON *parameters_of(const struct replay_pool *pool)
{
    cJSON *o = cJSON_CreateObject();
    if (pool->block_size) {
        cJSON_AddNumberToObject(o, "block_size", (double)pool->block_size);
    }
    if (pool->chunk) {
        cJSON_AddNumberToObject(o, "chunk", (double)pool->chunk);
    }
    return o;
}

static cJSON *advice_json(const struct advice_set *set, size_t i)
{
    const struct advice *advice = &set->advice[i];
    char text[160];
    char *code = advise_code(set, i);
    cJSON *o = cJSON_CreateObject();
    advise_pool_text(&advice->pool, text, sizeof text);
    cJSON_AddNumberToObject(o, "site", (double)advice->site);
    cJSON *sites = cJSON_AddArrayToObject(o, "sites");
    cJSON_AddItemToArray(sites, cJSON_CreateNumber((double)advice->site));
    cJSON_AddStringToObject(o, "name", set->analysis->sites[advice->site].name);
    cJSON_AddStringToObject(o, "pool", replay_kind_names[advice->pool.kind]);
    cJSON_AddItemToObject(o, "parameters", parameters_of(&advice->pool));
    cJSON_AddStringToObject(o, "text", text);
    add_range(o, "memory", advice->memory);
    add_range(o, "time_ns", advice->time_ns);
    add_confidence(o, advice);
    add_sentences(o, "evidence", advice->evidence, advice->n_evidence);
    add_sentences(o, "counter_examples", advice->counter, advice->n_counter);
    add_losers(o, advice);
    cJSON_AddStringToObject(o, "code", code ? code : "");
    cJSON_AddNullToObject(o, "verified");
    free(code);
    return o;
}

static void add_replay(cJSON *array, const struct advice_set *set, const struct replay_result *r,
                       const char *allocator, const char *label, const char *plan)
{
    struct replay_labels labels = {.allocator = allocator,
                                   .label = label,
                                   .command = trace_info(set->trace)->command,
                                   .plan = plan,
                                   .mode = REPLAY_MERGED,
                                   .touch = REPLAY_TOUCH_ALL};
    cJSON_AddItemToArray(array, replay_to_json(r, &labels));
}

cJSON *advise_json(const struct advice_set *set)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *advice = cJSON_AddArrayToObject(root, "advice");
    for (size_t i = 0; i < set->n; i++) {
        cJSON_AddItemToArray(advice, advice_json(set, i));
    }
    cJSON *nothing = cJSON_AddObjectToObject(root, "nothing");
    cJSON_AddNumberToObject(nothing, "time_share", set->time_share);
    cJSON_AddNumberToObject(nothing, "most_seconds", set->most_seconds);
    cJSON_AddNumberToObject(nothing, "most_bytes", set->most_bytes);
    cJSON_AddStringToObject(nothing, "text", set->nothing);
    cJSON *replays = cJSON_AddArrayToObject(root, "replays");
    char *recorded = set->library ? pki_short_name(set->library) : pki_copy("glibc");
    add_replay(replays, set, &set->baseline, recorded, "as recorded", NULL);
    if (set->has_own) {
        add_replay(replays, set, &set->own, "poolkit", "poolkit", NULL);
    }
    if (set->n > 0) {
        add_replay(replays, set, &set->combined, recorded, "with all advice", "advice");
    }
    free(recorded);
    cJSON_AddItemToObject(root, "calibration", replay_calibration_to_json(&set->calibration));
    return root;
}

/* ---- the plan ---- */

static cJSON *names_of(const struct analysis *a, const struct site *site)
{
    cJSON *names = cJSON_CreateArray();
    const struct stack *stack = &a->stacks[site->stack];
    for (uint32_t i = 0; i < site->depth && i < stack->n_frames; i++) {
        const char *function = a->frames[stack->frames[i]].function;
        if (!function) {
            cJSON_Delete(names);
            return NULL;
        }
        cJSON_AddItemToArray(names, cJSON_CreateString(function));
    }
    return names;
}

/* By functions, so that the plan serves other recordings too; by numbers where they have no names. */
static void add_rule(cJSON *sites, cJSON *stacks, const struct advice_set *set, size_t i)
{
    const struct analysis *a = set->analysis;
    const struct advice *advice = &set->advice[i];
    cJSON *names = names_of(a, &a->sites[advice->site]);
    if (names) {
        cJSON *rule = cJSON_CreateObject();
        cJSON_AddItemToObject(rule, "frames", names);
        cJSON_AddNumberToObject(rule, "pool", advice->pool.id);
        cJSON_AddItemToArray(sites, rule);
        return;
    }
    for (uint32_t stack = 1; stack <= a->n_stacks; stack++) {
        if (a->stacks[stack].site == advice->site) {
            cJSON *rule = cJSON_CreateArray();
            cJSON_AddItemToArray(rule, cJSON_CreateNumber(stack));
            cJSON_AddItemToArray(rule, cJSON_CreateNumber(advice->pool.id));
            cJSON_AddItemToArray(stacks, rule);
        }
    }
}

cJSON *advise_plan(const struct advice_set *set)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *pools = cJSON_AddArrayToObject(root, "pools");
    cJSON *sites = cJSON_AddArrayToObject(root, "sites");
    cJSON *stacks = cJSON_AddArrayToObject(root, "stacks");
    for (size_t i = 0; i < set->n; i++) {
        cJSON *pool = parameters_of(&set->advice[i].pool);
        cJSON_AddNumberToObject(pool, "id", set->advice[i].pool.id);
        cJSON_AddStringToObject(pool, "kind", replay_kind_names[set->advice[i].pool.kind]);
        cJSON_AddItemToArray(pools, pool);
        add_rule(sites, stacks, set, i);
    }
    return root;
}
