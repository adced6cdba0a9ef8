/* SPDX-License-Identifier: MIT
 * cache.c: names that were found once, in ${XDG_CACHE_HOME:-~/.cache}/poolkit/symbols/BUILD-ID.
 *
 *   poolkit-symbols 1 HASH         of all that follows
 *   KEY                            what they were found from; another key: the file does not count
 *   OFFSET N                       an address, in the order of the offsets, and its N functions
 *   LINE <tab> FILE <tab> FUNCTION innermost first
 *
 * A file is written under another name and then renamed, so that runs beside each other see a whole
 * one; the last one wins, and what it lacks is looked up again. A damaged file is as good as none.
 */
#include "symbols/symbols.h"

#include "poolkit/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "poolkit-symbols 1 "
#define HASH_DIGITS 16
#define MOST_BYTES ((off_t)1 << 30)

static uint64_t hash_of(const char *text, size_t n)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Makes the folders; NULL if there is no place. A build id is hexadecimal, so it is a good name. */
static char *path_of(const char *build_id)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (strspn(build_id, "0123456789abcdef") != strlen(build_id)) {
        return NULL;
    }
    char *path = cache && cache[0] == '/' ? pki_format("%s/poolkit/symbols/%s", cache, build_id)
                 : home && home[0] == '/'
                     ? pki_format("%s/.cache/poolkit/symbols/%s", home, build_id)
                     : NULL;
    for (char *slash = path ? strchr(path + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    return path;
}

/* All that is in a file after its first line, ended by 0, or NULL. */
static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "re");
    struct stat about;
    char *text = NULL;
    if (file && fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode) &&
        about.st_size < MOST_BYTES) {
        size_t size = (size_t)about.st_size;
        text = pki_grow(NULL, size + 1, 1);
        text[fread(text, 1, size, file)] = '\0';
    }
    if (file) {
        fclose(file);
    }
    char *body = text ? strchr(text, '\n') : NULL;
    if (body && strncmp(text, HEAD, strlen(HEAD)) == 0 &&
        strtoull(text + strlen(HEAD), NULL, 16) == hash_of(body + 1, strlen(body + 1))) {
        memmove(text, body + 1, strlen(body + 1) + 1);
        return text;
    }
    free(text);
    return NULL;
}

static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    if (!end) {
        return NULL;
    }
    *end = '\0';
    *at = end + 1;
    return line;
}

/* One address with its functions; false at the end and at what cannot be read. */
static bool read_place(char **at, struct place *p)
{
    char *line = next_line(at), *end;
    if (!line) {
        return false;
    }
    *p = (struct place){.offset = strtoull(line, &end, 16), .known = true};
    for (unsigned long n = strtoul(end, NULL, 10); n > 0; n--) {
        line = next_line(at);
        char *file = line ? strchr(line, '\t') : NULL;
        char *function = file ? strchr(file + 1, '\t') : NULL;
        if (!function) {
            places_free(p, 1);
            return false;
        }
        *function = '\0';
        place_add(p, function + 1, file + 1, (uint32_t)strtoul(line, NULL, 10));
    }
    return true;
}

/* All that the file holds, if it is for this key. */
static struct place *read_cache(const char *build_id, const char *key, size_t *n)
{
    struct place *all = NULL, one;
    char *path = path_of(build_id), *text = path ? read_whole(path) : NULL, *at = text;
    const char *found = text ? next_line(&at) : NULL;
    *n = 0;
    while (found && strcmp(found, key) == 0 && read_place(&at, &one)) {
        if ((*n & (*n - 1)) == 0) {
            all = pki_grow(all, *n ? 2 * *n : 1, sizeof *all);
        }
        all[(*n)++] = one;
    }
    free(path);
    free(text);
    return all;
}

void cache_load(const char *build_id, const char *key, struct place *places, size_t n)
{
    size_t n_cached, at = 0;
    struct place *cached = read_cache(build_id, key, &n_cached);
    for (size_t i = 0; i < n; i++) {
        while (at < n_cached && cached[at].offset < places[i].offset) {
            at++;
        }
        if (at < n_cached && cached[at].offset == places[i].offset) {
            places[i] = cached[at];
            cached[at] = (struct place){.offset = places[i].offset};
        }
    }
    places_free(cached, n_cached);
    free(cached);
}

static void print_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        fputc(*text == '\t' || *text == '\n' ? ' ' : *text, out);
    }
}

static void print_place(FILE *out, const struct place *p)
{
    if (!p->known) {
        return;
    }
    fprintf(out, "%" PRIx64 " %zu\n", p->offset, p->n);
    for (size_t i = 0; i < p->n; i++) {
        fprintf(out, "%u\t", p->frames[i].line);
        print_text(out, p->frames[i].file);
        fputc('\t', out);
        print_text(out, p->frames[i].function);
        fputc('\n', out);
    }
}

/* Both in the order of their offsets; of two for one address, ours. */
static void print_merged(FILE *out, const struct place *ours, size_t n, const struct place *theirs,
                         size_t n_theirs)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        for (; at < n_theirs && theirs[at].offset <= ours[i].offset; at++) {
            if (theirs[at].offset < ours[i].offset) {
                print_place(out, &theirs[at]);
            }
        }
        print_place(out, &ours[i]);
    }
    for (; at < n_theirs; at++) {
        print_place(out, &theirs[at]);
    }
}

static void write_cache(const char *path, const char *text, size_t n)
{
    char *fresh = pki_format("%s.%ld", path, (long)getpid());
    FILE *file = fopen(fresh, "wxe");
    bool good = file != NULL;
    if (file) {
        good = fprintf(file, HEAD "%0*" PRIx64 "\n", HASH_DIGITS, hash_of(text, n)) > 0 &&
               fwrite(text, 1, n, file) == n;
        good = fclose(file) == 0 && good;
        if (!good || rename(fresh, path) != 0) {
            unlink(fresh);
        }
    }
    free(fresh);
}

/* A cache that cannot be written is not worth a message: the names are in the trace. */
void cache_store(const char *build_id, const char *key, const struct place *places, size_t n)
{
    size_t n_cached, size;
    char *text = NULL, *path = path_of(build_id);
    struct place *cached = read_cache(build_id, key, &n_cached);
    FILE *out = path ? open_memstream(&text, &size) : NULL;
    if (out) {
        fprintf(out, "%s\n", key);
        print_merged(out, places, n, cached, n_cached);
        if (fclose(out) == 0) {
            write_cache(path, text, size);
        }
    }
    free(text);
    free(path);
    places_free(cached, n_cached);
    free(cached);
}
