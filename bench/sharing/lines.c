/* SPDX-License-Identifier: MIT
 * lines.c MARKS: counts how often a cache line goes from one thread's cache to another's.
 *
 * Standard input: every load and store of the program `turns`, as valgrind's lackey prints them
 * (" L 1ffeffe7e,8", " S ...", " M ..." for both). Each thread has a cache of its own that never
 * loses a line but by another thread's store, as in the MESI protocol: so every transfer that is
 * counted is sharing, none comes of a cache that was too small.
 *
 *   a load of a line that others have and this thread has not     one transfer
 *   a store to a line that another thread has as well             one transfer, and it is this one's
 *
 * Standard output: operations, and transfers during them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 64, THREADS_MOST = 64, START = 2 * THREADS_MOST };

struct line {
    uint64_t number;  /* address / LINE, 0 = this place is free */
    uint64_t holders; /* a bit per thread whose cache has it */
};

static struct line *table;
static size_t places = (size_t)1 << 16, used;
static uint64_t marks, operations, transfers;
static unsigned thread;
static bool inside, counting;

static void fail(const char *what)
{
    fprintf(stderr, "lines: %s\n", what);
    exit(1);
}

static struct line *place_of(struct line *in, size_t n, uint64_t number)
{
    size_t i = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (n - 1);
    while (in[i].number != 0 && in[i].number != number) {
        i = (i + 1) & (n - 1);
    }
    return &in[i];
}

static void grow(void)
{
    struct line *larger = calloc(2 * places, sizeof *larger);
    if (!larger) {
        fail("no memory");
    }
    for (size_t i = 0; i < places; i++) {
        if (table[i].number != 0) {
            *place_of(larger, 2 * places, table[i].number) = table[i];
        }
    }
    free(table);
    table = larger;
    places *= 2;
}

static struct line *line_of(uint64_t number)
{
    struct line *line = place_of(table, places, number);
    if (line->number == 0) {
        if (++used > places / 2) {
            grow();
            line = place_of(table, places, number);
        }
        line->number = number;
    }
    return line;
}

static void touch(uint64_t number, bool stores)
{
    struct line *line = line_of(number);
    uint64_t self = UINT64_C(1) << thread, others = line->holders & ~self;
    bool moves = others != 0 && (stores || (line->holders & self) == 0);
    transfers += moves && inside && counting;
    line->holders = stores ? self : line->holders | self;
}

/* A store to the array of marks says whose turn it is. */
static bool is_mark(uint64_t address)
{
    uint64_t mark = (address - marks) / LINE;
    if (address < marks || mark > START) {
        return false;
    }
    if (mark == START) {
        counting = true;
        return true;
    }
    thread = (unsigned)(mark / 2);
    inside = mark % 2 == 0;
    operations += inside && counting;
    return true;
}

int main(int argc, char **argv)
{
    char text[256];
    marks = argc == 2 ? strtoull(argv[1], NULL, 16) : 0;
    table = calloc(places, sizeof *table);
    if (!table || marks == 0) {
        fail("the address of the marks, and the trace on standard input");
    }
    while (fgets(text, sizeof text, stdin)) {
        if (text[0] != ' ' || !strchr("LSM", text[1])) {
            continue;
        }
        char *rest;
        uint64_t address = strtoull(text + 3, &rest, 16);
        uint64_t last = address + (*rest == ',' ? strtoull(rest + 1, NULL, 10) : 1) - 1;
        if (text[1] == 'S' && is_mark(address)) {
            continue;
        }
        for (uint64_t number = address / LINE; number <= last / LINE; number++) {
            touch(number, text[1] != 'L');
        }
    }
    printf("%llu %llu\n", (unsigned long long)operations, (unsigned long long)transfers);
    return operations == 0;
}
