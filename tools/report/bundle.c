/* SPDX-License-Identifier: MIT
 * bundle.c: the heap map's cells as bytes behind the JSON.
 */
#include "bundle.h"

#include "text/base64.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TIMES = 65536, MAX_PAGES = 1 << 24 };

/* The cells of `name`, page after page, to `out`; all 0 when the report's are not as many. */
static bool turn_cells(const cJSON *map, const char *name, size_t times, size_t pages,
                       unsigned char *out)
{
    unsigned char *rows = malloc(times * pages + 1);
    const char *text = cJSON_GetStringValue(report_find(map, name, NULL));
    if (!rows) {
        return false;
    }
    bool good = text && pki_base64_read(text, rows, times * pages);
    for (size_t page = 0; good && page < pages; page++) {
        for (size_t time = 0; time < times; time++) {
            out[page * times + time] = rows[time * pages + page];
        }
    }
    free(rows);
    return true;
}

static size_t cells_of(const cJSON *map, size_t *times, size_t *pages)
{
    double n = 0;
    report_number(map, "pages", &n);
    *times = (size_t)cJSON_GetArraySize(report_find(map, "times_ns", NULL));
    *pages = n > 0 && n <= MAX_PAGES ? (size_t)n : 0;
    return *times <= MAX_TIMES ? *times * *pages : 0;
}

char *report_bundle(cJSON *report, size_t *bytes)
{
    size_t times, pages;
    cJSON *map = cJSON_GetObjectItemCaseSensitive(report, "map");
    size_t cells = cells_of(map, &times, &pages);
    unsigned char *both = calloc(2 * cells + 1, 1);
    if (!both || (cells > 0 && (!turn_cells(map, "occupancy", times, pages, both) ||
                                !turn_cells(map, "owner", times, pages, both + cells)))) {
        free(both);
        return NULL;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(map, "occupancy");
    cJSON_DeleteItemFromObjectCaseSensitive(map, "owner");
    char *json = cJSON_PrintUnformatted(report);
    size_t length = json ? strlen(json) + 1 : 0;
    char *bundle = json ? realloc(json, length + 2 * cells) : NULL;
    if (!bundle) {
        free(json);
    } else {
        memcpy(bundle + length, both, 2 * cells);
        *bytes = length + 2 * cells;
    }
    free(both);
    return bundle;
}
