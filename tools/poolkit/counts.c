/* SPDX-License-Identifier: MIT
 * counts.c: reads the records that the counting shim left, one per process.
 *
 * Counts are summed over all processes; peaks and fragmentation are those of the process with the
 * largest peak of live bytes, the one that matters.
 */
#include "measure.h"
#include "tool.h"

#include "shim/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Below this the pages that any program has say more than its blocks do. */
#define LEAST_LIVE (64.0 * 1024)

typedef struct totals {
    double allocations, frees, reallocs, requested, processes;
    double peak_live, peak_heap;
} totals;

static bool read_record(int folder, const char *name, pki_count_record *out)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, sizeof *out);
    if (fd >= 0) {
        close(fd);
    }
    return n == (ssize_t)sizeof *out && out->magic == PKI_COUNT_MAGIC;
}

static void add(totals *t, pki_count_record *r)
{
    double live = (double)atomic_load(&r->peak_live);
    t->allocations += (double)atomic_load(&r->allocations);
    t->frees += (double)atomic_load(&r->frees);
    t->reallocs += (double)atomic_load(&r->reallocs);
    t->requested += (double)atomic_load(&r->requested);
    t->processes += 1;
    if (live > t->peak_live) {
        t->peak_live = live;
        t->peak_heap = (double)atomic_load(&r->peak_heap);
    }
}

bool pki_counts_read(const char *path, pki_row *row)
{
    totals t = {0};
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        pki_count_record record;
        if (entry->d_name[0] != '.' && read_record(dirfd(folder), entry->d_name, &record)) {
            add(&t, &record);
        }
    }
    if (folder) {
        closedir(folder);
    }
    if (t.processes < 1) {
        return false;
    }
    pki_figure_add(&row->figures[PKI_ALLOCATIONS], t.allocations);
    pki_figure_add(&row->figures[PKI_FREES], t.frees);
    pki_figure_add(&row->figures[PKI_REALLOCS], t.reallocs);
    pki_figure_add(&row->figures[PKI_REQUESTED], t.requested);
    pki_figure_add(&row->figures[PKI_PEAK_LIVE], t.peak_live);
    pki_figure_add(&row->figures[PKI_PEAK_HEAP], t.peak_heap);
    pki_figure_add(&row->figures[PKI_PROCESSES], t.processes);
    if (t.peak_live >= LEAST_LIVE && t.peak_heap > 0) {
        pki_figure_add(&row->figures[PKI_FRAGMENTATION], t.peak_heap / t.peak_live);
    }
    return true;
}
