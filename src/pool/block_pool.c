/* SPDX-License-Identifier: MIT
 * block_pool.c: alloc and free beyond the inline paths: the stack is filled from the slabs, grows, or
 * is half emptied into them. Its life and its memory are in
 * block_pool_life.c. */
#include <string.h>

#include "base/attr.h"
#include "os/error.h"
#include "os/watch.h"
#include "pool/block_pool_internal.h"
#include "slab/fault.h"

/* Bounds the stack at 64 KiB, of which a half is filled or emptied at once. */
enum { STACK_MAX = 8191 };

/* ---- callbacks ---- */

/* While one runs, the stack is closed: what it tries with the pool comes to the slow paths. */
static void enter_callback(pk_block_pool *pool, pk_block_pool *kept)
{
    *kept = *pool;
    pool->ext->in_callback = true;
    pool->top = pool->end = pool->ext->closed_slots + 1;
}

static void leave_callback(pk_block_pool *pool, const pk_block_pool *kept)
{
    *pool = *kept;
    pool->ext->in_callback = false;
}

bool pki_block_construct(pk_block_pool *pool, void *block)
{
    pk_block_pool_ext *ext = pool->ext;
    if (ext->opts.construct == NULL) {
        return true;
    }
    pk_block_pool kept;
    enter_callback(pool, &kept);
    pki_watch_show(block, ext->usable, false);
    bool made = ext->opts.construct(block, ext->opts.object_arg);
    pki_watch_hide(block, ext->usable);
    leave_callback(pool, &kept);
    return made;
}

void pki_block_destroy(pk_block_pool *pool, void *block)
{
    pk_block_pool_ext *ext = pool->ext;
    if (ext->opts.destroy != NULL) {
        pk_block_pool kept;
        enter_callback(pool, &kept);
        pki_watch_show(block, ext->usable, true);
        ext->opts.destroy(block, ext->opts.object_arg);
        leave_callback(pool, &kept);
    }
}

/* ---- blocks from slabs ---- */

/* The blocks of a slab that are taken next are fresh: never handed out, never constructed. */
static bool next_is_fresh(const pki_slab *slab) { return slab->fresh == slab->used; }

/* A slab with objects that are built, if there is one. Slabs with room that have none are few: those of
 * new chunks. */
static pki_slab *prefer_built(pki_slab *first)
{
    pki_slab *slab = first;
    while (slab != NULL && next_is_fresh(slab)) {
        slab = slab->next;
    }
    return slab != NULL ? slab : first;
}

/* A slab with room, its chunk taken from the source if need be. NULL: *why. */
static pki_slab *slab_with_room(pk_block_pool_ext *ext, pk_status *why)
{
    *why = ext->used >= ext->opts.max_blocks ? PK_ELIMIT
           : ext->with_room == NULL          ? pki_block_chunk_add(ext)
                                             : PK_OK;
    if (*why != PK_OK) {
        return NULL;
    }
    return ext->opts.construct == NULL ? ext->with_room : prefer_built(ext->with_room);
}

static void take_blocks(pk_block_pool_ext *ext, pki_slab *slab, void **out, unsigned n)
{
    unsigned fresh;
    ext->used += pki_slab_take(slab, out, n, &fresh);
    if (!pki_slab_has_room(slab)) {
        pki_slab_list_remove(&ext->with_room, slab);
    }
}

/* How many blocks to take at once. Objects that were never built are built one by one, so that
 * nobody waits for others' construction. */
static unsigned batch(const pk_block_pool_ext *ext, const pki_slab *slab)
{
    size_t freed = slab->fresh - slab->used;
    size_t room = ext->opts.construct == NULL ? slab->capacity - slab->used : pki_max(freed, 1);
    size_t n = ext->closed ? 1 : (ext->stack_capacity + 1) / 2;
    return (unsigned)pki_min(pki_min(n, room), ext->opts.max_blocks - ext->used);
}

bool pki_block_construct_next(pk_block_pool *pool, pki_slab *slab)
{
    void *block = slab->base + (size_t)slab->fresh * slab->block_size;
    if (!pki_block_construct(pool, block)) {
        return false;
    }
    slab->fresh++;
    slab->used++;
    pki_slab_put(slab, block, PKI_WAS_IDLE);
    return true;
}

/* What the program gets to see of a block in a closed pool. */
static void *hand_out(pk_block_pool_ext *ext, const pki_slab *slab, void *block, bool is_zero)
{
    const pki_block_chunk *chunk = (const pki_block_chunk *)(const void *)slab;
    bool zero = (ext->opts.flags & PK_ZERO) != 0;
    if (chunk->generation != NULL) {
        ext->generation += ext->generation == UINT32_MAX ? 2 : 1; /* never 0 */
        chunk->generation[pki_slab_block_number(slab, block)] = ext->generation;
    }
    pki_watch_alloc(ext, block, ext->usable, zero || ext->opts.construct != NULL);
    return zero && !is_zero ? memset(block, 0, ext->usable) : block;
}

/* One block; in an open pool, which has an empty stack, more are put there. NULL: *why. */
static void *alloc_one(pk_block_pool *pool, pk_status *why)
{
    pk_block_pool_ext *ext = pool->ext;
    pki_slab *slab = slab_with_room(ext, why);
    if (slab == NULL) {
        return NULL;
    }
    bool is_zero = next_is_fresh(slab) && slab->zero;
    if (next_is_fresh(slab) && ext->opts.construct != NULL &&
        !pki_block_construct_next(pool, slab)) {
        *why = PK_ESYS;
        return NULL;
    }
    unsigned n = batch(ext, slab);
    if (ext->closed) {
        void *block;
        take_blocks(ext, slab, &block, 1);
        return hand_out(ext, slab, block, is_zero);
    }
    take_blocks(ext, slab, ext->base, n);
    pool->top = ext->base + n - 1;
    return *pool->top;
}

/* Was this called by the callback? It may have left by a longjmp instead of its end: then what is called
 * later stands above it on the stack. */
static bool is_asking(const pk_block_pool_ext *ext)
{
    return ext->asking != NULL && (uintptr_t)PKI_FRAME < (uintptr_t)ext->asking;
}

/* Whether the user's callback wants the allocation tried again. It may do with the pool whatever does
 * not allocate, end it too, and need not return. */
static PKI_NOINLINE bool ask_for_memory(pk_block_pool *pool, pk_status *why)
{
    pk_block_pool_ext *ext = pool->ext;
    if ((*why != PK_ENOMEM && *why != PK_ELIMIT) || ext->opts.on_oom == NULL) {
        return false;
    }
    if (is_asking(ext)) {
        *why = PK_EBUSY;
        return false;
    }
    ext->asking = PKI_FRAME;
    bool again = ext->opts.on_oom(ext->opts.oom_arg, ext->stride, *why);
    if (pool->ext != NULL) {
        pool->ext->asking = NULL;
    }
    return again;
}

PKI_NOINLINE void *pk_block_pool_alloc_slow(pk_block_pool *pool)
{
    pk_status why;
    void *block;
    do {
        if (pool->ext == NULL || pool->ext->in_callback) { /* the callback may have ended it */
            return pki_os_fail(pool->ext == NULL ? PK_EINVAL : PK_EBUSY);
        }
        block = pool->top[-1]; /* the callback may have freed some */
        if (block != NULL) {
            pool->top--;
            return block;
        }
        block = alloc_one(pool, &why);
    } while (block == NULL && ask_for_memory(pool, &why));
    if (block != NULL) {
        pool->ext->asking = NULL;
        return block;
    }
    return why == PK_ESYS ? NULL : pki_os_fail(why);
}

/* ---- blocks to slabs ---- */

/* The handler, too, finds the stack closed. */
static void report(pk_block_pool *pool, pk_fault_kind kind, const void *p)
{
    pk_block_pool kept;
    enter_callback(pool, &kept);
    pki_fault_tell(
        &(pki_fault){.kind = kind,
                     .pool_name = pool->ext->opts.name,
                     .ptr = p,
                     .other = kind == PK_FAULT_OTHER_POOL ? "another pool, or to none" : NULL});
    leave_callback(pool, &kept);
}

static void report_bad_free(pk_block_pool *pool, const pki_block_chunk *chunk,
                            pki_put_result result, const void *p)
{
    report(pool,
           chunk == NULL                    ? PK_FAULT_OTHER_POOL
           : result == PKI_PUT_FREE_ALREADY ? PK_FAULT_DOUBLE_FREE
                                            : PK_FAULT_NOT_A_BLOCK,
           p);
}

static void release_if_not_kept(pk_block_pool *pool, pki_block_chunk *chunk)
{
    pk_block_pool_ext *ext = pool->ext;
    size_t free_elsewhere = ext->capacity - ext->used - chunk->slab.capacity;
    if (ext->opts.keep != 0 && free_elsewhere >= ext->opts.keep && chunk != ext->fixed) {
        pki_block_chunk_release(pool, chunk);
    }
}

/* Puts one block to its slab; faults are reported. */
static void put_home(pk_block_pool *pool, void *block)
{
    pk_block_pool_ext *ext = pool->ext;
    pki_block_chunk *chunk = pki_block_chunk_of(ext, block);
    pki_put_result result =
        chunk == NULL ? PKI_PUT_NOT_A_BLOCK : pki_slab_put(&chunk->slab, block, PKI_WAS_IDLE);
    if (pki_unlikely(result != PKI_PUT_DONE)) {
        report_bad_free(pool, chunk, result, block);
        return;
    }
    ext->used--;
    if (chunk->generation != NULL) {
        chunk->generation[pki_slab_block_number(&chunk->slab, block)] = 0;
    }
    if (ext->closed) {
        pki_watch_free(ext, block, ext->usable);
    }
    if (!chunk->slab.listed) {
        pki_slab_list_add(&ext->with_room, &chunk->slab);
    }
    if (chunk->slab.used == 0) {
        release_if_not_kept(pool, chunk);
    }
}

/* Sends the `n` oldest blocks of the stack home. The stack is whole whenever `put_home` runs: a fault's
 * handler, or a destructor, may look at the pool. */
static void flush_pool_stack(pk_block_pool *pool, size_t n)
{
    pk_block_pool_ext *ext = pool->ext;
    for (size_t i = 0; i < n; i++) {
        put_home(pool, ext->base[i]);
    }
    size_t rest = (size_t)(pool->top - ext->base) - n;
    memmove(ext->base, ext->base + n, rest * sizeof *ext->base);
    pool->top = ext->base + rest;
}

void pki_block_flush(pk_block_pool *pool)
{
    if (!pool->ext->closed && !pool->ext->in_callback) {
        flush_pool_stack(pool, (size_t)(pool->top - pool->ext->base));
    }
}

/* A burst of frees lets the stack grow to four times its size. The first one lies in the record. Not in
 * a pool with a limit: how many blocks fit in it must not depend on what was freed before. */
static bool grow_pool_stack(pk_block_pool *pool)
{
    pk_block_pool_ext *ext = pool->ext;
    size_t slots = ((size_t)ext->stack_capacity + 1) * 4;
    if (!ext->grows || ext->opts.limit != SIZE_MAX || ext->stack_capacity >= STACK_MAX) {
        return false;
    }
    slots = pki_min(slots, STACK_MAX + 1);
    bool zero;
    pk_status why;
    void **memory = pki_block_map(ext, slots * sizeof *memory, PK_ALIGN, &zero, &why);
    if (memory == NULL) {
        return false;
    }
    size_t n = (size_t)(pool->top - ext->base);
    memory[0] = NULL;
    memcpy(memory + 1, ext->base, n * sizeof *memory);
    if (ext->stack_mapped) {
        pki_block_unmap(ext, ext->base - 1, (ext->stack_capacity + 1) * sizeof *memory);
    }
    ext->stack_mapped = true;
    ext->base = memory + 1;
    ext->stack_capacity = (uint32_t)(slots - 1);
    pool->top = ext->base + n;
    pool->end = ext->base + ext->stack_capacity;
    return true;
}

PKI_NOINLINE void pk_block_pool_free_slow(pk_block_pool *pool, void *block)
{
    pk_block_pool_ext *ext = pool->ext;
    if (ext == NULL) {
        pki_fault_report(PK_FAULT_ENDED, "block pool", block);
        return;
    }
    if (ext->in_callback) {
        pki_fault_report(PK_FAULT_BUSY, ext->opts.name, block);
        return;
    }
    int error = pki_os_error();
    if (ext->closed) {
        put_home(pool, block);
    } else {
        if (!grow_pool_stack(pool)) {
            flush_pool_stack(pool, (ext->stack_capacity + 1) / 2);
        }
        *pool->top++ = block;
    }
    pki_os_set_error(error);
}

/* ---- many at once ---- */

size_t pk_block_pool_alloc_n(pk_block_pool *pool, void **out, size_t n, size_t at_least)
{
    size_t got = 0;
    if (at_least > n) {
        pki_os_fail(PK_EINVAL);
        return 0;
    }
    while (got < n && (out[got] = pk_block_pool_alloc(pool)) != NULL) {
        got++;
    }
    if (got < at_least) {
        pk_block_pool_free_n(pool, out, got);
        return 0;
    }
    return got;
}

void pk_block_pool_free_n(pk_block_pool *pool, void *const *blocks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pk_block_pool_free(pool, blocks[i]);
    }
}
