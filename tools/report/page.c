/* SPDX-License-Identifier: MIT
 * page.c: fills the page's shell with a report.
 *
 * The shell is HTML with marks of the form <!--poolkit:NAME-->; npm makes it when the command is
 * built.
 */
#include "page.h"

#include "bundle.h"
#include "encode.h"
#include "summary.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef PKI_REPORT_PAGE

extern const unsigned char report_shell[];
extern const size_t report_shell_bytes;

static const char mark_start[] = "<!--poolkit:";
static const char mark_end[] = "-->";

/* The data comes last: it takes the heap map's cells out of the report. */
static bool fill_mark(FILE *out, const char *name, size_t length, cJSON *report)
{
    static const struct {
        const char *name;
        void (*write)(FILE *, const cJSON *);
    } parts[] = {{"title", report_write_title},
                 {"head", report_write_head},
                 {"summary", report_write_summary}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strlen(parts[i].name) == length && memcmp(parts[i].name, name, length) == 0) {
            parts[i].write(out, report);
            return true;
        }
    }
    size_t bytes;
    char *bundle = report_bundle(report, &bytes);
    bool good = bundle && report_write_data(out, bundle, bytes);
    free(bundle);
    return good;
}

static bool fill_shell(FILE *out, cJSON *report)
{
    const char *shell = (const char *)report_shell, *end = shell + report_shell_bytes;
    for (;;) {
        const char *mark = memmem(shell, (size_t)(end - shell), mark_start, sizeof mark_start - 1);
        if (!mark) {
            fwrite(shell, 1, (size_t)(end - shell), out);
            return true;
        }
        fwrite(shell, 1, (size_t)(mark - shell), out);
        const char *name = mark + sizeof mark_start - 1;
        const char *after = memmem(name, (size_t)(end - name), mark_end, sizeof mark_end - 1);
        if (!after || !fill_mark(out, name, (size_t)(after - name), report)) {
            return false;
        }
        shell = after + sizeof mark_end - 1;
    }
}

/* The new file gets the rights that any other new file would have. */
static FILE *open_beside(const char *path, char **temporary)
{
    size_t room = strlen(path) + sizeof ".XXXXXX";
    *temporary = malloc(room);
    if (!*temporary) {
        return NULL;
    }
    snprintf(*temporary, room, "%s.XXXXXX", path);
    int file = mkostemp(*temporary, O_CLOEXEC);
    if (file < 0) {
        return NULL;
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(file, 0666 & ~mask);
    return fdopen(file, "w");
}

static bool write_file(const char *path, cJSON *report, char *why)
{
    char *temporary = NULL;
    FILE *out = open_beside(path, &temporary);
    if (!out) {
        snprintf(why, REPORT_PAGE_WHY, "cannot write %s: %s", path, strerror(errno));
        free(temporary);
        return false;
    }
    errno = ENOMEM;
    bool good = fill_shell(out, report) && !ferror(out);
    good = fclose(out) == 0 && good;
    good = good && rename(temporary, path) == 0;
    if (!good) {
        snprintf(why, REPORT_PAGE_WHY, "cannot write %s: %s", path, strerror(errno));
        unlink(temporary);
    }
    free(temporary);
    return good;
}

bool report_page_known(void) { return true; }

bool report_page_write(const char *path, const char *json, size_t bytes, char *why)
{
    cJSON *report = cJSON_ParseWithLength(json, bytes);
    if (!report) {
        snprintf(why, REPORT_PAGE_WHY, "the report cannot be read as JSON");
        return false;
    }
    bool good = write_file(path, report, why);
    cJSON_Delete(report);
    return good;
}

#else

bool report_page_known(void) { return false; }

bool report_page_write(const char *path, const char *json, size_t bytes, char *why)
{
    (void)path, (void)json, (void)bytes;
    snprintf(why, REPORT_PAGE_WHY,
             "this poolkit was built without the HTML page (CMake: POOLKIT_PAGE=ON); use --text or "
             "--json");
    return false;
}

#endif
