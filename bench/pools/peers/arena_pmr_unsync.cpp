/* SPDX-License-Identifier: MIT
 * arena_pmr_unsync.cpp: the C++ library's unsynchronized_pool_resource, released as a whole. */
#include <memory_resource>
#include <new>

struct arena {
    alignas(std::pmr::unsynchronized_pool_resource) char storage[sizeof(
        std::pmr::unsynchronized_pool_resource)];
    std::pmr::unsynchronized_pool_resource *resource;
};

static inline void arena_open(struct arena *arena)
{
    arena->resource = new (arena->storage) std::pmr::unsynchronized_pool_resource;
}
static inline void *arena_get(struct arena *arena, size_t n)
{
    return arena->resource->allocate(n);
}
static inline void arena_reset(struct arena *arena) { arena->resource->release(); }
static inline void arena_close(struct arena *arena)
{
    arena->resource->~unsynchronized_pool_resource();
}

#include "arena.h"
