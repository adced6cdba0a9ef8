/* SPDX-License-Identifier: MIT
 * poolkit_memory.c: the eight functions of sqlite3_mem_methods on a pk_heap.
 *
 * SQLite calls them from any thread, which a heap allows. Its sizes are ints and above 0. It asks
 * for the size of blocks often, so that it can add up what it uses: pk_heap_usable finds it without
 * a header in front of the block.
 */
#include "poolkit_memory.h"

static pk_heap *heap;

static void *take(int n) { return pk_heap_alloc(heap, (size_t)n); }

static void *change(void *p, int n) { return pk_heap_realloc(heap, p, (size_t)n); }

static int size_of(void *p) { return (int)pk_heap_usable(p); }

/* SQLite needs a multiple of 8 and rounds by itself no further. What the heap adds beyond that is
 * told by size_of. */
static int round_up(int n) { return (n + 7) & ~7; }

static int begin(void *opts)
{
    return pk_heap_create(&heap, opts) == PK_OK ? SQLITE_OK : SQLITE_NOMEM;
}

/* Whatever a program has forgotten to close or to free goes with the heap. */
static void end(void *opts)
{
    (void)opts;
    pk_heap_destroy(heap);
    heap = NULL;
}

int poolkit_memory_use(size_t limit)
{
    static pk_heap_opts opts = {.name = "sqlite"};
    opts.limit = limit;
    const sqlite3_mem_methods methods = {take,     pk_heap_free, change, size_of,
                                         round_up, begin,        end,    &opts};
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

pk_heap *poolkit_memory_heap(void) { return heap; }
