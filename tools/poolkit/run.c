/* SPDX-License-Identifier: MIT
 * run.c: `poolkit run`: becomes the command, with the drop-in preloaded.
 *
 * There is no process of ours left to stand between the caller and the program: output, signals
 * and the exit code are the program's own.
 */
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

static int run_with_report(const char *page, int argc, char **command)
{
#ifdef PKI_TRACE
    return pki_run_report(page, argc, command);
#else
    (void)page, (void)argc, (void)command;
    return pki_fail(PKI_EXIT_OWN,
                    "run --report: this build has no recordings, since zstd was missing");
#endif
}

int pki_run_main(int argc, char **argv)
{
    enum { REPORT = 1 };
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"report", optional_argument, NULL, REPORT}, {0}};
    const char *page = NULL;
    bool report = false;
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        if (c == 'h') {
            pki_help_on("run");
            return 0;
        }
        if (c != REPORT) {
            return pki_usage("run: unknown option %s", argv[optind - 1]);
        }
        report = true;
        page = optarg;
    }
    if (optind == argc) {
        return pki_usage("run: which command?");
    }
    if (report) {
        return run_with_report(page, argc - optind, argv + optind);
    }
    char *path, *why = NULL;
    int code = pki_resolve(argv[optind], &path);
    if (code) {
        return code;
    }
    char *library = pki_find_own("libpoolkit-malloc.so", &why);
    if (!library) {
        return pki_fail(PKI_EXIT_OWN, "%s", why);
    }
    execvpe(path, argv + optind, pki_environment(library, NULL, NULL));
    return pki_fail(errno == ENOENT ? PKI_EXIT_NOT_FOUND : PKI_EXIT_NOT_EXECUTABLE, "%s: %s",
                    argv[optind], strerror(errno));
}
