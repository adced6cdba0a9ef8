/* SPDX-License-Identifier: MIT
 * show.c: the outcome of `poolkit replay` as a table and as JSON.
 *
 * The best figure of a column has an asterisk, and so have those that cannot be told from it: the
 * ranges overlap.
 */
#include "text/units.h"
#include "replay/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEAK, MEAN, FOOTPRINT, OVERHEAD, TIME, FAULTS, CALLS, COLUMNS };

static const char *const titles[COLUMNS] = {"peak",         "mean",   "footprint",   "/ live",
                                            "ns per event", "faults", "system calls"};

static struct replay_range range_of(const struct replay_result *r, int column)
{
    double live = r->live_peak > 0 ? r->live_peak : 1;
    switch (column) {
    case PEAK:
        return r->peak;
    case MEAN:
        return r->mean;
    case FOOTPRINT:
        return r->footprint;
    case OVERHEAD:
        return (struct replay_range){r->footprint.median / live, r->footprint.low / live,
                                     r->footprint.high / live};
    case TIME:
        return r->ns_per_event;
    case FAULTS:
        return r->faults;
    default:
        return (struct replay_range){(double)r->system_calls, (double)r->system_calls,
                                     (double)r->system_calls};
    }
}

static bool is_shown(const struct replay_job *job, int column)
{
    if (column == CALLS) return job->options.system_calls;
    return column != TIME || !job->options.memory_only;
}

static bool is_best(const struct replay_job *job, size_t row, int column)
{
    struct replay_range mine = range_of(&job->results[row], column), best = mine;
    for (size_t i = 0; i < job->n; i++) {
        struct replay_range other = range_of(&job->results[i], column);
        if (other.median < best.median) best = other;
    }
    return job->n > 1 && mine.low <= best.high && mine.median >= best.median;
}

static void cell_text(const struct replay_job *job, size_t row, int column, char out[2 * PKI_TEXT])
{
    char value[PKI_TEXT], spread[PKI_TEXT] = "";
    struct replay_range range = range_of(&job->results[row], column);
    if (column == TIME) {
        snprintf(value, sizeof value, "%.1f", range.median);
        snprintf(spread, sizeof spread, " (%.1f-%.1f)", range.low, range.high);
    } else if (column == OVERHEAD) {
        snprintf(value, sizeof value, "%.2f", range.median);
    } else {
        pki_text_value(value, range.median, column < OVERHEAD ? PKI_BYTES : PKI_COUNT);
    }
    snprintf(out, 2 * PKI_TEXT, "%s%s%s", value, spread, is_best(job, row, column) ? "*" : " ");
}

static size_t name_width(const struct replay_job *job)
{
    size_t width = strlen("allocator");
    for (size_t i = 0; i < job->n; i++) {
        size_t one = pki_width(job->subjects[i].name);
        if (one > width) width = one;
    }
    return width;
}

static size_t column_width(const struct replay_job *job, int column)
{
    char text[2 * PKI_TEXT];
    size_t width = strlen(titles[column]) + 1;
    for (size_t i = 0; i < job->n; i++) {
        cell_text(job, i, column, text);
        if (pki_width(text) > width) width = pki_width(text);
    }
    return width;
}

static void show_rows(const struct replay_job *job)
{
    size_t first = name_width(job), widths[COLUMNS];
    char text[2 * PKI_TEXT];
    printf("%-*s", (int)first, "allocator");
    for (int c = 0; c < COLUMNS; c++) {
        if (!is_shown(job, c)) continue;
        widths[c] = column_width(job, c);
        printf("  %*s ", (int)widths[c] - 1, titles[c]);
    }
    puts("");
    for (size_t i = 0; i < job->n; i++) {
        printf("%-*s", (int)first, job->subjects[i].name);
        for (int c = 0; c < COLUMNS; c++) {
            if (!is_shown(job, c)) continue;
            cell_text(job, i, c, text);
            printf("  %*s%s", (int)(widths[c] - pki_width(text)), "", text);
        }
        puts("");
    }
}

static void show_pools(const struct replay_job *job)
{
    if (!job->pooled) return;
    const struct replay_result *r = &job->results[1];
    puts("");
    for (size_t i = 0; i < r->n_pools; i++) {
        const struct replay_pool_use *use = &r->pools[i];
        printf("pool %u: %llu blocks", use->id, (unsigned long long)use->blocks);
        if (use->refused) printf(", %llu did not fit", (unsigned long long)use->refused);
        if (use->moved) printf(", %llu grew out of it", (unsigned long long)use->moved);
        if (use->overdue) {
            printf(", %llu resets had to wait for blocks", (unsigned long long)use->overdue);
        }
        puts("");
    }
}

static bool can_calibrate(const struct replay_options *options, enum replay_mode mode)
{
    return mode == REPLAY_MERGED && options->touch == REPLAY_TOUCH_ALL;
}

static void show_calibration(const struct replay_job *job, const struct replay_calibration *c)
{
    char recorded[PKI_TEXT], replayed[PKI_TEXT];
    if (!c) {
        printf("calibration: none, %s\n", can_calibrate(&job->options, job->mode)
                                              ? "the recorded allocator is not here"
                                              : "it takes --mode merged and --touch all");
        return;
    }
    pki_text_value(recorded, c->recorded_peak, PKI_BYTES);
    pki_text_value(replayed, c->replayed_peak, PKI_BYTES);
    printf("calibration: recorded peak %s, replayed on %s %s, error %+.1f %%: %s%s%s\n", recorded,
           job->allocators[job->recorded].name, replayed, 100 * c->error,
           c->trusted ? "trusted" : "NOT trusted", c->reason[0] ? ": " : "", c->reason);
}

static void show_table(const struct replay_job *job, const struct replay_calibration *calibration)
{
    char live[PKI_TEXT];
    pki_text_value(live, (double)replay_tape_live_peak(job->plain), PKI_BYTES);
    printf("%s\n%llu operations, peak live %s, %s", trace_info(job->trace)->command,
           (unsigned long long)replay_tape_operations(job->plain), live,
           replay_mode_names[job->mode]);
    if (job->mode == REPLAY_PARALLEL) printf(" (%u threads)", job->results[0].threads);
    printf(", touch %s, %u rounds\n", replay_touch_names[job->options.touch],
           job->results[0].rounds);
    show_calibration(job, calibration);
    puts("");
    show_rows(job);
    show_pools(job);
}

/* ---- JSON ---- */

static cJSON *to_json(const struct replay_job *job, const struct replay_calibration *calibration)
{
    size_t each = job->pooled ? 2 : 1;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "made_by", "poolkit " PKI_VERSION);
    cJSON_AddNumberToObject(root, "format", 1);
    cJSON_AddStringToObject(root, "file", job->file);
    cJSON_AddNumberToObject(root, "operations", (double)replay_tape_operations(job->plain));
    cJSON *array = cJSON_AddArrayToObject(root, "replays");
    for (size_t i = 0; i < job->n; i++) {
        const struct replay_allocator *a = &job->allocators[i / each];
        char *package = a->library ? pki_package_of(a->library) : NULL;
        struct replay_labels labels = {.allocator = a->name,
                                       .label = job->subjects[i].name,
                                       .package = package,
                                       .command = trace_info(job->trace)->command,
                                       .plan = i % each == 1 ? job->plan_file : NULL,
                                       .mode = job->mode,
                                       .touch = job->options.touch};
        cJSON_AddItemToArray(array, replay_to_json(&job->results[i], &labels));
        free(package);
    }
    cJSON_AddItemToObject(root, "calibration",
                          calibration ? replay_calibration_to_json(calibration)
                                      : cJSON_CreateNull());
    return root;
}

static int write_json(const struct replay_job *job, const struct replay_calibration *calibration)
{
    bool to_output = strcmp(job->json, "-") == 0;
    cJSON *root = to_json(job, calibration);
    char *text = cJSON_PrintUnformatted(root);
    FILE *to = to_output ? stdout : fopen(job->json, "we");
    bool good = to && text && fputs(text, to) >= 0 && fputc('\n', to) >= 0;
    if (to && !to_output) good = fclose(to) == 0 && good;
    cJSON_Delete(root);
    cJSON_free(text);
    return good ? 0 : pki_fail(PKI_EXIT_OWN, "cannot write %s: %s", job->json, strerror(errno));
}

int replay_show(const struct replay_job *job)
{
    struct replay_calibration calibration;
    bool known = job->recorded < job->n_allocators && can_calibrate(&job->options, job->mode);
    size_t each = job->pooled ? 2 : 1;
    if (known) replay_calibrate(job->trace, &job->results[job->recorded * each], &calibration);
    int code = job->json ? write_json(job, known ? &calibration : NULL) : 0;
    if (!job->json || strcmp(job->json, "-") != 0) show_table(job, known ? &calibration : NULL);
    return code;
}
