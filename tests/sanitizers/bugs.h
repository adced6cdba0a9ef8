/* SPDX-License-Identifier: MIT
 * bugs.h: a program that lists its bugs when called without arguments, and else runs one:
 * PROGRAM NAME does it wrong, PROGRAM NAME right does the same without the bug. */
#ifndef TEST_BUGS_H
#define TEST_BUGS_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    void (*run)(bool bug);
} bug_case;

/* Through volatile, or the compiler would see the bug, or drop the access. */
static inline void write_byte(char *p)
{
    volatile char *volatile at = p;
    *at = 'x';
}

static inline void read_byte(const char *p)
{
    const volatile char *volatile at = p;
    if (*at == 'y') {
        puts("y");
    }
}

static inline int run_bug(int argc, char **argv, const bug_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (argc < 2) {
            puts(cases[i].name);
        } else if (strcmp(argv[1], cases[i].name) == 0) {
            cases[i].run(argc < 3);
            return 0;
        }
    }
    return argc < 2 ? 0 : 2;
}

#endif /* TEST_BUGS_H */
