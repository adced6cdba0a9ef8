/* SPDX-License-Identifier: MIT
 * block_pool_alloc.c: a block pool as an allocator, and as a pool of typed objects. */
#include <poolkit/object_pool.h>

#include "os/error.h"
#include "pool/block_pool_internal.h"
#include "slab/fault.h"

static bool fits(const pk_block_pool *pool, size_t n, size_t align)
{
    return pool->ext != NULL && n <= pool->ext->usable && pki_is_power_of_two(align) &&
           align <= pool->ext->opts.align;
}

static void *alloc_in_pool(void *ctx, size_t n, size_t align)
{
    pk_block_pool *pool = ctx;
    return fits(pool, n, align) ? pk_block_pool_alloc(pool) : pki_os_fail(PK_EINVAL);
}

static bool resize_in_pool(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    (void)p;
    (void)old_n;
    return fits(ctx, new_n, align);
}

static void release_in_pool(void *ctx, void *p, size_t n, size_t align)
{
    pk_block_pool *pool = ctx;
    if (pool->ext != NULL && !fits(pool, n, align)) {
        pki_fault_report(PK_FAULT_WRONG_SIZE, pool->ext->opts.name, p);
        return;
    }
    pk_block_pool_free(pool, p);
}

pk_allocator pk_block_pool_as_alloc(pk_block_pool *pool)
{
    static const pk_allocator_ops ops = {.size = sizeof ops,
                                         .alloc = alloc_in_pool,
                                         .resize = resize_in_pool,
                                         .free = release_in_pool};
    return (pk_allocator){&ops, pool};
}

pk_status pk_object_pool_init(pk_block_pool *pool, const pk_block_pool_opts *opts, size_t size,
                              size_t align, const char *name)
{
    pk_block_pool_opts full;
    if (!pki_take_options(&full, sizeof full, opts) ||
        (full.align != 0 && !pki_is_power_of_two(full.align))) {
        return pk_block_pool_init(pool, NULL); /* refuses, in its own way */
    }
    full.size = sizeof full;
    full.block_size = pki_max(full.block_size, size);
    full.align = pki_max(full.align, align);
    full.name = full.name == NULL ? name : full.name;
    return pk_block_pool_init(pool, &full);
}
