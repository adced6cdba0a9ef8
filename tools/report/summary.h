/* SPDX-License-Identifier: MIT
 * summary.h: the parts of the page that are plain HTML, readable where no script runs.
 */
#ifndef POOLKIT_REPORT_SUMMARY_H
#define POOLKIT_REPORT_SUMMARY_H

#include <cjson/cJSON.h>
#include <stdio.h>

void report_write_title(FILE *out, const cJSON *report);
void report_write_head(FILE *out, const cJSON *report);
/* Figures, verdict, waterfall, advice, largest sites, caveats. */
void report_write_summary(FILE *out, const cJSON *report);

#endif
