/* SPDX-License-Identifier: MIT
 * pools.c: what else there is without an operating system, linked with start.c and the library alone:
 * a pool without memory, pools on one buffer, references, faults, the audit. Ends with the number of
 * the first check that failed. */
#include <poolkit/fault.h>
#include <poolkit/object_pool.h>

int main(void);
void pk_write_error(const char *text, size_t size);

typedef struct {
    uint32_t id;
    uint64_t value;
} item;

PK_OBJECT_POOL(items, item)

static _Alignas(64) unsigned char memory[65536];
static pk_fault_kind last_fault;

static void on_fault(const pk_fault *fault, void *arg)
{
    (void)arg;
    last_fault = fault->kind;
}

/* The hook for messages; the handler above leaves it nothing to do. */
void pk_write_error(const char *text, size_t size) { (void)text, (void)size; }

static int no_memory(void)
{
    pk_block_pool pool;
    pk_block_pool_opts opts = {.block_size = 32, .name = "none"};
    bool refused = pk_block_pool_init(&pool, &opts) == PK_ENOMEM;
    return refused && pk_block_pool_alloc(&pool) == NULL ? 0 : 1;
}

/* Three chunks' worth of items on a buffer source, all of them found by reference, then gone. */
static int references(pk_page_source source)
{
    enum { N = 300 };
    static items_ref ref[N];
    items pool;
    if (items_init(&pool, &(pk_block_pool_opts){
                              .source = source, .per_chunk = N / 3, .flags = PK_HANDLES}) != PK_OK)
        return 2;
    for (uint32_t i = 0; i < N; i++) {
        item *x = items_new(&pool);
        if (x == NULL) return 3;
        *x = (item){i, (uint64_t)i << 33};
        ref[i] = items_ref_of(&pool, x);
    }
    for (uint32_t i = 0; i < N; i += 2) items_delete(&pool, items_get(&pool, ref[i]));
    for (uint32_t i = 0; i < N; i++) {
        const item *x = items_get(&pool, ref[i]);
        if (i % 2 == 0 ? x != NULL : x == NULL || x->value >> 33 != i) return 4;
    }
    uint32_t n = 0;
    for (item *x = NULL; (x = items_next(&pool, x)) != NULL;) n++;
    if (n != N / 2 || pk_block_pool_audit(&pool.pool, NULL, 0) != 0) return 5;
    return items_fini(&pool) == N / 2 ? 0 : 6;
}

static int faults(pk_page_source source)
{
    pk_block_pool pool;
    pk_block_pool_opts opts = {
        .block_size = 24, .per_chunk = 50, .source = source, .flags = PK_CHECKED};
    if (pk_block_pool_init(&pool, &opts) != PK_OK) return 7;
    pk_on_fault(on_fault, NULL);
    char *block = pk_block_pool_alloc(&pool);
    if (block == NULL) return 8;
    pk_block_pool_free(&pool, block + 1);
    if (last_fault != PK_FAULT_NOT_A_BLOCK) return 9;
    pk_block_pool_free(&pool, block);
    pk_block_pool_free(&pool, block);
    return last_fault == PK_FAULT_DOUBLE_FREE && pk_block_pool_fini(&pool) == 0 ? 0 : 10;
}

int main(void)
{
    pk_buffer_source buffer;
    pk_page_source source = pk_buffer_pages(&buffer, memory, sizeof memory);
    int failed = no_memory();
    failed = failed != 0 ? failed : references(source);
    return failed != 0 ? failed : faults(source);
}
