/* SPDX-License-Identifier: MIT
 * json.c: a result as JSON, for other programs and for `poolkit summary`.
 */
#include "result.h"
#include "tool.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT 1
#define MAX_FILE ((size_t)64 << 20)

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text) {
        cJSON_AddStringToObject(object, key, text);
    } else {
        cJSON_AddNullToObject(object, key);
    }
}

static void add_figure(cJSON *row, const pki_result *result, size_t i, pki_metric metric)
{
    const pki_figure *figure = &result->rows[i].figures[metric];
    if (figure->n == 0) {
        cJSON_AddNullToObject(row, pki_metrics[metric].key);
        return;
    }
    cJSON *object = cJSON_AddObjectToObject(row, pki_metrics[metric].key);
    cJSON_AddNumberToObject(object, "median", figure->median);
    cJSON_AddNumberToObject(object, "min", figure->low);
    cJSON_AddNumberToObject(object, "max", figure->high);
    cJSON_AddNumberToObject(object, "spread", figure->spread);
    double ratio = pki_ratio(result, i, metric);
    if (ratio > 0) {
        cJSON_AddNumberToObject(object, "ratio", ratio);
    }
    cJSON *samples = cJSON_AddArrayToObject(object, "samples");
    for (size_t k = 0; k < figure->n; k++) {
        cJSON_AddItemToArray(samples, cJSON_CreateNumber(figure->samples[k]));
    }
}

static cJSON *row_to_json(const pki_result *result, size_t i)
{
    const pki_row *row = &result->rows[i];
    cJSON *object = cJSON_CreateObject();
    add_text(object, "name", row->name);
    add_text(object, "library", row->library);
    add_text(object, "package", row->package);
    cJSON_AddNumberToObject(object, "exit_code", row->code);
    cJSON_AddBoolToObject(object, "failed", row->failed);
    for (pki_metric m = 0; m < PKI_METRICS; m++) {
        add_figure(object, result, i, m);
    }
    return object;
}

static cJSON *to_json(const pki_result *result)
{
    cJSON *root = cJSON_CreateObject();
    add_text(root, "made_by", "poolkit " PKI_VERSION);
    cJSON_AddNumberToObject(root, "format", FORMAT);
    add_text(root, "title", result->title);
    cJSON *command = cJSON_AddArrayToObject(root, "command");
    for (char **word = result->command; *word; word++) {
        cJSON_AddItemToArray(command, cJSON_CreateString(*word));
    }
    add_text(root, "load", result->load);
    cJSON_AddNumberToObject(root, "rounds", (double)result->rounds);
    cJSON_AddNumberToObject(root, "warmup", (double)result->warmup);
    cJSON_AddNumberToObject(root, "processors", (double)sysconf(_SC_NPROCESSORS_ONLN));
    cJSON *rows = cJSON_AddArrayToObject(root, "allocators");
    for (size_t i = 0; i < result->n_rows; i++) {
        cJSON_AddItemToArray(rows, row_to_json(result, i));
    }
    cJSON *notes = cJSON_AddArrayToObject(root, "notes");
    for (size_t i = 0; i < result->n_notes; i++) {
        cJSON_AddItemToArray(notes, cJSON_CreateString(result->notes[i]));
    }
    char *verdict = pki_verdict(result);
    add_text(root, "verdict", verdict);
    free(verdict);
    return root;
}

int pki_json_write(const pki_result *result, const char *file, FILE *out)
{
    cJSON *root = to_json(result);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    FILE *to = file ? fopen(file, "we") : out;
    bool good = to && text && fputs(text, to) >= 0 && fputc('\n', to) >= 0;
    if (file && to) {
        good = fclose(to) == 0 && good;
    }
    cJSON_free(text);
    return good ? 0
                : pki_fail(PKI_EXIT_OWN, "cannot write %s: %s", file ? file : "the result",
                           strerror(errno));
}

static char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? pki_copy(text) : NULL;
}

static size_t count_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) && item->valuedouble > 0 && item->valuedouble < 1e9
               ? (size_t)item->valuedouble
               : 0;
}

static void row_from_json(const cJSON *object, pki_row *row)
{
    row->name = text_of(object, "name");
    row->library = text_of(object, "library");
    row->package = text_of(object, "package");
    row->code = (int)count_of(object, "exit_code");
    row->failed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "failed"));
    for (pki_metric m = 0; m < PKI_METRICS; m++) {
        const cJSON *figure = cJSON_GetObjectItemCaseSensitive(object, pki_metrics[m].key);
        const cJSON *sample;
        cJSON_ArrayForEach(sample, cJSON_GetObjectItemCaseSensitive(figure, "samples"))
        {
            if (cJSON_IsNumber(sample)) {
                pki_figure_add(&row->figures[m], sample->valuedouble);
            }
        }
        pki_figure_settle(&row->figures[m]);
    }
}

static bool from_json(const cJSON *root, pki_result *result)
{
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(root, "allocators"), *item;
    if (count_of(root, "format") != FORMAT || !cJSON_IsArray(rows) || !rows->child) {
        return false;
    }
    result->title = text_of(root, "title");
    result->load = text_of(root, "load");
    result->rounds = count_of(root, "rounds");
    result->warmup = count_of(root, "warmup");
    result->n_rows = (size_t)cJSON_GetArraySize(rows);
    result->rows = pki_grow(NULL, result->n_rows, sizeof *result->rows);
    memset(result->rows, 0, result->n_rows * sizeof *result->rows);
    pki_row *row = result->rows;
    cJSON_ArrayForEach(item, rows)
    {
        row_from_json(item, row);
        if (!row->name) {
            return false;
        }
        row++;
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "notes"))
    {
        if (cJSON_IsString(item)) {
            pki_result_note(result, pki_copy(item->valuestring));
        }
    }
    return result->title != NULL;
}

int pki_json_read(pki_result *result, const char *file)
{
    FILE *in = fopen(file, "re");
    if (!in) {
        return pki_fail(PKI_EXIT_OWN, "%s: %s", file, strerror(errno));
    }
    char *text = NULL;
    size_t used = 0, got;
    do {
        text = pki_grow(text, used + 65536, 1);
        got = fread(text + used, 1, 65536, in);
        used += got;
    } while (got > 0 && used < MAX_FILE);
    fclose(in);
    cJSON *root = cJSON_ParseWithLength(text, used);
    free(text);
    memset(result, 0, sizeof *result);
    bool good = root && from_json(root, result);
    cJSON_Delete(root);
    return good ? 0 : pki_fail(PKI_EXIT_OWN, "%s: not a result of `poolkit compare --json`", file);
}
