/* SPDX-License-Identifier: MIT
 * block_dpdk.c: DPDK's mempool with a cache per thread, without huge pages. */
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <stdlib.h>

#include "object.h"

struct pool {
    struct rte_mempool *pool;
    size_t size;
};

static void construct(struct rte_mempool *pool, void *size, void *block, unsigned index)
{
    (void)pool, (void)index;
    if (*(size_t *)size == sizeof(struct object)) {
        construct_object(block, NULL);
    }
}

static void start_dpdk(void)
{
    static char arg[][24] = {
        "bench",          "--no-huge",           "-m", "512", "--no-pci", "-l", "0", "--no-shconf",
        "--no-telemetry", "--log-level=critical"};
    static char *args[sizeof arg / sizeof arg[0]];
    for (size_t i = 0; i < sizeof arg / sizeof arg[0]; i++) {
        args[i] = arg[i];
    }
    if (rte_eal_init(sizeof arg / sizeof arg[0], args) < 0) {
        abort();
    }
}

static inline void pool_open(struct pool *pool, size_t size, size_t most)
{
    start_dpdk();
    pool->size = size;
    pool->pool = rte_mempool_create("bench", (unsigned)most + 2048, (unsigned)size, 512, 0, NULL,
                                    NULL, construct, &pool->size, SOCKET_ID_ANY, 0);
    if (pool->pool == NULL) {
        abort();
    }
}

static inline void *pool_get(struct pool *pool)
{
    void *block = NULL;
    if (rte_mempool_get(pool->pool, &block) != 0) {
        abort();
    }
    return block;
}
static inline void pool_put(struct pool *pool, void *block) { rte_mempool_put(pool->pool, block); }
static inline void pool_close(struct pool *pool) { rte_mempool_free(pool->pool); }

#define POOL_KEEPS_STATE
#define POOL_THREAD_BEGIN(pool) ((void)(pool), (void)rte_thread_register())
#include "block.h"
