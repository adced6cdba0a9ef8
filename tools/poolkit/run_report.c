/* SPDX-License-Identifier: MIT
 * run_report.c: `poolkit run --report`: records the command, replays the recording with and without
 * pools, and writes one page about it. Each step is the subcommand of that name.
 */
#include "child.h"
#include "files.h"
#include "report/page.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Runs ourselves with these arguments; 0 to 255, or an exit code of ours. `quiet`: no output. */
static int step(const char *const *argv, bool quiet)
{
    pid_t child = fork();
    if (child < 0) {
        return pki_fail(PKI_EXIT_OWN, "cannot start a process");
    }
    if (child == 0) {
        if (quiet && !freopen("/dev/null", "w", stdout)) {
            _exit(PKI_EXIT_OWN);
        }
        execv("/proc/self/exe", (char **)(uintptr_t)argv);
        _exit(PKI_EXIT_OWN);
    }
    int status;
    while (waitpid(child, &status, 0) < 0) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* record -o FILE -- COMMAND...: the command's own exit code. */
static int record(const char *file, int argc, char **command)
{
    const char **argv = pki_grow(NULL, (size_t)argc + 7, sizeof *argv);
    size_t n = 0;
    argv[n++] = "poolkit";
    argv[n++] = "record";
    argv[n++] = "--quiet";
    argv[n++] = "-o";
    argv[n++] = file;
    argv[n++] = "--";
    for (int i = 0; i < argc; i++) {
        argv[n++] = command[i];
    }
    argv[n] = NULL;
    int code = step(argv, false);
    free(argv);
    return code;
}

static int look(const char *file, const char *advice, const char *page)
{
    const char *advise[] = {"poolkit", "advise", "--json", advice, file, NULL};
    const char *with[] = {"poolkit", "report",    "-o",   page, "--advice",
                          advice,    "--replays", advice, file, NULL};
    const char *text[] = {"poolkit", "report", "--text", file, NULL};
    if (step(advise, false) != 0) {
        pki_note("no advice: the recording could not be replayed");
        with[4] = file;
        with[5] = NULL;
    }
    return step(report_page_known() ? with : text, false);
}

int pki_run_report(const char *page, int argc, char **command)
{
    char *path, *folder = NULL;
    int code = pki_resolve(command[0], &path);
    if (code) {
        return code;
    }
    char *stem = page ? pki_copy(page) : pki_format("poolkit-%s.html", pki_base(command[0]));
    size_t n = strlen(stem);
    bool ends = n > 5 && strcmp(stem + n - 5, ".html") == 0;
    char *file = pki_format("%.*s.pkt", (int)(ends ? n - 5 : n), stem);
    unlink(file);
    code = record(file, argc, command);
    if (access(file, R_OK) != 0) {
        pki_note("nothing was recorded: %s allocated nothing", command[0]);
    } else if ((folder = pki_temporary_folder()) != NULL) {
        char *advice = pki_format("%s/advice.json", folder);
        int failed = look(file, advice, stem);
        code = code ? code : failed;
        unlink(advice);
        free(advice);
        pki_remove_folder(folder);
    }
    free(folder);
    free(file);
    free(stem);
    free(path);
    return code;
}
