/* SPDX-License-Identifier: MIT
 * progress.c: one line on a terminal about how far the comparison is.
 */
#include "measure.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static size_t all, begun;
static struct timespec start_time;

void pki_progress_start(size_t total)
{
    all = isatty(2) ? total : 0;
    begun = 0;
    clock_gettime(CLOCK_MONOTONIC, &start_time);
}

void pki_progress_erase(void)
{
    if (all) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}

/* The cursor goes back to the line's start, so that whatever the command writes to the terminal
 * overwrites the line. */
void pki_progress_step(const char *stage, const char *name)
{
    struct timespec now;
    size_t done = begun++;
    if (!all) {
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    double past = (double)(now.tv_sec - start_time.tv_sec) +
                  (double)(now.tv_nsec - start_time.tv_nsec) * 1e-9;
    pki_progress_erase();
    fprintf(stderr, "%s · %s · %zu %%", stage, name, 100 * done / all);
    if (done > 0 && done <= all) {
        fprintf(stderr, " · ETA %.0f s", past / (double)done * (double)(all - done) + 0.5);
    }
    fputc('\r', stderr);
    fflush(stderr);
}
