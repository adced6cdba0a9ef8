/* SPDX-License-Identifier: MIT
 * arena_limit.c: the limit: a pointer moved through one mapping that is there before. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

struct arena {
    char *ptr, *end;
};

static char *memory;
static const size_t memory_size = (size_t)512 << 20;

static inline void arena_reset(struct arena *arena)
{
    arena->ptr = memory;
    arena->end = memory + memory_size;
}

static inline void arena_open(struct arena *arena)
{
    if (memory == NULL) {
        memory = (char *)mmap(NULL, memory_size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    arena_reset(arena);
}

static inline void *arena_get(struct arena *arena, size_t n)
{
    char *block = arena->ptr;
    n = (n + 15) & ~(size_t)15;
    if (n > (size_t)(arena->end - block)) {
        abort();
    }
    arena->ptr = block + n;
    return block;
}

static inline void arena_close(struct arena *arena) { (void)arena; }

#include "arena.h"
