/* SPDX-License-Identifier: MIT
 * pinning.c: a cache and the blocks of queries that pin each other's pages, as in a database.
 *
 * Each query takes many blocks of about one size and frees them at its end; now and then it leaves
 * an entry in a cache. With malloc the entries stand between the blocks: when the query is done,
 * each hole is as long as the blocks between two entries. The next kind of query wants blocks that
 * are longer than the holes, so none of the memory serves it again.
 *
 * -DWITH_POOL: the cache's entries come from a block pool, as `poolkit advise` says.
 */
#include <stdlib.h>
#include <string.h>

#ifdef WITH_POOL
#include <poolkit/block_pool.h>
static pk_block_pool entries;
#endif

enum { KINDS = 4, BLOCKS = 240000, ENTRY_EVERY = 6, READINGS = 20, LINE = 64 };

struct entry {
    struct entry *next;
    char text[88];
};

static struct entry *cache;

__attribute__((noinline)) static struct entry *new_entry(void)
{
#ifdef WITH_POOL
    return pk_block_pool_alloc(&entries);
#else
    return malloc(sizeof(struct entry));
#endif
}

__attribute__((noinline)) static void remember(int i)
{
    struct entry *entry = new_entry();
    if (!entry) {
        exit(1);
    }
    memset(entry->text, i, sizeof entry->text);
    entry->next = cache;
    cache = entry;
}

/* The query's work. */
static void read_again(void *const *blocks, int n, size_t size)
{
    volatile unsigned sum = 0;
    for (int k = 0; k < READINGS; k++) {
        for (int i = 0; i < n; i++) {
            for (size_t at = 0; at < size; at += LINE) {
                sum += ((const unsigned char *)blocks[i])[at];
            }
        }
    }
}

__attribute__((noinline)) static void query(int kind)
{
    static void *blocks[BLOCKS];
    size_t size = (size_t)96 << kind;
    int n = BLOCKS >> kind;
    for (int i = 0; i < n; i++) {
        blocks[i] = malloc(size);
        if (!blocks[i]) {
            exit(1);
        }
        memset(blocks[i], i, size);
        if (i % ENTRY_EVERY == 0) {
            remember(i);
        }
    }
    read_again(blocks, n, size);
    for (int i = 0; i < n; i++) {
        free(blocks[i]);
    }
}

int main(void)
{
#ifdef WITH_POOL
    if (pk_block_pool_init(&entries, &(pk_block_pool_opts){.block_size = sizeof(struct entry)}) !=
        PK_OK) {
        return 1;
    }
#endif
    for (int kind = 0; kind < KINDS; kind++) {
        query(kind);
    }
    size_t n = 0;
    for (struct entry *entry = cache; entry; entry = entry->next) {
        n++;
    }
    return n == 0;
}
