/* SPDX-License-Identifier: MIT
 * shared_bugs.c: programs with one bug each on a shared pool or a heap, for asan.sh and valgrind.sh. */
#include "bugs.h"

#include <poolkit/heap.h>
#include <poolkit/shared_pool.h>

static void use_freed(bool bug, pk_threading threading)
{
    pk_shared_pool *pool;
    pk_block_pool_opts opts = {.block_size = 40};
    if (pk_shared_pool_create(&pool, &opts, threading) != PK_OK) {
        return;
    }
    char *one = pk_shared_pool_alloc(pool), *other = pk_shared_pool_alloc(pool);
    pk_shared_pool_free(one);
    write_byte(bug ? one : other);
    (void)pk_shared_pool_destroy(pool);
}

static void after_free_per_thread(bool bug) { use_freed(bug, PK_PER_THREAD); }

static void after_free_locked(bool bug) { use_freed(bug, PK_LOCKED); }

static void after_end_of_block(bool bug)
{
    pk_shared_pool *pool;
    pk_block_pool_opts opts = {.block_size = 48};
    if (pk_shared_pool_create(&pool, &opts, PK_PER_THREAD) != PK_OK) {
        return;
    }
    char *p = pk_shared_pool_alloc(pool);
    write_byte(p + (bug ? 48 : 47));
    (void)pk_shared_pool_destroy(pool);
}

static void heap_use_freed(bool bug, size_t n)
{
    pk_heap *heap;
    if (pk_heap_create(&heap, NULL) != PK_OK) {
        return;
    }
    char *one = pk_heap_alloc(heap, n), *other = pk_heap_alloc(heap, n);
    pk_heap_free(one);
    write_byte(bug ? one : other);
    pk_heap_destroy(heap);
}

static void heap_after_free(bool bug) { heap_use_freed(bug, 100); }

static void heap_after_free_of_run(bool bug) { heap_use_freed(bug, 100000); }

static void heap_after_free_of_large(bool bug) { heap_use_freed(bug, 3000000); }

static void heap_overflow(bool bug)
{
    static const size_t sizes[] = {1, 112, 2000, 50000, 2000000};
    pk_heap *heap;
    if (pk_heap_create(&heap, NULL) != PK_OK) {
        return;
    }
    for (unsigned i = 0; i < 5; i++) {
        char *p = pk_heap_zalloc(heap, sizes[i]);
        read_byte(p + sizes[i] - 1);
        p = pk_heap_realloc(heap, p, sizes[i] * 3);
        write_byte(p + pk_heap_usable(p) - (bug ? 0 : 1));
        if (i % 2 == 0) {
            pk_heap_free(p);
        }
    }
    pk_heap_destroy(heap);
}

int main(int argc, char **argv)
{
    static const bug_case cases[] = {
        {"after_free_per_thread", after_free_per_thread},
        {"after_free_locked", after_free_locked},
        {"after_end_of_block", after_end_of_block},
        {"heap_after_free", heap_after_free},
        {"heap_after_free_of_run", heap_after_free_of_run},
        {"heap_after_free_of_large", heap_after_free_of_large},
        {"heap_overflow", heap_overflow},
    };
    return run_bug(argc, argv, cases, sizeof cases / sizeof *cases);
}
