/* SPDX-License-Identifier: MIT
 * bundle.h: the report in the form in which the page holds it.
 *
 * The JSON without the cells of its heap map, a NUL, then the map's occupancy and owners as bytes.
 * They stand page after page, each with all its times: a page changes seldom, so they pack well
 * (row after row, what is alike lies further apart than gzip looks).
 */
#ifndef POOLKIT_REPORT_BUNDLE_H
#define POOLKIT_REPORT_BUNDLE_H

#include <cjson/cJSON.h>
#include <stddef.h>

/* Takes the cells out of `report`. NULL: no memory; else for free(). */
char *report_bundle(cJSON *report, size_t *bytes);

#endif
