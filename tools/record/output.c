/* SPDX-License-Identifier: MIT
 * output.c: the traces' names, and what is said about them at the end.
 */
#include "record/image.h"
#include "record/session.h"

#include "poolkit/tool.h"
#include "text/units.h"

#include <ctype.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MOST_SHOWN 4

char *output_host(void)
{
    struct utsname system;
    char line[512], processor[256] = "unknown processor";
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            snprintf(processor, sizeof processor, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    uname(&system);
    return pki_format("%s %s, glibc %s, %s", system.sysname, system.release, gnu_get_libc_version(),
                      processor);
}

bool output_possible(const struct record_options *o)
{
    const char *name = o->output ? o->output : ".";
    const char *base = pki_base(name);
    char *folder = o->output ? pki_format("%.*s.", (int)(base - name), name) : pki_copy(".");
    struct stat about;
    errno = 0;
    bool there = o->output && stat(name, &about) == 0;
    bool possible = there ? S_ISREG(about.st_mode) && access(name, W_OK) == 0
                          : *base && access(folder, W_OK | X_OK) == 0;
    if (!possible) {
        pki_note("cannot write %s: %s", o->output ? name : "into the current folder",
                 errno ? strerror(errno) : "not an ordinary file");
    }
    free(folder);
    return possible;
}

static bool is_used(const struct session *s, const char *path)
{
    for (size_t i = 0; i < s->n_images; i++) {
        if (s->images[i]->file && strcmp(s->images[i]->file, path) == 0) {
            return true;
        }
    }
    return false;
}

/* The n-th choice for a name: the first that is not used is taken. */
static char *candidate(const struct session *s, const struct image *image, const char *name,
                       unsigned n)
{
    long pid = (long)image->pid;
    char *more = n > 1 ? pki_format(".%u", n) : pki_copy("");
    char *path = s->options->output && n == 0 ? pki_copy(s->options->output)
                 : s->options->output ? pki_format("%s.%ld%s", s->options->output, pid, more)
                                      : pki_format("poolkit-%s-%ld%s.pkt", name, pid, more);
    free(more);
    return path;
}

/* The image's program as a part of a file's name. Only while the image lives. */
static char *program_name(const struct image *image)
{
    char *name = pki_format("%.64s", pki_base(image->shared->program));
    for (char *c = name; *c; c++) {
        *c = isalnum((unsigned char)*c) || strchr("._+-", *c) ? *c : '_';
    }
    return name;
}

/* The first choice that is not used, from the n-th on. */
static char *free_path(const struct session *s, const struct image *image, const char *name,
                       unsigned n)
{
    char *path = candidate(s, image, name, n);
    while (is_used(s, path)) {
        free(path);
        path = candidate(s, image, name, ++n);
    }
    return path;
}

char *output_path(const struct session *s, const struct image *image)
{
    char *name = program_name(image), *path = free_path(s, image, name, 0);
    free(name);
    return path;
}

static int by_events(const void *left, const void *right)
{
    const struct image *a = *(struct image *const *)left, *b = *(struct image *const *)right;
    return (a->events < b->events) - (a->events > b->events);
}

/* The first image's trace, and the one with the most events. */
static void find_first_and_largest(const struct session *s, struct image **first,
                                   struct image **largest)
{
    *first = *largest = NULL;
    for (size_t i = 0; i < s->n_images; i++) {
        struct image *image = s->images[i];
        if (!image->file || image->events == 0) {
            continue; /* its trace is not there, or not any more */
        }
        if (strcmp(image->file, s->options->output) == 0) {
            *first = image;
        }
        if (!*largest || image->events > (*largest)->events) {
            *largest = image;
        }
    }
}

void output_name_largest(struct session *s)
{
    struct image *first, *largest;
    if (!s->options->output) {
        return;
    }
    find_first_and_largest(s, &first, &largest);
    if (!largest || (first && first->events == largest->events)) {
        return;
    }
    if (!first) { /* the first image did nothing */
        if (rename(largest->file, s->options->output) == 0) {
            free(largest->file);
            largest->file = pki_copy(s->options->output);
        }
        return;
    }
    char *aside = free_path(s, first, "", 1);
    if (rename(first->file, aside) != 0) {
        free(aside);
        return; /* both names stay: the summary tells them */
    }
    if (rename(largest->file, first->file) == 0) {
        free(largest->file);
        largest->file = first->file;
        first->file = aside;
    } else {
        rename(aside, first->file);
        free(aside);
    }
}

static double bytes_of(const struct image *image)
{
    struct stat about;
    return stat(image->file, &about) == 0 ? (double)about.st_size : 0;
}

static void show(const struct image *image)
{
    char size[PKI_TEXT], events[PKI_TEXT], peak[PKI_TEXT];
    double bytes = bytes_of(image);
    pki_text_value(size, bytes, PKI_BYTES);
    pki_text_value(events, (double)image->events, PKI_COUNT);
    pki_text_value(peak, (double)image->most_anonymous, PKI_BYTES);
    pki_note("%s: %s, %s events, %.2f bytes per event, peak memory %s", image->file, size, events,
             image->events ? bytes / (double)image->events : 0.0, peak);
}

static void show_rest(struct image *const *images, size_t n)
{
    char size[PKI_TEXT], events[PKI_TEXT];
    double all_bytes = 0, all_events = 0;
    for (size_t i = 0; i < n; i++) {
        all_bytes += bytes_of(images[i]);
        all_events += (double)images[i]->events;
    }
    pki_text_value(size, all_bytes, PKI_BYTES);
    pki_text_value(events, all_events, PKI_COUNT);
    pki_note("and %zu more files: %s, %s events", n, size, events);
}

static void show_notes(const struct session *s, uint64_t dropped)
{
    char end[PKI_TEXT], events[PKI_TEXT];
    if (!s->command && s->code > 128) {
        pki_text_end(end, s->code);
        pki_note("the command %s; what it did until then is recorded", end);
    }
    if (dropped) {
        pki_text_value(events, (double)dropped, PKI_COUNT);
        pki_note("%s events were dropped because the recorder could not keep up", events);
    }
}

void output_summary(const struct session *s)
{
    struct image **written = pki_grow(NULL, s->n_images + 1, sizeof *written);
    size_t n = 0;
    uint64_t dropped = 0;
    for (size_t i = 0; i < s->n_images; i++) {
        dropped += s->images[i]->dropped;
        if (s->images[i]->file && s->images[i]->events) {
            written[n++] = s->images[i];
        }
    }
    qsort(written, n, sizeof *written, by_events);
    for (size_t i = 0; i < n && i < MOST_SHOWN; i++) {
        show(written[i]);
    }
    if (n > MOST_SHOWN) {
        show_rest(written + MOST_SHOWN, n - MOST_SHOWN);
    }
    show_notes(s, dropped);
    if (n > 0) {
        pki_note("next: poolkit report %s, poolkit dump %s", written[0]->file, written[0]->file);
    } else {
        pki_note("nothing was recorded (%zu program images were seen)", s->n_images);
    }
    free(written);
}
