/* SPDX-License-Identifier: MIT
 * write_page.c: makes a page from a report in JSON, for the tests:
 * write_page REPORT.json PAGE.html [open]
 * Exits with 77 when this build holds no page.
 */
#include "report/page.h"

#include <stdio.h>
#include <stdlib.h>

static char *read_all(const char *path, size_t *bytes)
{
    FILE *in = fopen(path, "re");
    if (!in || fseek(in, 0, SEEK_END) != 0) {
        return NULL;
    }
    *bytes = (size_t)ftell(in);
    rewind(in);
    char *text = malloc(*bytes + 1);
    if (text && fread(text, 1, *bytes, in) != *bytes) {
        free(text);
        text = NULL;
    }
    fclose(in);
    if (text) {
        text[*bytes] = 0;
    }
    return text;
}

int main(int argc, char **argv)
{
    char why[REPORT_PAGE_WHY];
    size_t bytes = 0;
    char *json = argc >= 3 ? read_all(argv[1], &bytes) : NULL;
    if (!json) {
        fputs("usage: write_page REPORT.json PAGE.html [open]\n", stderr);
        return 2;
    }
    bool good = report_page_write(argv[2], json, bytes, why);
    free(json);
    if (good && argc > 3) {
        good = report_page_open(argv[2], why);
    }
    if (!good) {
        fprintf(stderr, "write_page: %s\n", why);
    }
    return good ? 0 : report_page_known() ? 1 : 77;
}
