/* SPDX-License-Identifier: MIT
 * libraries.c: finds the libraries to preload, names them, and puts them in an environment.
 */
#include "elffile.h"
#include "tool.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* An absolute path of a library that LD_PRELOAD can name, or NULL and why not. */
static char *usable(const char *path, char **why)
{
    pki_elf elf;
    char *full = realpath(path, NULL);
    if (!full || !pki_elf_read(full, &elf)) {
        *why = pki_format("%s: %s", path, strerror(errno));
    } else if (elf.kind != PKI_ELF_OURS || !elf.shared) {
        *why = pki_format("%s is not a shared library for this processor", path);
    } else if (strpbrk(full, ": \t\n")) {
        *why = pki_format("%s: LD_PRELOAD cannot name a path with a space or a colon", full);
    } else {
        return full;
    }
    free(full);
    return NULL;
}

static char *if_there(char *path)
{
    if (access(path, F_OK) == 0) {
        return path;
    }
    free(path);
    return NULL;
}

/* Without the files for developers a shared library has only the name with its number. */
static char *find_in(int n, const char *folder, const char *place, const char *file)
{
    char *found = if_there(pki_format("%.*s%s%s", n, folder, place, file));
    return found ? found : if_there(pki_format("%.*s%s%s." PKI_SOVERSION, n, folder, place, file));
}

char *pki_find_own(const char *file, char **why)
{
    char here[PATH_MAX];
    struct stat about;
    ssize_t n = readlink("/proc/self/exe", here, sizeof here - 1);
    here[n > 0 ? n : 0] = '\0';
    int folder = n > 0 ? (int)(pki_base(here) - here) : 0;
    const char *named = getenv("POOLKIT_LIB");
    char *found = NULL;
    if (named && *named && stat(named, &about) == 0 && S_ISDIR(about.st_mode)) {
        found = if_there(pki_format("%s/%s", named, file));
    } else if (named && *named && strcmp(file, "libpoolkit-malloc.so") == 0) {
        return usable(named, why);
    }
    /* Beside it in the build folder; else where it was installed. */
    static const char *const places[] = {"", PKI_LIB_FROM_BIN, PKI_LIB_FROM_BIN "poolkit/",
                                         "../lib/"};
    for (size_t i = 0; !found && i < sizeof places / sizeof *places; i++) {
        found = find_in(folder, here, places[i], file);
    }
    if (!found) {
        *why = pki_format(
            "%s is neither beside poolkit nor in " PKI_LIB_FROM_BIN " nor in $POOLKIT_LIB", file);
        return NULL;
    }
    char *full = usable(found, why);
    free(found);
    return full;
}

/* A library by its file name or just its short name ("jemalloc"), where the system keeps them. */
static char *search(const char *wanted)
{
    static const char *const folders[] = {"/usr/local/lib",
                                          "/usr/local/lib/x86_64-linux-gnu",
                                          "/usr/lib/x86_64-linux-gnu",
                                          "/usr/lib/aarch64-linux-gnu",
                                          "/usr/lib64",
                                          "/usr/lib"};
    static const struct {
        const char *before, *after;
    } forms[] = {{"", ""}, {"lib", ".so"}, {"lib", ".so.*"}, {"lib", "_minimal.so.*"}};
    for (size_t p = 0; p < sizeof forms / sizeof *forms; p++) {
        for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
            glob_t matches;
            char pattern[PATH_MAX];
            snprintf(pattern, sizeof pattern, "%s/%s%s%s", folders[f], forms[p].before, wanted,
                     forms[p].after);
            if (glob(pattern, 0, NULL, &matches) == 0) {
                char *found = pki_copy(matches.gl_pathv[0]);
                globfree(&matches);
                return found;
            }
        }
    }
    return NULL;
}

char *pki_find_library(const char *wanted, char **why)
{
    if (strchr(wanted, '/') || access(wanted, F_OK) == 0) {
        return usable(wanted, why);
    }
    char *found = *wanted ? search(wanted) : NULL;
    if (!found) {
        *why = pki_format("no library %s here or where the system keeps libraries", wanted);
        return NULL;
    }
    char *full = usable(found, why);
    free(found);
    return full;
}

char *pki_short_name(const char *library)
{
    const char *base = pki_base(library);
    if (strncmp(base, "lib", 3) == 0 && base[3]) {
        base += 3;
    }
    char *name = pki_copy(base);
    char *end = strstr(name, ".so");
    if (end && end != name) {
        *end = '\0';
    }
    end = strstr(name, "_minimal");
    if (end && end != name) {
        *end = '\0';
    }
    return name;
}

/* Runs a quiet helper program and gives the first line it prints, or NULL. */
static char *first_line_of(const char *program, char *const argv[])
{
    int ends[2];
    pid_t pid;
    posix_spawn_file_actions_t files;
    if (pipe(ends) != 0) {
        return NULL;
    }
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&files, ends[1], 1);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", 1, 0);
    posix_spawn_file_actions_addclose(&files, ends[0]);
    int error = posix_spawnp(&pid, program, &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    FILE *answer = error ? NULL : fdopen(ends[0], "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t n = answer ? getline(&line, &room, answer) : -1;
    int status = 1;
    if (answer) {
        fclose(answer);
    } else {
        close(ends[0]);
    }
    if (!error) {
        waitpid(pid, &status, 0);
    }
    if (n <= 1) {
        free(line);
        return NULL;
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}

char *pki_package_of(const char *file)
{
    char search_flag[] = "-S", show_flag[] = "-W", tool[] = "dpkg-query";
    char format[] = "-f=${Package} ${Version}\\n";
    char *path = pki_copy(file);
    char *ask_owner[] = {tool, search_flag, path, NULL};
    char *owner = first_line_of(tool, ask_owner);
    free(path);
    char *end = owner ? strstr(owner, ": /") : NULL;
    char *answer = NULL;
    if (end) {
        *end = '\0';
        char *ask_version[] = {tool, show_flag, format, owner, NULL};
        answer = first_line_of(tool, ask_version);
    }
    free(owner);
    return answer;
}

char **pki_environment(const char *first, const char *second, const char *extra)
{
    size_t n = 0, kept = 0;
    const char *before = getenv("LD_PRELOAD");
    const char *parts[] = {first, second, before && *before ? before : NULL};
    char *value = pki_copy("LD_PRELOAD=");
    for (size_t i = 0; i < 3; i++) {
        if (parts[i]) {
            bool joined = value[strlen("LD_PRELOAD=")] != '\0';
            char *longer = pki_format("%s%s%s", value, joined ? ":" : "", parts[i]);
            free(value);
            value = longer;
        }
    }
    while (environ[n]) {
        n++;
    }
    char **out = pki_grow(NULL, n + 3, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(environ[i], "LD_PRELOAD=", strlen("LD_PRELOAD=")) != 0) {
            out[kept++] = environ[i];
        }
    }
    if (value[strlen("LD_PRELOAD=")]) {
        out[kept++] = value;
    } else {
        free(value);
    }
    if (extra) {
        out[kept++] = pki_copy(extra);
    }
    out[kept] = NULL;
    return out;
}
