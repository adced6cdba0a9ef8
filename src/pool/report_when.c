/* SPDX-License-Identifier: MIT
 * report_when.c: the options stats, stats_format and stats_file: a report without a change to the program.
 * It is part of the drop-in and of libpoolkit.so; nothing of a program that links libpoolkit.a refers to
 * it, so that such a program is as it was.
 *
 *   exit    after main and the program's own atexit functions. Pools that are for one thread at a time
 *           are asked only if no other thread of the program is left.
 *   signal  after each SIGUSR2, from a thread of our own; then such pools are never asked.
 *
 * Text and JSON are appended to the file. Metrics replace it at once by another: who collects them must
 * see one whole report. */
#include <string.h>

#include "base/attr.h"
#include "base/text.h"
#include "os/output.h"
#include "os/process.h"
#include "pool/report.h"

enum { PATH_SIZE = PKI_STATS_FILE_SIZE + 64 };

static bool write_to(void *descriptor, const char *text, size_t n)
{
    return pki_os_write(*(int *)descriptor, text, n);
}

static bool render_text(const pki_snapshot *s, int *to)
{
    char line[64];
    pki_text text = pki_text_begin(line, sizeof line);
    pki_text_string(&text, "poolkit: pools of process ");
    pki_text_number(&text, pki_os_process_id());
    pki_text_string(&text, ":\n");
    return write_to(to, line, strlen(line)) && pki_report_text(s, write_to, to);
}

static bool render(pki_snapshot *s, int to)
{
    switch (pki_settings.stats_format) {
    case PKI_STATS_JSON:
        return pki_report_json(s, write_to, &to) && write_to(&to, "\n", 1);
    case PKI_STATS_PROMETHEUS:
        return pki_report_prometheus(s, write_to, &to);
    case PKI_STATS_TEXT:
        break;
    }
    return render_text(s, &to);
}

/* The file's name with the process's number for %p. */
static void expand_path(char path[PATH_SIZE])
{
    pki_text text = pki_text_begin(path, PATH_SIZE - 8); /* room for a suffix */
    for (const char *at = pki_settings.stats_file; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 'p') {
            pki_text_number(&text, pki_os_process_id());
            at++;
        } else {
            pki_text_string(&text, (char[]){*at, '\0'});
        }
    }
}

static bool write_file(pki_snapshot *s, const char *path)
{
    bool replace = pki_settings.stats_format == PKI_STATS_PROMETHEUS;
    char other[PATH_SIZE];
    pki_text text = pki_text_begin(other, sizeof other);
    pki_text_string(&text, path);
    pki_text_string(&text, replace ? ".new" : "");
    int descriptor = pki_os_open_output(other, !replace);
    if (descriptor < 0) {
        return false;
    }
    bool written = render(s, descriptor);
    pki_os_close(descriptor);
    return written && (!replace || pki_os_replace_file(other, path));
}

static void complain_of_file(const char *path)
{
    char line[PATH_SIZE + 64];
    pki_text text = pki_text_begin(line, sizeof line);
    pki_text_string(&text, "poolkit: the statistics cannot be written to ");
    pki_text_string(&text, path);
    pki_text_string(&text, "\n");
    pki_os_write_error(line, strlen(line));
}

static void report_now(pki_report_scope scope)
{
    pki_snapshot s;
    if (!pki_snapshot_take(&s, scope)) {
        return;
    }
    char path[PATH_SIZE] = "";
    expand_path(path);
    if (s.n == 0 && s.left_out == 0) {
        /* Nothing to tell; or another copy of the library, the drop-in, has all the pools. */
    } else if (path[0] == '\0') {
        (void)render(&s, pki_os_error_output());
    } else if (!write_file(&s, path)) {
        complain_of_file(path);
    }
    pki_snapshot_drop(&s);
}

static void report_on_signal(void) { report_now(PKI_POOLS_OF_ALL_THREADS); }

PKI_CONSTRUCTOR static void arm(void)
{
    static const char taken[] =
        "poolkit: stats=signal: SIGUSR2 is not free, or there is no thread\n";
    pki_settings_load();
    if (pki_settings.stats != PKI_STATS_OFF && pki_settings.stats_file[0] == '\0') {
        pki_os_keep_error_output();
    }
    if (pki_settings.stats == PKI_STATS_SIGNAL && !pki_os_on_report_signal(report_on_signal)) {
        pki_os_write_error(taken, sizeof taken - 1);
    }
}

PKI_DESTRUCTOR static void report_at_exit(void)
{
    if (pki_settings.stats == PKI_STATS_EXIT) {
        report_now(pki_os_is_alone() ? PKI_ALL_POOLS : PKI_POOLS_OF_ALL_THREADS);
    }
}
