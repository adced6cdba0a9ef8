/* SPDX-License-Identifier: MIT
 * values.h: values of a report as HTML. What is missing or null is an en dash.
 */
#ifndef POOLKIT_REPORT_VALUES_H
#define POOLKIT_REPORT_VALUES_H

#include "text/units.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

/* The value at a path of names, as "summary", "peak_live"; NULL when a part of it is missing. */
const cJSON *report_find(const cJSON *from, const char *first, const char *second);
/* False for what is not a number. */
bool report_number(const cJSON *from, const char *name, double *value);

void report_write_number(FILE *out, const cJSON *value, pki_unit unit);
void report_write_nanoseconds(FILE *out, const cJSON *value);
void report_write_ratio(FILE *out, const cJSON *value);
void report_write_share(FILE *out, const cJSON *value);
void report_write_text(FILE *out, const cJSON *value);
/* "12.1 MiB to 14.0 MiB" of {low, high}; nanoseconds when `unit` is PKI_SECONDS. */
void report_write_range(FILE *out, const cJSON *range, pki_unit unit);
/* <ul> of sentences, nothing when there are none. */
void report_write_list(FILE *out, const cJSON *sentences, const char *class_name);

#endif
