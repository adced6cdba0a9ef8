/* SPDX-License-Identifier: MIT
 * json.c: see json.h. The names of the fields are docs/report-json.md's.
 */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text/base64.h"

#ifndef PKI_VERSION
#define PKI_VERSION "unknown"
#endif

enum { STACKS_MOST = 2000 };

static void number(cJSON *object, const char *key, double value)
{
    cJSON_AddNumberToObject(object, key, value);
}

static void text(cJSON *object, const char *key, const char *value)
{
    if (value) {
        cJSON_AddStringToObject(object, key, value);
    } else {
        cJSON_AddNullToObject(object, key);
    }
}

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static double ratio(uint64_t part, uint64_t whole) { return share(part, whole); }

static void append(cJSON *array, double value)
{
    cJSON_AddItemToArray(array, cJSON_CreateNumber(value));
}

/* Arrays of many numbers by themselves: cJSON walks to an array's end only by its own pointers. */
static cJSON *numbers(const uint64_t *values, size_t n)
{
    double *copy = malloc((n + 1) * sizeof *copy);
    cJSON *array = NULL;
    if (copy) {
        for (size_t i = 0; i < n; i++) {
            copy[i] = (double)values[i];
        }
        array = cJSON_CreateDoubleArray(copy, (int)n);
    }
    free(copy);
    return array ? array : cJSON_CreateArray();
}

static void add_head(cJSON *root)
{
    char created[32];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &utc);
    text(root, "schema", "poolkit-report");
    number(root, "version", 1);
    text(root, "tool", "poolkit " PKI_VERSION);
    text(root, "created", created);
}

static void add_recording(cJSON *root, const struct analysis *a)
{
    const struct trace *t = a->trace;
    const struct trace_info *info = trace_info(t);
    cJSON *o = cJSON_AddObjectToObject(root, "recording");
    text(o, "command", info->command);
    text(o, "program", info->program);
    text(o, "host", info->host);
    text(o, "allocator", info->allocator);
    text(o, "stacks", info->stacks);
    number(o, "pid", (double)info->pid);
    number(o, "wall", (double)info->wall);
    number(o, "duration_ns", (double)trace_duration(t));
    number(o, "events", (double)trace_events(t));
    number(o, "file_bytes", (double)trace_bytes(t));
    cJSON_AddBoolToObject(o, "whole", trace_whole(t));
    number(o, "dropped", (double)trace_dropped(t));
    cJSON_AddBoolToObject(o, "forked", info->forked);
    number(o, "unknown_frees", (double)a->unknown_frees);
    number(o, "reordered", (double)a->reordered);
    number(o, "mismatched", (double)a->mismatched);
}

static cJSON *age_curve(const struct behaviour *did)
{
    cJSON *curve = cJSON_CreateArray();
    uint64_t passed = 0;
    for (unsigned i = 0; i < LIFE_BUCKETS; i++) {
        passed += did->life_allocations[i];
        cJSON *point = cJSON_CreateArray();
        append(point, i == 0 ? 0 : (double)((UINT64_C(1) << i) - 1));
        append(point, share(passed, did->allocations));
        cJSON_AddItemToArray(curve, point);
        if (passed == did->frees) {
            break;
        }
    }
    return curve;
}

static void add_summary(cJSON *root, const struct analysis *a)
{
    cJSON *o = cJSON_AddObjectToObject(root, "summary");
    uint64_t base = trace_info(a->trace)->base_anonymous;
    number(o, "allocations", (double)a->all.allocations);
    number(o, "frees", (double)a->all.frees);
    number(o, "reallocs", (double)a->all.reallocs);
    number(o, "allocated_bytes", (double)a->all.bytes);
    number(o, "peak_live", (double)a->peak_live);
    number(o, "peak_live_ns", (double)a->peak_live_time);
    number(o, "peak_blocks", (double)a->peak_blocks);
    number(o, "live_at_end", (double)a->live_at_end);
    number(o, "blocks_at_end", (double)a->blocks_at_end);
    if (trace_samples(a->trace) > 0) {
        number(o, "peak_resident", (double)(a->peak_resident + base));
        number(o, "peak_resident_ns", (double)a->peak_resident_time);
    } else {
        text(o, "peak_resident", NULL);
        text(o, "peak_resident_ns", NULL);
    }
    number(o, "base_resident", (double)base);
    number(o, "threads", (double)trace_threads(a->trace));
    number(o, "cross_thread_frees", (double)a->all.cross_thread);
    number(o, "short_lived", share(a->all.short_lived, a->all.allocations));
    cJSON_AddItemToObject(o, "age_curve", age_curve(&a->all));
}

static void add_fragmentation(cJSON *root, const struct analysis *a)
{
    static const char *const names[] = {"jw1", "jw2", "jw3", "jw4"};
    const struct moment *m = &a->at_peak;
    cJSON *o = cJSON_AddObjectToObject(root, "fragmentation");
    for (int i = 0; i < 4; i++) {
        number(o, names[i], a->jw[i]);
    }
    number(o, "p50", a->p50);
    number(o, "p95", a->p95);
    number(o, "p99", a->p99);
    number(o, "internal", m->usable > 0 ? 1 - ratio(m->live, m->usable) : 0);
    number(o, "pinned_4k", ratio(m->pinned, m->live));
    number(o, "pinned_64k", ratio(a->pinned_64k, m->live));
    number(o, "pinned_2m", ratio(a->pinned_2m, m->live));
    if (trace_samples(a->trace) > 0) {
        number(o, "rss_over_live", ratio(m->resident, m->live));
    } else {
        text(o, "rss_over_live", NULL);
    }
    number(o, "blowup_byte_seconds", a->blowup);
}

static void add_waterfall(cJSON *root, const struct analysis *a)
{
    const struct moment *m = &a->at_peak;
    cJSON *o = cJSON_AddObjectToObject(root, "waterfall");
    bool sampled = trace_samples(a->trace) > 0;
    uint64_t usable = m->usable < m->pinned ? m->usable : m->pinned;
    uint64_t resident = sampled ? m->resident : m->pinned;
    number(o, "at_ns", (double)m->time);
    number(o, "live", (double)m->live);
    number(o, "rounding", (double)usable - (double)m->live);
    number(o, "pinned", (double)(m->pinned - usable));
    number(o, "free_pages", resident > m->pinned ? (double)(resident - m->pinned) : 0);
    number(o, "other", resident < m->pinned ? -(double)(m->pinned - resident) : 0);
    number(o, "resident", (double)resident);
    number(o, "not_resident", (double)(m->footprint - resident));
    number(o, "footprint", (double)m->footprint);
}

static void add_verdict(cJSON *root, const struct analysis *a)
{
    struct verdict verdict;
    char caveats[CAVEATS_MOST][VERDICT_TEXT];
    analysis_judge(a, &verdict);
    cJSON *o = cJSON_AddObjectToObject(root, "verdict");
    text(o, "level", verdict.level);
    text(o, "headline", verdict.headline);
    cJSON *reasons = cJSON_AddArrayToObject(o, "reasons");
    for (size_t i = 0; i < verdict.n_reasons; i++) {
        cJSON_AddItemToArray(reasons, cJSON_CreateString(verdict.reasons[i]));
    }
    cJSON *array = cJSON_AddArrayToObject(root, "caveats");
    size_t n = analysis_caveats(a, caveats);
    for (size_t i = 0; i < n; i++) {
        cJSON_AddItemToArray(array, cJSON_CreateString(caveats[i]));
    }
}

static void add_timeline(cJSON *root, const struct analysis *a)
{
    static const struct {
        const char *name;
        size_t offset;
    } columns[] = {{"time_ns", offsetof(struct moment, time)},
                   {"live", offsetof(struct moment, live)},
                   {"usable", offsetof(struct moment, usable)},
                   {"pinned", offsetof(struct moment, pinned)},
                   {"resident", offsetof(struct moment, resident)},
                   {"footprint", offsetof(struct moment, footprint)},
                   {"allocations", offsetof(struct moment, allocations)},
                   {"frees", offsetof(struct moment, frees)}};
    cJSON *o = cJSON_AddObjectToObject(root, "timeline");
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        cJSON *array = cJSON_AddArrayToObject(o, columns[c].name);
        for (size_t i = 0; i < a->n_times; i++) {
            append(array,
                   (double)*(const uint64_t *)((const char *)&a->timeline[i] + columns[c].offset));
        }
    }
}

static void add_frames(cJSON *root, const struct analysis *a)
{
    cJSON *array = cJSON_AddArrayToObject(root, "frames");
    for (size_t i = 0; i < a->n_frames; i++) {
        const struct frame *frame = &a->frames[i];
        cJSON *o = cJSON_CreateObject();
        text(o, "function", frame->function);
        text(o, "file", frame->file);
        if (frame->line) {
            number(o, "line", frame->line);
        } else {
            text(o, "line", NULL);
        }
        text(o, "module", frame->module);
        number(o, "address", (double)frame->address);
        cJSON_AddItemToArray(array, o);
    }
}

static cJSON *frame_numbers(const struct stack *stack)
{
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < stack->n_frames; i++) {
        append(array, stack->frames[i]);
    }
    return array;
}

static int by_count(const void *x, const void *y)
{
    uint64_t a = ((const struct size_count *)x)->count, b = ((const struct size_count *)y)->count;
    return a < b ? 1 : a > b ? -1 : 0;
}

static void add_sizes(cJSON *o, const struct behaviour *did)
{
    struct size_count sizes[TOP_SIZES];
    memcpy(sizes, did->sizes, sizeof sizes);
    qsort(sizes, TOP_SIZES, sizeof *sizes, by_count);
    cJSON *array = cJSON_AddArrayToObject(o, "sizes");
    for (int i = 0; i < TOP_SIZES && sizes[i].count > 0; i++) {
        cJSON *pair = cJSON_CreateArray();
        append(pair, (double)sizes[i].size);
        append(pair, (double)sizes[i].count);
        cJSON_AddItemToArray(array, pair);
    }
    number(o, "sizes_left_out", (double)did->other_sizes);
}

static void add_lives(cJSON *o, const char *name, const uint32_t lives[LIFE_BUCKETS])
{
    unsigned n = LIFE_BUCKETS;
    while (n > 0 && lives[n - 1] == 0) {
        n--;
    }
    cJSON *array = cJSON_AddArrayToObject(o, name);
    for (unsigned i = 0; i < n; i++) {
        append(array, lives[i]);
    }
}

static cJSON *site_json(const struct analysis *a, size_t i)
{
    const struct site *site = &a->sites[i];
    const struct behaviour *did = &site->did;
    cJSON *o = cJSON_CreateObject();
    number(o, "id", (double)i);
    text(o, "name", site->name);
    cJSON_AddItemToObject(o, "frames", frame_numbers(&a->stacks[site->stack]));
    number(o, "depth", site->depth);
    number(o, "allocations", (double)did->allocations);
    number(o, "frees", (double)did->frees);
    number(o, "bytes", (double)did->bytes);
    number(o, "peak_live", (double)did->peak_live);
    number(o, "live_at_end", (double)did->live);
    number(o, "mean_size", ratio(did->bytes, did->allocations));
    number(o, "least_size", (double)did->least_size);
    number(o, "largest_size", (double)did->largest_size);
    add_sizes(o, did);
    add_lives(o, "lifetimes_ns", did->life_ns);
    add_lives(o, "lifetimes_allocations", did->life_allocations);
    number(o, "short_lived", share(did->short_lived, did->allocations));
    number(o, "lifo", share(did->lifo, did->frees));
    number(o, "batch", share(did->batch, did->frees));
    number(o, "cross_thread", share(did->cross_thread, did->frees));
    number(o, "pinned", did->pinned);
    cJSON_AddItemToObject(o, "live_over_time", numbers(site->live_over_time, a->n_times));
    number(o, "threads", __builtin_popcountll(site->threads));
    number(o, "reallocs", (double)did->reallocs);
    if (site->advice >= 0) {
        number(o, "advice", site->advice);
    } else {
        text(o, "advice", NULL);
    }
    return o;
}

static const struct analysis *compared;

static int by_bytes(const void *x, const void *y)
{
    uint64_t a = compared->stacks[*(const uint32_t *)x].did.bytes;
    uint64_t b = compared->stacks[*(const uint32_t *)y].did.bytes;
    return a < b ? 1 : a > b ? -1 : 0;
}

static cJSON *stack_json(const struct stack *stack)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToObject(o, "frames", frame_numbers(stack));
    number(o, "site", stack->site);
    number(o, "allocations", (double)stack->did.allocations);
    number(o, "bytes", (double)stack->did.bytes);
    number(o, "peak_live", (double)stack->did.peak_live);
    number(o, "short_lived", (double)stack->did.short_lived);
    number(o, "pinned", stack->did.pinned);
    return o;
}

static void add_stacks(cJSON *root, const struct analysis *a)
{
    uint32_t *order = malloc(((size_t)a->n_stacks + 1) * sizeof *order), n = 0;
    cJSON *array = cJSON_AddArrayToObject(root, "stacks");
    for (uint32_t i = 0; order && i <= a->n_stacks; i++) {
        if (a->stacks[i].did.allocations > 0) {
            order[n++] = i;
        }
    }
    compared = a;
    if (order) {
        qsort(order, n, sizeof *order, by_bytes);
    }
    for (uint32_t i = 0; order && i < n && i < STACKS_MOST; i++) {
        cJSON_AddItemToArray(array, stack_json(&a->stacks[order[i]]));
    }
    number(root, "stacks_left_out", n > STACKS_MOST ? n - STACKS_MOST : 0);
    free(order);
}

static void add_cells(cJSON *o, const char *name, const uint8_t *cells, size_t n)
{
    char *encoded = pki_base64(cells, n);
    text(o, name, encoded);
    free(encoded);
}

static void add_map(cJSON *root, const struct analysis *a)
{
    const struct heap_map *map = &a->map;
    cJSON *o = cJSON_AddObjectToObject(root, "map");
    number(o, "page", (double)map->page);
    cJSON_AddItemToObject(o, "times_ns", numbers(map->times, map->n_times));
    cJSON *regions = cJSON_AddArrayToObject(o, "regions");
    for (size_t i = 0; i < map->n_regions; i++) {
        char start[24];
        cJSON *region = cJSON_CreateObject();
        snprintf(start, sizeof start, "0x%llx", (unsigned long long)map->regions[i].start);
        text(region, "start", start);
        number(region, "pages", (double)map->regions[i].pages);
        cJSON_AddItemToArray(regions, region);
    }
    number(o, "pages", (double)map->n_pages);
    add_cells(o, "occupancy", map->occupancy, map->n_times * map->n_pages);
    add_cells(o, "owner", map->owner, map->n_times * map->n_pages);
    cJSON *sites = cJSON_AddArrayToObject(o, "sites");
    for (size_t i = 0; i < a->n_sites && i < 254; i++) {
        append(sites, (double)i);
    }
}

static void add_threads(cJSON *root, const struct analysis *a)
{
    cJSON *o = cJSON_AddObjectToObject(root, "threads");
    size_t all = trace_threads(a->trace), n = all < THREADS_MOST ? all : THREADS_MOST;
    cJSON *names = cJSON_AddArrayToObject(o, "names");
    cJSON *frees = cJSON_AddArrayToObject(o, "frees");
    for (size_t i = 0; i < n; i++) {
        char name[40];
        const struct trace_thread *thread = trace_thread(a->trace, i);
        snprintf(name, sizeof name, "%.16s", thread->name);
        if (!*name) {
            snprintf(name, sizeof name, "%lld", (long long)thread->tid);
        }
        cJSON_AddItemToArray(names, cJSON_CreateString(all > n && i + 1 == n ? "others" : name));
        cJSON_AddItemToArray(frees, numbers(a->matrix[i], n));
    }
    cJSON_AddItemToObject(o, "allocations", numbers(a->per_thread, n));
    number(o, "left_out", (double)(all - n));
}

cJSON *analysis_json(const struct analysis *a)
{
    cJSON *root = cJSON_CreateObject();
    if (!root) {
        return NULL;
    }
    add_head(root);
    add_recording(root, a);
    add_summary(root, a);
    add_fragmentation(root, a);
    add_waterfall(root, a);
    add_verdict(root, a);
    add_timeline(root, a);
    add_frames(root, a);
    cJSON *sites = cJSON_AddArrayToObject(root, "sites");
    for (size_t i = 0; i < a->n_sites; i++) {
        cJSON_AddItemToArray(sites, site_json(a, i));
    }
    add_stacks(root, a);
    add_map(root, a);
    add_threads(root, a);
    cJSON_AddItemToObject(root, "replays", cJSON_CreateArray());
    text(root, "calibration", NULL);
    text(root, "advice", NULL);
    text(root, "nothing", NULL);
    return root;
}
