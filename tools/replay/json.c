/* SPDX-License-Identifier: MIT
 * json.c: results as JSON. Beside what docs/report-json.md lists there are the page faults, the uses
 * of the plan's pools and the curve, as equally long arrays.
 */
#include "replay/json.h"

#include <stddef.h>

const char *const replay_touch_names[4] = {"all", "pages", "first", "none"};
const char *const replay_mode_names[2] = {"merged", "parallel"};

static void add_text(cJSON *object, const char *key, const char *text)
{
    cJSON_AddItemToObject(object, key, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

static void add_number(cJSON *object, const char *key, double value, bool known)
{
    cJSON_AddItemToObject(object, key, known ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

static void add_column(cJSON *curve, const char *key, const struct replay_result *r, size_t offset)
{
    cJSON *column = cJSON_AddArrayToObject(curve, key);
    for (size_t i = 0; i < r->points; i++) {
        const uint64_t *value = (const uint64_t *)((const char *)&r->curve[i] + offset);
        cJSON_AddItemToArray(column, cJSON_CreateNumber((double)*value));
    }
}

static void add_curve(cJSON *object, const struct replay_result *r)
{
    cJSON *curve = cJSON_AddObjectToObject(object, "curve");
    add_column(curve, "operation", r, offsetof(struct replay_point, operation));
    add_column(curve, "time_ns", r, offsetof(struct replay_point, time_ns));
    add_column(curve, "live", r, offsetof(struct replay_point, live));
    add_column(curve, "resident", r, offsetof(struct replay_point, resident));
    add_column(curve, "footprint", r, offsetof(struct replay_point, footprint));
}

static void add_pools(cJSON *object, const struct replay_result *r)
{
    cJSON *pools = cJSON_AddArrayToObject(object, "pools");
    for (size_t i = 0; i < r->n_pools; i++) {
        cJSON *pool = cJSON_CreateObject();
        cJSON_AddNumberToObject(pool, "id", r->pools[i].id);
        cJSON_AddNumberToObject(pool, "blocks", (double)r->pools[i].blocks);
        cJSON_AddNumberToObject(pool, "refused", (double)r->pools[i].refused);
        cJSON_AddNumberToObject(pool, "moved", (double)r->pools[i].moved);
        cJSON_AddNumberToObject(pool, "overdue", (double)r->pools[i].overdue);
        cJSON_AddItemToArray(pools, pool);
    }
}

cJSON *replay_to_json(const struct replay_result *r, const struct replay_labels *labels)
{
    cJSON *object = cJSON_CreateObject();
    bool timed = r->rounds > 0;
    add_text(object, "allocator", labels->allocator);
    add_text(object, "label", labels->label);
    add_text(object, "package", labels->package);
    add_text(object, "command", labels->command);
    add_text(object, "mode", replay_mode_names[labels->mode]);
    add_text(object, "touch", replay_touch_names[labels->touch]);
    cJSON_AddNumberToObject(object, "rounds", r->rounds);
    cJSON_AddNumberToObject(object, "peak", r->peak.median);
    cJSON_AddNumberToObject(object, "peak_low", r->peak.low);
    cJSON_AddNumberToObject(object, "peak_high", r->peak.high);
    cJSON_AddNumberToObject(object, "mean", r->mean.median);
    cJSON_AddNumberToObject(object, "footprint", r->footprint.median);
    cJSON_AddNumberToObject(object, "live_peak", r->live_peak);
    add_number(object, "ns_per_event", r->ns_per_event.median, timed);
    add_number(object, "ns_low", r->ns_per_event.low, timed);
    add_number(object, "ns_high", r->ns_per_event.high, timed);
    add_number(object, "system_calls", (double)r->system_calls, r->system_calls >= 0);
    add_text(object, "plan", labels->plan);
    cJSON_AddNumberToObject(object, "faults", r->faults.median);
    cJSON_AddNumberToObject(object, "threads", r->threads);
    add_pools(object, r);
    add_curve(object, r);
    return object;
}

cJSON *replay_calibration_to_json(const struct replay_calibration *c)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "recorded_peak", c->recorded_peak);
    cJSON_AddNumberToObject(object, "replayed_peak", c->replayed_peak);
    cJSON_AddNumberToObject(object, "error", c->error);
    cJSON_AddBoolToObject(object, "trusted", c->trusted);
    add_text(object, "reason", c->reason[0] ? c->reason : NULL);
    return object;
}
