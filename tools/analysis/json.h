/* SPDX-License-Identifier: MIT
 * json.h: an analysis as the object that docs/report-json.md describes.
 */
#ifndef POOLKIT_ANALYSIS_JSON_H
#define POOLKIT_ANALYSIS_JSON_H

#include <cjson/cJSON.h>

#include "analysis.h"

enum { VERDICT_TEXT = 256, VERDICT_REASONS = 5 };

/* Is fragmentation a problem of this program? */
struct verdict {
    const char *level; /* "none", "some", "high" */
    char headline[VERDICT_TEXT];
    char reasons[VERDICT_REASONS][VERDICT_TEXT];
    size_t n_reasons;
};

void analysis_judge(const struct analysis *a, struct verdict *out);

/* Without what replays and advice would add: those are empty or null. NULL: no memory. */
cJSON *analysis_json(const struct analysis *a);

/* The summary for a terminal: 80 columns. */
void analysis_text(const struct analysis *a);

/* What the recording does not show, a sentence each; returns how many. */
enum { CAVEATS_MOST = 8 };
size_t analysis_caveats(const struct analysis *a, char out[CAVEATS_MOST][VERDICT_TEXT]);

#endif
