/* SPDX-License-Identifier: MIT
 * message.c: messages, and memory that is either there or the end.
 */
#include "tool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list arguments,
                                                      const char *tail)
{
    fflush(stdout);
    fputs("poolkit: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs(tail, stderr);
}

void pki_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments, "\n");
    va_end(arguments);
}

int pki_fail(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments, "\n");
    va_end(arguments);
    return code;
}

int pki_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments, " (see `poolkit --help`)\n");
    va_end(arguments);
    return PKI_EXIT_OWN;
}

void *pki_grow(void *old, size_t n, size_t each)
{
    void *fresh = each && n > SIZE_MAX / each ? NULL : realloc(old, n * each);
    if (!fresh) {
        exit(pki_fail(PKI_EXIT_OWN, "out of memory"));
    }
    return fresh;
}

char *pki_copy(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(pki_grow(NULL, bytes, 1), text, bytes);
}

char *pki_format(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int n = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (n < 0) {
        exit(pki_fail(PKI_EXIT_OWN, "out of memory"));
    }
    return text;
}

const char *pki_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
