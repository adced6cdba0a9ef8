/* SPDX-License-Identifier: MIT
 * open.c: shows a page in the browser.
 */
#include "page.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

static int run_opener(char *path, int *status)
{
    char opener[] = "xdg-open";
    char *arguments[] = {opener, path, NULL};
    pid_t child;
    int failure = posix_spawnp(&child, opener, NULL, NULL, arguments, environ);
    if (failure == 0 && waitpid(child, status, 0) != child) {
        failure = errno;
    }
    return failure;
}

/* xdg-open ends once a browser has taken the page over. An absolute path is never an option. */
bool report_page_open(const char *path, char *why)
{
    int status = 0;
    char *absolute = realpath(path, NULL);
    int failure = absolute ? run_opener(absolute, &status) : errno;
    free(absolute);
    if (failure != 0) {
        snprintf(why, REPORT_PAGE_WHY, "cannot open %s with xdg-open: %s", path, strerror(failure));
    } else if (status != 0) {
        snprintf(why, REPORT_PAGE_WHY, "xdg-open could not open %s", path);
    }
    return failure == 0 && status == 0;
}
