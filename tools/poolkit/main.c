/* SPDX-License-Identifier: MIT
 * main.c: the command line tool: which subcommand it is.
 */
#include "tool.h"

#include <stdio.h>
#include <string.h>

static int help_main(int argc, char **argv)
{
    if (argc < 2) {
        pki_help();
        return 0;
    }
    return pki_help_on(argv[1]) ? 0 : pki_usage("help: no subcommand %s", argv[1]);
}

static const struct {
    const char *name;
    int (*function)(int, char **);
} subcommands[] = {
    {"run", pki_run_main},       {"compare", pki_compare_main}, {"summary", pki_summary_main},
#ifdef PKI_TRACE
    {"record", pki_record_main}, {"symbols", pki_symbols_main}, {"dump", pki_dump_main},
    {"replay", pki_replay_main}, {"report", pki_report_main},   {"advise", pki_advise_main},
    {"verify", pki_verify_main}, {"check", pki_check_main},     {"export", pki_export_main},
#endif
    {"help", help_main},         {"--help", help_main},         {"-h", help_main},
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        return pki_usage("which subcommand?");
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("poolkit " PKI_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof subcommands / sizeof *subcommands; i++) {
        if (strcmp(argv[1], subcommands[i].name) == 0) {
            return subcommands[i].function(argc - 1, argv + 1);
        }
    }
    return pki_usage("no subcommand %s", argv[1]);
}
