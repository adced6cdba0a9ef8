/* SPDX-License-Identifier: MIT
 * arena_bugs.c: programs with one bug each on an arena, for asan.sh and valgrind.sh. */
#include "bugs.h"

#include <poolkit/arena.h>

static pk_arena arena;

/* Blocks before and behind, so that the bug does not meet the chunk's edge. */
static char *block_between(size_t n)
{
    if (pk_arena_alloc(&arena, 24) == NULL) {
        return NULL;
    }
    char *p = pk_arena_alloc(&arena, n);
    return pk_arena_alloc(&arena, 24) == NULL ? NULL : p;
}

static void after_reset(bool bug)
{
    char *p = block_between(40);
    write_byte(p);
    pk_arena_reset(&arena);
    if (bug) {
        write_byte(p);
    }
}

static void overflow(bool bug)
{
    char *p = block_between(37);
    write_byte(p + (bug ? 37 : 36));
}

static void after_rewind(bool bug)
{
    char *kept = block_between(40);
    pk_mark mark = pk_arena_mark(&arena);
    char *gone = block_between(40);
    write_byte(gone);
    if (pk_arena_rewind(&arena, mark) == PK_OK) {
        write_byte(bug ? gone : kept);
    }
}

static void after_fini(bool bug)
{
    char *p = block_between(40);
    write_byte(p);
    pk_arena_fini(&arena);
    if (bug) {
        write_byte(p);
    }
}

static void underflow(bool bug)
{
    char *p = block_between(40);
    write_byte(p - (bug ? 1 : 0));
}

/* The first block of all: before it lies the arena's own record. */
static void underflow_of_first(bool bug)
{
    char *p = pk_arena_alloc(&arena, 40);
    write_byte(p - (bug ? 1 : 0));
}

static void never_allocated(bool bug)
{
    char *p = pk_arena_zalloc(&arena, 40);
    read_byte(p + (bug ? 1000 : 39));
}

static void shrunk(bool bug)
{
    char *p = pk_arena_alloc(&arena, 100);
    if (pk_arena_resize(&arena, p, 100, 20)) {
        write_byte(p + (bug ? 20 : 19));
    }
}

static void behind_text(bool bug)
{
    char *text = pk_arena_printf(&arena, "%d of %s", 7, "nine"); /* 9 characters and a NUL */
    read_byte(text + (bug ? 10 : 9));
}

int main(int argc, char **argv)
{
    static const bug_case cases[] = {
        {"after_reset", after_reset},
        {"overflow", overflow},
        {"after_rewind", after_rewind},
        {"after_fini", after_fini},
        {"underflow", underflow},
        {"underflow_of_first", underflow_of_first},
        {"never_allocated", never_allocated},
        {"shrunk", shrunk},
        {"behind_text", behind_text},
    };
    int status = run_bug(argc, argv, cases, sizeof cases / sizeof *cases);
    pk_arena_fini(&arena);
    return status;
}
