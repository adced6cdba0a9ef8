/* SPDX-License-Identifier: MIT
 * page.h: the report as one HTML file that needs nothing else.
 */
#ifndef POOLKIT_REPORT_PAGE_H
#define POOLKIT_REPORT_PAGE_H

#include <stdbool.h>
#include <stddef.h>

enum { REPORT_PAGE_WHY = 160 };

/* Whether this build holds the page: it is made by npm, which not every system has. */
bool report_page_known(void);

/* Writes `json` (docs/report-json.md, `bytes` long) as a page to `path`. A file that is already
 * there is replaced only once the new one is whole. False: nothing was written, and `why`
 * (REPORT_PAGE_WHY bytes) says why. */
bool report_page_write(const char *path, const char *json, size_t bytes, char *why);

/* Shows a page in the desktop's browser. False: `why` says why. */
bool report_page_open(const char *path, char *why);

#endif
