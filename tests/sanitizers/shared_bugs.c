/* SPDX-License-Identifier: MIT
 * shared_bugs.c: programs with one bug each on a shared pool, for asan.sh and valgrind.sh. */
#include "bugs.h"

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

int main(int argc, char **argv)
{
    static const bug_case cases[] = {
        {"after_free_per_thread", after_free_per_thread},
        {"after_free_locked", after_free_locked},
    };
    return run_bug(argc, argv, cases, sizeof cases / sizeof *cases);
}
