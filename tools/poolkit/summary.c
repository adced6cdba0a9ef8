/* SPDX-License-Identifier: MIT
 * summary.c: `poolkit summary`: several results of compare in one table.
 */
#include "result.h"
#include "tool.h"

#include <getopt.h>

int pki_summary_main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h') {
            pki_help_on("summary");
            return 0;
        }
        return pki_usage("summary: unknown option %s", argv[optind - 1]);
    }
    size_t n = (size_t)(argc - optind);
    if (n == 0) {
        return pki_usage("summary: which files?");
    }
    pki_result *results = pki_grow(NULL, n, sizeof *results);
    for (size_t i = 0; i < n; i++) {
        int code = pki_json_read(&results[i], argv[optind + (int)i]);
        if (code) {
            return code;
        }
    }
    pki_show_summary(results, n, stdout);
    return 0;
}
