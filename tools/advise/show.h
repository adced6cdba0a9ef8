/* SPDX-License-Identifier: MIT
 * show.h: advice as text, as JSON (docs/report-json.md), and as a plan for `poolkit replay`.
 */
#ifndef POOLKIT_ADVISE_SHOW_H
#define POOLKIT_ADVISE_SHOW_H

#include "advise.h"

#include <cjson/cJSON.h>

void advise_show(const struct advice_set *set);
/* An object with the members `advice`, `nothing`, `replays` and `calibration`. */
cJSON *advise_json(const struct advice_set *set);
cJSON *advise_plan(const struct advice_set *set);

#endif
