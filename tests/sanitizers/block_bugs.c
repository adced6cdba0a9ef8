/* SPDX-License-Identifier: MIT
 * block_bugs.c: programs with one bug each on a block pool or an object pool, for asan.sh and
 * valgrind.sh. */
#include "bugs.h"

#include <poolkit/object_pool.h>

typedef struct {
    char byte[40];
} item;
PK_OBJECT_POOL(items, item)

static pk_block_pool pool;

static char *block_between(void)
{
    pk_block_pool_opts opts = {.block_size = 40};
    void *blocks[3];
    if (pk_block_pool_init(&pool, &opts) != PK_OK ||
        pk_block_pool_alloc_n(&pool, blocks, 3, 3) != 3) {
        return NULL;
    }
    return blocks[1];
}

static void after_free(bool bug)
{
    char *p = block_between();
    write_byte(p);
    pk_block_pool_free(&pool, p);
    if (bug) {
        write_byte(p);
    }
}

static void overflow(bool bug)
{
    char *p = block_between();
    write_byte(p + (bug ? 40 : 39));
}

static void after_fini(bool bug)
{
    char *p = block_between();
    write_byte(p);
    (void)pk_block_pool_fini(&pool);
    if (bug) {
        write_byte(p);
    }
}

static void after_delete(bool bug)
{
    items all;
    if (items_init(&all, NULL) != PK_OK) {
        return;
    }
    item *one = items_new(&all), *other = items_new(&all);
    items_delete(&all, one);
    write_byte(bug ? one->byte : other->byte);
    (void)items_fini(&all);
}

/* A buffer is the program's again after its pool, with blocks in use or without. */
static void buffer_again(bool bug)
{
    static char buffer[4096];
    pk_block_pool_opts opts = {.block_size = 40, .buffer = buffer, .buffer_size = sizeof buffer};
    for (int round = 0; round < 2; round++) {
        if (pk_block_pool_init(&pool, &opts) != PK_OK) {
            return;
        }
        char *used = pk_block_pool_alloc(&pool), *freed = pk_block_pool_alloc(&pool);
        write_byte(used);
        pk_block_pool_free(&pool, freed);
        if (bug) {
            write_byte(freed);
        }
        (void)pk_block_pool_fini(&pool);
        for (size_t i = 0; i < sizeof buffer; i++) {
            write_byte(&buffer[i]);
        }
    }
}

int main(int argc, char **argv)
{
    static const bug_case cases[] = {
        {"after_free", after_free},     {"overflow", overflow},         {"after_fini", after_fini},
        {"after_delete", after_delete}, {"buffer_again", buffer_again},
    };
    int status = run_bug(argc, argv, cases, sizeof cases / sizeof *cases);
    (void)pk_block_pool_fini(&pool);
    return status;
}
