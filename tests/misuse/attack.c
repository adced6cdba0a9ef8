/* SPDX-License-Identifier: MIT
 * attack.c: runs one attack: attack NAME SIZE, or lists them: attack. See attack.h. */
#include "attack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *p;
    size_t n;
} range;

enum { RANGES_MAX = 64, LOOKS_MAX = 3000 };

static range in_use[RANGES_MAX], unwanted[RANGES_MAX];
static size_t n_in_use, n_unwanted;

_Noreturn void verdict(int code) { _exit(code); }

void *unknown(void *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

void *block(size_t size, int fill)
{
    void *p = malloc(size);
    if (p == NULL) {
        verdict(NOT_POSSIBLE);
    }
    return unknown(memset(p, fill, size));
}

void keep_in_use(void *p, size_t n) { in_use[n_in_use++] = (range){p, n}; }

void never_hand_out(const void *p, size_t n) { unwanted[n_unwanted++] = (range){p, n}; }

static int overlaps(const range *list, size_t n, const char *p, size_t size)
{
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        found |= p < list[i].p + list[i].n && list[i].p < p + size;
    }
    return found;
}

static int by_address(const void *a, const void *b)
{
    const range *x = a, *y = b;
    return x->p < y->p ? -1 : x->p > y->p;
}

void look_for_harm(size_t size)
{
    static range got[LOOKS_MAX];
    size_t n = size > 4096 ? 60 : LOOKS_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t length = i % 16 == 15 ? size + 24 : size;
        got[i] = (range){block(length, (int)i & 0x7F), length};
        if (overlaps(in_use, n_in_use, got[i].p, length) ||
            overlaps(unwanted, n_unwanted, got[i].p, length)) {
            verdict(EXPLOITABLE);
        }
    }
    qsort(got, n, sizeof *got, by_address);
    for (size_t i = 1; i < n; i++) {
        if (got[i - 1].p + got[i - 1].n > got[i].p) {
            verdict(EXPLOITABLE);
        }
    }
}

static const attack *const all[] = {attacks_free, attacks_write, attacks_cxx};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (const attack *a = all[i]; a->name != NULL; a++) {
            if (argc < 3) {
                printf("%s\t%s\n", a->name, a->kind);
            } else if (strcmp(a->name, argv[1]) == 0) {
                alarm(20); /* a hang is none of the verdicts */
                a->run(strtoul(argv[2], NULL, 10));
                verdict(HARMLESS);
            }
        }
    }
    return argc < 3 ? 0 : 2;
}
