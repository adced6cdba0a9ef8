/* SPDX-License-Identifier: MIT
 * arena_pmr_monotonic.cpp: the C++ library's monotonic_buffer_resource. */
#include <memory_resource>
#include <new>

struct arena {
    alignas(std::pmr::monotonic_buffer_resource) char storage[sizeof(
        std::pmr::monotonic_buffer_resource)];
    std::pmr::monotonic_buffer_resource *resource;
};

static inline void arena_open(struct arena *arena)
{
    arena->resource = new (arena->storage) std::pmr::monotonic_buffer_resource;
}
static inline void *arena_get(struct arena *arena, size_t n)
{
    return arena->resource->allocate(n);
}
static inline void arena_reset(struct arena *arena) { arena->resource->release(); }
static inline void arena_close(struct arena *arena)
{
    arena->resource->~monotonic_buffer_resource();
}

#include "arena.h"
