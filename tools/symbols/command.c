/* SPDX-License-Identifier: MIT
 * command.c: `poolkit symbols`: gives a trace the names it lacks, where its program's files are.
 */
#include "symbols/symbols.h"

#include "poolkit/tool.h"

#include <getopt.h>

int pki_symbols_main(int argc, char **argv)
{
    enum { DEBUGINFOD = 1, NO_CACHE };
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"debuginfod", no_argument, NULL, DEBUGINFOD},
                                            {"no-cache", no_argument, NULL, NO_CACHE},
                                            {0}};
    struct symbols_options o = {0};
    int c, code = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            pki_help_on("symbols");
            return 0;
        }
        if (c != DEBUGINFOD && c != NO_CACHE) {
            return pki_usage("symbols: unknown option %s", argv[optind - 1]);
        }
        o.debuginfod = o.debuginfod || c == DEBUGINFOD;
        o.no_cache = o.no_cache || c == NO_CACHE;
    }
    if (optind == argc) {
        return pki_usage("symbols: which files?");
    }
    for (; optind < argc; optind++) {
        char why[TRACE_WHY];
        if (!symbols_resolve(argv[optind], &o, why)) {
            code = pki_fail(PKI_EXIT_OWN, "%s", why);
        }
    }
    return code;
}
