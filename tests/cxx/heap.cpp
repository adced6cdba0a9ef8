/* SPDX-License-Identifier: MIT
 * heap.cpp: pk::heap and pk::heap_resource. */
#include <poolkit/poolkit.hpp>

#include "containers.hpp"

static_assert(std::is_nothrow_move_constructible_v<pk::heap> &&
              !std::is_copy_constructible_v<pk::heap>);

static void owners_move()
{
    pk::heap first, second;
    pk_heap *kept = first.get();
    CHECK(pk_heap_alloc(kept, 100) != nullptr);
    pk::heap third(std::move(first));
    CHECK(first.get() == nullptr && third.get() == kept);
    second = std::move(third);
    CHECK(third.get() == nullptr && second.get() == kept);
    pk::heap &self = second;
    second = std::move(self);
    CHECK(second.get() == kept && pk_heap_check(kept));
}

static void failures_become_exceptions()
{
    pk_heap_opts opts{};
    opts.size = 1000000;
    CHECK_THROWS(std::invalid_argument, pk::heap(opts));
    pk_status status = PK_OK;
    pk::heap refused(opts, status);
    CHECK(status == PK_EINVAL && refused.get() == nullptr);

    opts = pk_heap_opts{};
    opts.name = "small";
    opts.limit = 1 << 20;
    pk::heap small(opts);
    pk::heap_resource resource(small.get());
    CHECK_THROWS(std::bad_alloc, resource.allocate(2 << 20));
    void *block = resource.allocate(1000, 256);
    CHECK(is_aligned(block, 256) && pk_heap_of(block) == small.get());
    resource.deallocate(block, 1000, 256);
}

static std::uint64_t live(const pk::heap &heap)
{
    pk_stats stats;
    pk_heap_stats(heap.get(), &stats);
    return stats.n_live;
}

static void containers_work_and_leave_nothing()
{
    pk::heap one, two;
    pk::heap_resource a(one.get()), b(two.get()), same(one.get());
    CHECK(a == same && !(a == b) && !(a == *std::pmr::new_delete_resource()));
    containers<std::pmr::polymorphic_allocator>::all(&a, &b);
    containers<pk::stl_allocator>::all(pk_heap_as_alloc(one.get()), pk_heap_as_alloc(two.get()));
    CHECK(live(one) == 0 && live(two) == 0);
    CHECK(pk_heap_audit(one.get(), nullptr, 0) == 0);
}

int main()
{
    owners_move();
    failures_become_exceptions();
    containers_work_and_leave_nothing();
}
