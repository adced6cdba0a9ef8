/* SPDX-License-Identifier: MIT
 * shared_pool.c: a block pool for many threads: a space of the slab layer with one class of blocks. How
 * threads share a space is told in src/slab/owner.h.
 *
 * Hot paths  alloc: the pool's serial number == that of the pool this thread used last ─► its owner's
 *            stack. free: chunk by mask ─► the same comparison ─► word == the owner's key ─► push.
 * Locked     every thread takes from, and gives to, the space's late owner under its lock.
 * Blocks above PKI_CLASS_MAX are runs or mappings of their own, under the space's lock. */
#include <errno.h>
#include <poolkit/shared_pool.h>
#include <string.h>

#include "base/bits.h"
#include "base/opts.h"
#include "os/error.h"
#include "os/pages.h"
#include "slab/fault.h"
#include "slab/meta.h"
#include "slab/place.h"
#include "slab/report.h"
#include "slab/watched.h"

enum { ALIGN_MAX = 65536 };

static const size_t block_size_max = (size_t)1 << 30;
static const uint64_t live_magic = UINT64_C(0x706f6f6c6b69746c);
static const uint64_t ended_magic = UINT64_C(0x706f6f6c6b697465);

struct pk_shared_pool {
    pki_space space; /* first: a space's address is its pool's */
    pki_class cls;
    pki_geometry geometry;
    uint64_t magic; /* outlives the pool, until the record is used for another one */
    size_t block_size;
    size_t room; /* for a block and, in a watched process, its gap */
    size_t align;
    bool locked;
    bool zero;
    pki_owner *late; /* of a locked pool */
    pk_oom_fn *on_oom;
    void *oom_arg;
};

/* ---- life ---- */

static bool are_possible_for(const pk_block_pool_opts *o, pk_threading threading)
{
    bool sizes = o->block_size > 0 && o->block_size <= block_size_max &&
                 (o->align == 0 || (pki_is_power_of_two(o->align) && o->align <= ALIGN_MAX));
    bool for_one_thread = o->buffer != NULL || o->buffer_size != 0 || o->per_chunk != 0 ||
                          o->keep != 0 || o->construct != NULL || o->destroy != NULL ||
                          o->object_arg != NULL;
    return sizes && !for_one_thread && (o->flags & ~(unsigned)PK_ZERO) == 0 &&
           (threading == PK_PER_THREAD || threading == PK_LOCKED);
}

static void fill_in(pk_shared_pool *pool, const pk_block_pool_opts *o, pk_threading threading)
{
    bool watched = pki_watched();
    pool->align = pki_max(o->align, PK_ALIGN);
    pool->block_size = pki_align_up(o->block_size, pool->align);
    if (pool->block_size > PKI_CLASS_MAX) {
        pool->block_size = pki_align_up(pool->block_size, pki_os_page_size());
    }
    pool->room = pki_align_up(pool->block_size + (watched ? PKI_WATCH_GAP : 0), pool->align);
    if (pool->room > PKI_CLASS_MAX) {
        pool->room = pki_align_up(pool->room, pki_os_page_size());
    }
    uint32_t in_slab = (uint32_t)pki_min(pool->room, PKI_CLASS_MAX);
    pool->cls = (pki_class)PKI_CLASS(in_slab);
    pool->geometry = (pki_geometry){&pool->cls, 1};
    pool->locked = threading == PK_LOCKED && !watched; /* else the late owner serves all anyway */
    pool->zero = (o->flags & PK_ZERO) != 0;
    pool->on_oom = o->on_oom;
    pool->oom_arg = o->oom_arg;
    pki_space_init(&pool->space, &pool->geometry, o->name == NULL ? "shared pool" : o->name,
                   o->limit == 0 ? SIZE_MAX : o->limit);
    pool->space.kind = PKI_SPACE_OF_POOL;
    pool->space.source = o->source;
    pool->space.blocks_max = o->max_blocks;
}

static void drop(pk_shared_pool *pool)
{
    pki_space_unregister(&pool->space);
    pki_owners_fini(&pool->space);
    pki_space_fini(&pool->space);
    pool->magic = ended_magic;
    pki_meta_free(pool, sizeof *pool);
}

pk_status pk_shared_pool_create(pk_shared_pool **out, const pk_block_pool_opts *opts,
                                pk_threading threading)
{
    pk_block_pool_opts o;
    if (out == NULL || !pki_take_options(&o, sizeof o, opts) || !are_possible_for(&o, threading)) {
        return PK_EINVAL;
    }
    pk_shared_pool *pool = pki_meta_alloc(sizeof *pool);
    if (pool == NULL) {
        return PK_ENOMEM;
    }
    fill_in(pool, &o, threading);
    if (!pki_space_register(&pool->space)) {
        pki_meta_free(pool, sizeof *pool);
        return PK_ENOMEM;
    }
    pki_space_watch(&pool->space, pool->block_size);
    if (pool->locked && (pool->late = pki_space_late_owner(&pool->space)) == NULL) {
        drop(pool);
        return PK_ENOMEM;
    }
    pool->magic = live_magic;
    *out = pool;
    return PK_OK;
}

static size_t count_live(pk_shared_pool *pool)
{
    pk_stats stats;
    pki_space_stats(&pool->space, &stats);
    return (size_t)stats.n_live;
}

static bool has_ended(const pk_shared_pool *pool)
{
    if (pool->magic == live_magic) {
        return false;
    }
    pki_fault_tell(&(pki_fault){
        .kind = PK_FAULT_ENDED, .pool_name = "shared pool", .ptr = pool, .call = "destroy"});
    return true;
}

size_t pk_shared_pool_destroy(pk_shared_pool *pool)
{
    if (pool == NULL || has_ended(pool)) {
        return 0;
    }
    int saved_errno = errno;
    size_t live = count_live(pool);
    drop(pool);
    errno = saved_errno;
    return live;
}

pk_status pk_shared_pool_destroy_if_empty(pk_shared_pool *pool)
{
    if (pool == NULL || has_ended(pool)) {
        return PK_OK;
    }
    if (count_live(pool) != 0) {
        return PK_EBUSY;
    }
    pk_shared_pool_destroy(pool);
    return PK_OK;
}

/* ---- blocks ---- */

/* Only threads of pools with a hot path remember them: the others see each call. */
static pki_owner *owner_of(pki_space *space)
{
    pk_shared_pool *pool = (pk_shared_pool *)space;
    if (pool->locked) {
        return NULL;
    }
    pki_owner *owner = pki_thread_owner(space);
    if (owner == NULL) {
        owner = pki_thread_attach(space);
    }
    if (owner != NULL && !pool->zero) {
        pki_this_thread.last = (pki_attachment){space->serial, owner};
    }
    return owner;
}

static void *alloc_small(pk_shared_pool *pool, bool *zero, pk_status *why)
{
    if (pool->locked) {
        return pki_owner_alloc_locked(pool->late, 0, pool->zero ? zero : NULL, why);
    }
    pki_owner *owner = owner_of(&pool->space);
    if (owner == NULL) {
        return pki_space_alloc_direct(&pool->space, 0, zero, why);
    }
    void *p = pki_bin_pop(pki_bins(owner));
    if (p == NULL) {
        p = pki_owner_refill(owner, 0, why);
    }
    *zero = pool->zero && pki_owner_pop_was_zero(owner, 0, p);
    return p;
}

static void *alloc_large(pk_shared_pool *pool, bool *zero, pk_status *why)
{
    if (pki_space_charge_blocks(&pool->space, 1) == 0) {
        *why = PK_ELIMIT;
        return NULL;
    }
    size_t size = pool->room;
    unsigned slabs = (unsigned)(pki_align_up(size, PKI_SLAB_SIZE) >> PKI_SLAB_SHIFT);
    void *p = size <= PKI_RUN_MAX
                  ? pki_space_take_run(&pool->space, slabs, size, zero, why)
                  : pki_space_take_large(&pool->space, size, pool->align, zero, why);
    if (p == NULL) {
        pki_space_uncharge_blocks(&pool->space, 1);
    }
    return p;
}

static void *alloc_any(pk_shared_pool *pool, bool *zero, pk_status *why)
{
    *zero = false;
    *why = PK_ENOMEM;
    return pool->room <= PKI_CLASS_MAX ? alloc_small(pool, zero, why)
                                       : alloc_large(pool, zero, why);
}

static PKI_NOINLINE void *alloc_slow(pk_shared_pool *pool)
{
    bool zero;
    pk_status why;
    void *p = alloc_any(pool, &zero, &why);
    bool again = p == NULL && why != PK_EBUSY;
    while (again) {
        pki_thread_trim(&pool->space, 0);
        p = alloc_any(pool, &zero, &why);
        again = p == NULL && why != PK_EBUSY && pool->on_oom != NULL &&
                pool->on_oom(pool->oom_arg, pool->block_size, why);
    }
    if (p == NULL) {
        errno = why == PK_EBUSY ? EDEADLK : ENOMEM;
    } else if (pool->zero && !zero) {
        memset(p, 0, pool->block_size);
    }
    return p;
}

static PKI_NOINLINE void *alloc_other(pk_shared_pool *pool)
{
    if (pool->locked && !pool->zero && pool->room <= PKI_CLASS_MAX) {
        pk_status why;
        void *p = pki_owner_alloc_locked(pool->late, 0, NULL, &why);
        if (pki_likely(p != NULL)) {
            return p;
        }
    }
    return alloc_slow(pool);
}

void *pk_shared_pool_alloc(pk_shared_pool *pool)
{
    const pki_attachment *last = &pki_this_thread.last;
    if (pki_likely(last->serial == pool->space.serial)) {
        void *p = pki_bin_pop(pki_bins(last->owner));
        if (pki_likely(p != NULL)) {
            return p;
        }
    }
    return alloc_other(pool);
}

static PKI_NOINLINE void free_slow(void *block)
{
    if (block != NULL) {
        pki_place_free(block, PKI_SPACE_OF_POOL, owner_of);
    }
}

/* A block of poolkit's that does not go to this thread's stack: of another thread's in the pool that
 * this one used last, or of a locked pool? */
static PKI_NOINLINE void free_other_block(void *block)
{
    pki_space *space = pki_chunk_of(block)->space;
    const pk_shared_pool *pool = (const pk_shared_pool *)space;
    uint32_t word = pki_word_at(block);
    pki_attachment last = pki_this_thread.last;
    if (space->serial == last.serial && word >> 16 != 0 && word != last.owner->key) {
        int saved_errno = errno;
        pki_owner_free_remote(last.owner, word, block);
        errno = saved_errno;
    } else if (space->kind == PKI_SPACE_OF_POOL && pool->locked &&
               pki_likely(word == pool->late->key)) {
        pki_owner_free_locked(pool->late, 0, block);
    } else {
        free_slow(block);
    }
}

/* The serial number comes first: a record of another pool may have the owner's address again. */
void pk_shared_pool_free(void *block)
{
    if (pki_likely(pki_registry_has(block))) {
        const pki_attachment *last = &pki_this_thread.last;
        if (pki_likely(pki_chunk_of(block)->space->serial == last->serial) &&
            pki_likely(pki_word_at(block) == last->owner->key) &&
            pki_likely(pki_bin_push(pki_bins(last->owner), block))) {
            return;
        }
        free_other_block(block);
        return;
    }
    free_slow(block);
}

/* ---- memory ---- */

void pk_shared_pool_flush(pk_shared_pool *pool)
{
    int saved_errno = errno;
    pki_owner *mine = pki_thread_owner(&pool->space);
    if (mine != NULL) {
        pki_owner_flush(mine);
    }
    if (pool->locked) {
        pki_owner_flush_locked(pool->late, 0);
    }
    errno = saved_errno;
}

size_t pk_shared_pool_trim(pk_shared_pool *pool, size_t keep)
{
    pk_shared_pool_flush(pool);
    return pki_thread_trim(&pool->space, keep);
}

/* ---- questions ---- */

pk_shared_pool *pk_shared_pool_of(const void *block)
{
    pki_space *space = pki_place_of(block).space;
    return space != NULL && space->kind == PKI_SPACE_OF_POOL ? (pk_shared_pool *)space : NULL;
}

size_t pk_shared_pool_block_size(const pk_shared_pool *pool) { return pool->block_size; }

bool pk_shared_pool_walk(pk_shared_pool *pool, pk_shared_pool_walk_fn *fn, void *arg)
{
    return pki_space_walk(&pool->space, fn, arg);
}

void pk_shared_pool_stats(pk_shared_pool *pool, pk_stats *out)
{
    if (out != NULL) {
        pki_space_stats(&pool->space, out);
    }
}

size_t pk_shared_pool_audit(pk_shared_pool *pool, char *text, size_t text_size)
{
    return pki_space_audit(&pool->space, text, text_size);
}

/* ---- as an allocator ---- */

static void *ops_alloc(void *ctx, size_t n, size_t align)
{
    pk_shared_pool *pool = ctx;
    bool fits = n <= pool->block_size && pki_is_power_of_two(align) && align <= pool->align;
    return fits ? pk_shared_pool_alloc(pool) : pki_os_fail(PK_EINVAL);
}

static bool ops_resize(void *ctx, void *p, size_t old_n, size_t new_n, size_t align)
{
    (void)p;
    (void)old_n;
    (void)align;
    return new_n <= ((const pk_shared_pool *)ctx)->block_size;
}

static void ops_free(void *ctx, void *p, size_t n, size_t align)
{
    (void)ctx;
    (void)n;
    (void)align;
    pk_shared_pool_free(p);
}

pk_allocator pk_shared_pool_as_alloc(pk_shared_pool *pool)
{
    static const pk_allocator_ops ops = {
        .size = sizeof ops, .alloc = ops_alloc, .resize = ops_resize, .free = ops_free};
    return (pk_allocator){&ops, pool};
}
