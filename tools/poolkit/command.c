/* SPDX-License-Identifier: MIT
 * command.c: finds the command and refuses, with the reason, those on which LD_PRELOAD would be
 * silently without effect: static programs, other processors, programs that gain privileges.
 */
#include "elffile.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_SCRIPTS 5

static bool is_program(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0;
}

/* As execvp does: a name with a slash is a path, others are looked up in PATH. A file that is
 * there but cannot be executed is remembered, to say so. */
static char *look_up(const char *command, bool *exists)
{
    *exists = false;
    if (strchr(command, '/')) {
        *exists = access(command, F_OK) == 0;
        return is_program(command) ? pki_copy(command) : NULL;
    }
    const char *list = getenv("PATH");
    for (const char *at = list ? list : "/usr/local/bin:/usr/bin:/bin"; *command && at;) {
        const char *end = strchrnul(at, ':');
        int length = (int)(end - at);
        char *path = pki_format("%.*s%s%s", length, at, length ? "/" : "./", command);
        if (is_program(path)) {
            return path;
        }
        struct stat about;
        *exists = *exists || (stat(path, &about) == 0 && S_ISREG(about.st_mode));
        free(path);
        at = *end ? end + 1 : NULL;
    }
    return NULL;
}

/* The dynamic linker ignores LD_PRELOAD (paths with a slash) when a program changes identity. */
static const char *privilege_of(const char *path)
{
    struct stat about;
    char capability[64];
    if (stat(path, &about) != 0) {
        return NULL;
    }
    if ((about.st_mode & S_ISUID) && about.st_uid != getuid()) {
        return "setuid";
    }
    if ((about.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && about.st_gid != getgid()) {
        return "setgid";
    }
    if (getuid() != 0 && getxattr(path, "security.capability", capability, sizeof capability) > 0) {
        return "given file capabilities";
    }
    return NULL;
}

static bool skip_word(char **at, char **word)
{
    *at += strspn(*at, " \t");
    *word = *at;
    *at += strcspn(*at, " \t\n");
    if (**at) {
        *(*at)++ = '\0';
    }
    return **word != '\0';
}

/* The interpreter of a script, looked up; NULL if the file is no #! script. `env NAME` counts as
 * NAME, because env hands the preloaded library on. */
static char *interpreter_of(const char *path)
{
    char line[512];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0) {
        close(fd);
    }
    if (n < 3 || line[0] != '#' || line[1] != '!') {
        return NULL;
    }
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    char *at = line + 2, *word, *next;
    if (!skip_word(&at, &word)) {
        return NULL;
    }
    if (strcmp(pki_base(word), "env") == 0) {
        while (skip_word(&at, &next)) {
            if (*next != '-' && !strchr(next, '=')) {
                bool exists;
                char *found = look_up(next, &exists);
                return found ? found : pki_copy(word);
            }
        }
    }
    return pki_copy(word);
}

static int check_elf(const char *command, const char *path, const char *shown, const pki_elf *elf)
{
    if (elf->kind == PKI_ELF_FOREIGN) {
        return pki_fail(PKI_EXIT_OWN,
                        "%s: %s is not a 64-bit program for this processor: a "
                        "library cannot be preloaded into it",
                        command, shown);
    }
    if (elf->kind == PKI_ELF_BROKEN) {
        return pki_fail(PKI_EXIT_OWN, "%s: %s is a damaged ELF file", command, shown);
    }
    if (elf->kind == PKI_ELF_OURS && !elf->loader[0]) {
        return pki_fail(PKI_EXIT_OWN,
                        "%s: %s is statically linked: its malloc cannot be replaced "
                        "from outside",
                        command, shown);
    }
    if (elf->kind == PKI_ELF_OURS && strstr(elf->loader, "musl")) {
        return pki_fail(PKI_EXIT_OWN, "%s: %s uses another C library (%s)", command, shown,
                        elf->loader);
    }
    const char *privilege = privilege_of(path);
    if (privilege && elf->kind == PKI_ELF_OURS) {
        return pki_fail(PKI_EXIT_OWN, "%s: %s is %s: the system ignores LD_PRELOAD for it", command,
                        shown, privilege);
    }
    return 0;
}

static int check(const char *command, const char *path)
{
    char *at = pki_copy(path);
    int code = 0;
    for (int depth = 0; code == 0 && depth < MAX_SCRIPTS; depth++) {
        pki_elf elf;
        if (!pki_elf_read(at, &elf)) {
            if (depth > 0 && errno == ENOENT) {
                code = pki_fail(PKI_EXIT_NOT_FOUND, "%s: its interpreter %s is not there", command,
                                at);
            }
            break; /* executable but not readable: no way to look, so let it try */
        }
        char *shown = depth ? pki_format("its interpreter %s", at) : pki_copy("it");
        code = check_elf(command, at, shown, &elf);
        free(shown);
        char *next = elf.kind == PKI_ELF_NONE ? interpreter_of(at) : NULL;
        free(at);
        at = next;
        if (!at) {
            break;
        }
    }
    free(at);
    return code;
}

int pki_resolve(const char *command, char **path)
{
    bool exists;
    *path = look_up(command, &exists);
    if (!*path) {
        return exists ? pki_fail(PKI_EXIT_NOT_EXECUTABLE, "%s: not an executable file", command)
                      : pki_fail(PKI_EXIT_NOT_FOUND, "%s: command not found", command);
    }
    int code = check(command, *path);
    if (code) {
        free(*path);
        *path = NULL;
    }
    return code;
}
