/* SPDX-License-Identifier: MIT
 * pools.c: the pools of a plan, each as a program would have it: poolkit's own block pools, arenas
 * and shared pools, linked in; and the chunks of arena-chunks, which are made on the page source of
 * the public interface:
 *
 *     | chunk_head | block | block | ...            free |      at a multiple of its size
 *
 * The newest chunk is filled from its start; a chunk counts its live blocks and is found from each of
 * them by masking. When the last block of a chunk dies it is emptied: the newest one is filled anew,
 * one other is kept as a spare, and all further ones go back to the system.
 *
 * In parallel mode a pool that several threads use has a lock, but for shared pools, which are made
 * for that. Everything here lies in a shared mapping and does not count as anonymous memory.
 */
#include "player.h"

#include <poolkit/arena.h>
#include <poolkit/block_pool.h>
#include <poolkit/page_source.h>
#include <poolkit/shared_pool.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_DEFAULT 65536
#define ARENA_CHUNK_MOST ((size_t)1 << 20) /* the library's own bound */

struct chunk_head {
    _Alignas(16) uint64_t live; /* blocks */
    uint64_t used;              /* bytes, this head included */
};

struct chunks {
    struct chunk_head *newest, *spare;
    size_t size;
};

struct pool {
    union {
        pk_block_pool block;
        pk_arena arena;
        pk_shared_pool *shared;
        struct chunks chunks;
    };
    const struct tape_pool *plan;
    pthread_mutex_t lock;
    bool locked, overdue;
    _Atomic bool ready; /* set with release after the pool was prepared */
    uint64_t live;      /* blocks, of an arena of a thread */
};

bool pools_begin(struct player *p)
{
    size_t n = p->tape->pools, bytes = n * sizeof *p->pools;
    if (n == 0) return true;
    p->pools = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->pools == MAP_FAILED) return false;
    for (size_t i = 0; i < n; i++) {
        struct pool *pool = &p->pools[i];
        pool->plan = &tape_pools(p->tape)[i];
        pool->locked = p->parallel && pool->plan->shared && pool->plan->kind != REPLAY_THREAD_LOCAL;
        pthread_mutex_init(&pool->lock, NULL);
    }
    return true;
}

/* ---- chunks ---- */

static void *chunks_take(struct chunks *c, size_t size, size_t align)
{
    pk_page_source source = pk_os_pages();
    struct chunk_head *head = c->newest;
    size_t mask = align - 1, at = head ? (head->used + mask) & ~mask : 0;
    if (!head || at + size > c->size) {
        unsigned got;
        at = (sizeof *head + mask) & ~mask;
        if (at + size > c->size) return NULL;
        head = c->spare;
        c->spare = NULL;
        if (!head) head = source.ops->map(source.ctx, c->size, c->size, &got);
        if (!head) return NULL;
        /* The one before has blocks: empty it would have been filled from its start. */
        c->newest = head;
        head->live = 0;
    }
    head->used = at + size;
    head->live++;
    return (char *)head + at;
}

static struct chunk_head *head_of(const struct chunks *c, void *block)
{
    return (struct chunk_head *)((uintptr_t)block & ~(uintptr_t)(c->size - 1));
}

static void chunks_give(struct chunks *c, void *block)
{
    struct chunk_head *head = head_of(c, block);
    pk_page_source source = pk_os_pages();
    if (--head->live > 0) return;
    if (head == c->newest) {
        head->used = sizeof *head;
    } else if (!c->spare) {
        c->spare = head;
    } else {
        source.ops->unmap(source.ctx, head, c->size);
    }
}

/* The newest block of the newest chunk can grow, all can shrink. */
static void *chunks_resize(struct chunks *c, void *block, size_t old_size, size_t size)
{
    struct chunk_head *head = head_of(c, block);
    size_t at = (size_t)((char *)block - (char *)head);
    if (size <= old_size) return block;
    if (head == c->newest && at + old_size == head->used && at + size <= c->size) {
        head->used = at + size;
        return block;
    }
    void *fresh = chunks_take(c, size, PK_ALIGN);
    if (fresh) {
        memcpy(fresh, block, old_size);
        chunks_give(c, block);
    }
    return fresh;
}

/* ---- all kinds ---- */

static bool build(void *object, void *arg)
{
    (void)object;
    (void)arg;
    return true;
}

static void unbuild(void *object, void *arg)
{
    (void)object;
    (void)arg;
}

static bool prepare_arena(pk_arena *arena, size_t first)
{
    pk_arena_opts opts = {.first = first, .max_chunk = first > ARENA_CHUNK_MOST ? first : 0};
    return pk_arena_init(arena, &opts) == PK_OK;
}

static bool prepare(struct pool *pool)
{
    const struct tape_pool *plan = pool->plan;
    pk_block_pool_opts opts = {.block_size = plan->block_size, .align = plan->align};
    switch (plan->kind) {
    case REPLAY_OBJECT:
        opts.construct = build;
        opts.destroy = unbuild;
        return pk_block_pool_init(&pool->block, &opts) == PK_OK;
    case REPLAY_BLOCK:
        return pk_block_pool_init(&pool->block, &opts) == PK_OK;
    case REPLAY_THREAD_LOCAL:
        return pk_shared_pool_create(&pool->shared, &opts, PK_PER_THREAD) == PK_OK;
    case REPLAY_ARENA_SCOPE:
        return prepare_arena(&pool->arena, plan->chunk);
    default:
        pool->chunks = (struct chunks){.size = plan->chunk ? plan->chunk : CHUNK_DEFAULT};
        return true;
    }
}

static bool is_blocks(const struct tape_pool *plan)
{
    return plan->kind != REPLAY_ARENA_SCOPE && plan->kind != REPLAY_ARENA_CHUNKS;
}

static bool suits(const struct tape_pool *plan, uint64_t size, size_t align)
{
    size_t own = plan->align > PK_ALIGN ? plan->align : PK_ALIGN;
    return !is_blocks(plan) || (size <= plan->block_size && align <= own);
}

static void *take(struct pool *pool, uint64_t size, size_t align)
{
    switch (pool->plan->kind) {
    case REPLAY_ARENA_SCOPE:
        return pk_arena_alloc_type(&pool->arena, size ? size : 1, align);
    case REPLAY_ARENA_CHUNKS:
        return chunks_take(&pool->chunks, size, align);
    case REPLAY_THREAD_LOCAL:
        return pk_shared_pool_alloc(pool->shared);
    default:
        return pk_block_pool_alloc(&pool->block);
    }
}

static struct pool *enter(const struct worker *w, unsigned number)
{
    struct pool *pool = &w->player->pools[number - 1];
    if (pool->locked) pthread_mutex_lock(&pool->lock);
    return pool;
}

static void leave(struct pool *pool)
{
    if (pool->locked) pthread_mutex_unlock(&pool->lock);
}

/* Of a pool without a lock several threads may come first at once. The acquire load pairs with the
 * release of whoever prepared the pool. */
static bool is_ready(struct pool *pool)
{
    if (atomic_load_explicit(&pool->ready, memory_order_acquire)) return true;
    if (!pool->locked) pthread_mutex_lock(&pool->lock);
    bool ready = atomic_load_explicit(&pool->ready, memory_order_relaxed) || prepare(pool);
    atomic_store_explicit(&pool->ready, ready, memory_order_release);
    if (!pool->locked) pthread_mutex_unlock(&pool->lock);
    return ready;
}

void *pools_take(struct worker *w, unsigned number, uint64_t size, unsigned align, bool zero)
{
    struct pool *pool = enter(w, number);
    size_t at = align > 4 ? (size_t)1 << align : PK_ALIGN;
    void *block = NULL;
    if (suits(pool->plan, size, at) && is_ready(pool)) block = take(pool, size, at);
    if (block && pool->plan->kind == REPLAY_ARENA_SCOPE) pool->live++;
    leave(pool);
    if (!block) {
        w->uses[number - 1].refused++;
        return NULL;
    }
    w->uses[number - 1].blocks++;
    return zero ? memset(block, 0, size) : block;
}

/* An arena's blocks are gone when none is in use: at once, or, of a scope, at its end. */
static void arena_give(struct pool *pool)
{
    if (--pool->live > 0 || (pool->plan->scoped && !pool->overdue)) return;
    pool->overdue = false;
    pk_arena_reset(&pool->arena);
}

static void give(struct pool *pool, void *block)
{
    switch (pool->plan->kind) {
    case REPLAY_ARENA_SCOPE:
        arena_give(pool);
        break;
    case REPLAY_ARENA_CHUNKS:
        chunks_give(&pool->chunks, block);
        break;
    case REPLAY_THREAD_LOCAL:
        pk_shared_pool_free(block);
        break;
    default:
        pk_block_pool_free(&pool->block, block);
        break;
    }
}

void pools_give(struct worker *w, unsigned number, void *block)
{
    struct pool *pool = enter(w, number);
    give(pool, block);
    leave(pool);
}

void *pools_resize(struct worker *w, unsigned number, void *block, uint64_t old_size, uint64_t size)
{
    struct pool *pool = enter(w, number);
    void *fresh;
    if (is_blocks(pool->plan)) {
        fresh = size <= pool->plan->block_size ? block : NULL;
    } else if (pool->plan->kind == REPLAY_ARENA_SCOPE) {
        fresh = pk_arena_realloc(&pool->arena, block, old_size ? old_size : 1, size ? size : 1);
    } else {
        fresh = chunks_resize(&pool->chunks, block, old_size, size);
    }
    leave(pool);
    if (!fresh) w->uses[number - 1].moved++;
    return fresh;
}

void pools_scope_end(struct worker *w, unsigned number)
{
    struct pool *pool = enter(w, number);
    if (pool->live > 0) {
        if (!pool->overdue) w->uses[number - 1].overdue++;
        pool->overdue = true;
    } else if (pool->ready) {
        pk_arena_reset(&pool->arena);
    }
    leave(pool);
}
