/* SPDX-License-Identifier: MIT
 * json.h: results as the members `replays` and `calibration` of docs/report-json.md.
 */
#ifndef POOLKIT_REPLAY_JSON_H
#define POOLKIT_REPLAY_JSON_H

#include "replay/replay.h"

#include <cjson/cJSON.h>

/* What the result itself does not know. NULL: not known, or none. */
struct replay_labels {
    const char *allocator, *label, *package, *command, *plan;
    enum replay_mode mode;
    enum replay_touch touch;
};

cJSON *replay_to_json(const struct replay_result *result, const struct replay_labels *labels);
cJSON *replay_calibration_to_json(const struct replay_calibration *calibration);
/* "all", "pages", "first", "none". */
extern const char *const replay_touch_names[4];
extern const char *const replay_mode_names[2]; /* "merged", "parallel" */

#endif
