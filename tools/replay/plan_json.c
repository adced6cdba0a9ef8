/* SPDX-License-Identifier: MIT
 * plan_json.c: reads a plan from JSON. Unknown members of a pool are refused: a misspelt size would
 * otherwise quietly be left out.
 */
#include "replay/plan.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static bool refuse(char *why, const char *text)
{
    snprintf(why, TRACE_WHY, "%s", text);
    return false;
}

/* A whole number, at most 2^53: cJSON keeps numbers as double. */
static bool whole(const cJSON *item, uint64_t *out)
{
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 9007199254740992.0) {
        return false;
    }
    *out = (uint64_t)item->valuedouble;
    return (double)*out == item->valuedouble;
}

static bool read_number(const cJSON *item, uint32_t *out)
{
    uint64_t value = 0;
    bool good = whole(item, &value) && value <= UINT32_MAX;
    *out = good ? (uint32_t)value : 0;
    return good;
}

static bool read_kind(const cJSON *item, enum replay_kind *out)
{
    const char *text = cJSON_GetStringValue(item);
    for (int k = 0; text && k < REPLAY_KINDS; k++) {
        *out = (enum replay_kind)k;
        if (strcmp(text, replay_kind_names[k]) == 0) return true;
    }
    return false;
}

static bool read_member(const cJSON *m, struct replay_pool *pool)
{
    if (strcmp(m->string, "id") == 0) return read_number(m, &pool->id);
    if (strcmp(m->string, "kind") == 0) return read_kind(m, &pool->kind);
    if (strcmp(m->string, "block_size") == 0) return whole(m, &pool->block_size);
    if (strcmp(m->string, "align") == 0) return whole(m, &pool->align);
    if (strcmp(m->string, "chunk") == 0) return whole(m, &pool->chunk);
    if (strcmp(m->string, "scope") == 0) return (pool->scope = cJSON_GetStringValue(m)) != NULL;
    return false;
}

static bool read_pool(struct replay_plan *plan, const cJSON *item, char *why)
{
    struct replay_pool pool = {.kind = REPLAY_KINDS};
    const cJSON *member;
    if (!cJSON_IsObject(item)) return refuse(why, "a pool must be an object");
    cJSON_ArrayForEach(member, item)
    {
        if (!read_member(member, &pool)) {
            snprintf(why, TRACE_WHY,
                     "pool %u: \"%.40s\" is not a member that a pool has, or its "
                     "value is not possible",
                     (unsigned)pool.id, member->string);
            return false;
        }
    }
    return replay_plan_pool(plan, &pool, why);
}

static bool read_stacks(struct replay_plan *plan, const cJSON *item, char *why)
{
    const cJSON *which = cJSON_GetArrayItem(item, 0);
    bool range = cJSON_IsArray(which);
    uint32_t first, last, pool;
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2 ||
        (range && cJSON_GetArraySize(which) != 2) ||
        !read_number(range ? cJSON_GetArrayItem(which, 0) : which, &first) ||
        !read_number(range ? cJSON_GetArrayItem(which, 1) : which, &last) ||
        !read_number(cJSON_GetArrayItem(item, 1), &pool)) {
        return refuse(why, "\"stacks\" must hold [stack, pool] or [[first, last], pool]");
    }
    return replay_plan_stacks(plan, first, last, pool, why);
}

static bool read_site(struct replay_plan *plan, const cJSON *item, char *why)
{
    const cJSON *frames = cJSON_GetObjectItemCaseSensitive(item, "frames"), *frame;
    const char *names[128];
    size_t n = 0;
    uint32_t pool;
    if (!cJSON_IsArray(frames) ||
        !read_number(cJSON_GetObjectItemCaseSensitive(item, "pool"), &pool)) {
        return refuse(why, "\"sites\" must hold {\"frames\": [name, ...], \"pool\": id}");
    }
    cJSON_ArrayForEach(frame, frames)
    {
        if (n == sizeof names / sizeof *names) return refuse(why, "a site has over 128 frames");
        names[n++] = cJSON_GetStringValue(frame);
    }
    return replay_plan_site(plan, names, n, pool, why);
}

static bool read_all(struct replay_plan *plan, const cJSON *root, char *why)
{
    static const struct {
        const char *name;
        bool (*read)(struct replay_plan *, const cJSON *, char *);
    } parts[] = {{"pools", read_pool}, {"stacks", read_stacks}, {"sites", read_site}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const cJSON *part = cJSON_GetObjectItemCaseSensitive(root, parts[i].name), *item;
        if (part && !cJSON_IsArray(part)) {
            snprintf(why, TRACE_WHY, "\"%s\" must be an array", parts[i].name);
            return false;
        }
        cJSON_ArrayForEach(item, part)
        {
            if (!parts[i].read(plan, item, why)) return false;
        }
    }
    return true;
}

struct replay_plan *replay_plan_read(const char *text, size_t length, char *why)
{
    cJSON *root = cJSON_ParseWithLength(text, length);
    struct replay_plan *plan = replay_plan_new();
    bool good = plan && (cJSON_IsObject(root) || refuse(why, "not a JSON object"));
    good = good && read_all(plan, root, why);
    good = good && ((plan->n_pools && plan->n_rules) ||
                    refuse(why, "a plan needs \"pools\", and \"stacks\" or \"sites\""));
    cJSON_Delete(root);
    if (good) return plan;
    replay_plan_end(plan);
    return NULL;
}
