/* SPDX-License-Identifier: MIT
 * no_exceptions.cpp: the same header in a program without exceptions and RTTI (the build says so):
 * status constructors and try_… tell of failures. */
#include <poolkit/poolkit.hpp>

#include "check.hpp"

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "to be compiled with -fno-exceptions -fno-rtti"
#endif

struct object {
    static inline int live = 0;
    object() { live++; }
    ~object() { live--; }
};

static void statuses()
{
    pk_status status = PK_OK;
    pk_arena_opts arena_opts{};
    arena_opts.limit = 8192;
    pk::arena arena(arena_opts, status);
    struct page {
        char bytes[16384];
    };
    CHECK(status == PK_OK && arena.try_make<page>() == nullptr);
    CHECK(arena.try_make<object>() != nullptr && object::live == 1);
    pk_arena_reset(arena.get());
    CHECK(object::live == 0);

    pk_heap_opts heap_opts{};
    heap_opts.size = 1000000;
    pk::heap heap(heap_opts, status);
    CHECK(status == PK_EINVAL && heap.get() == nullptr);
}

static void pools()
{
    pk_status status = PK_OK;
    pk_block_pool_opts opts{};
    opts.max_blocks = 1;
    pk::object_pool<object> pool(opts, status);
    CHECK(status == PK_OK);
    object *only = pool.try_create();
    CHECK(only && object::live == 1 && pool.try_create() == nullptr);
    pool.destroy(only);
    pk::cached_pool<object> cached(opts, status);
    only = cached.try_acquire();
    CHECK(status == PK_OK && only && object::live == 1 && cached.try_acquire() == nullptr);
    CHECK(cached.try_reserve(2) != PK_OK);
    cached.release(only);
    CHECK(object::live == 1);
}

static void resources()
{
    pk::arena arena;
    pk::arena_resource a(arena.get()), same(arena.get());
    std::pmr::memory_resource *resource = &a;
    CHECK(resource->is_equal(a) && !resource->is_equal(same));
    CHECK(is_aligned(resource->allocate(100, 64), 64));
}

int main()
{
    statuses();
    pools();
    resources();
}
