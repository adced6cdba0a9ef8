/* SPDX-License-Identifier: MIT
 * shared_pool.cpp: pk::shared_pool and pk::shared_pool_resource, also from several threads. */
#include <poolkit/poolkit.hpp>
#include <thread>

#include "containers.hpp"

static_assert(std::is_nothrow_move_constructible_v<pk::shared_pool> &&
              !std::is_copy_constructible_v<pk::shared_pool>);

static pk_block_pool_opts blocks(std::size_t size, std::size_t align)
{
    pk_block_pool_opts opts{};
    opts.block_size = size;
    opts.align = align;
    return opts;
}

static void owners_move()
{
    pk::shared_pool first(blocks(48, 0)), second(blocks(64, 0), PK_LOCKED);
    pk_shared_pool *kept = first.get();
    pk::shared_pool third(std::move(first));
    CHECK(first.get() == nullptr && third.get() == kept);
    second = std::move(third);
    CHECK(third.get() == nullptr && second.get() == kept);
}

static void failures_become_exceptions()
{
    CHECK_THROWS(std::invalid_argument, pk::shared_pool(pk_block_pool_opts{}));
    pk_status status = PK_OK;
    pk::shared_pool refused(pk_block_pool_opts{}, PK_LOCKED, status);
    CHECK(status == PK_EINVAL && refused.get() == nullptr);

    pk::shared_pool pool(blocks(64, 64));
    pk::shared_pool_resource resource(pool.get());
    CHECK_THROWS(std::bad_alloc, resource.allocate(65));
    CHECK_THROWS(std::bad_alloc, resource.allocate(64, 128));
}

static void containers_work_and_leave_nothing(pk_threading threading)
{
    pk::shared_pool one(blocks(4096, 64), threading), two(blocks(4096, 64), threading);
    pk::shared_pool_resource a(one.get()), b(two.get()), same(one.get());
    CHECK(a == same && !(a == b) && !(a == *std::pmr::new_delete_resource()));
    std::thread other([&] { containers<std::pmr::polymorphic_allocator>::all(&a, &b); });
    containers<pk::stl_allocator>::all(pk_shared_pool_as_alloc(one.get()),
                                       pk_shared_pool_as_alloc(two.get()));
    other.join();

    std::pmr::list<int> passed(&a);
    std::thread maker([&] { passed.assign(1000, 1); });
    maker.join();
    CHECK(passed.size() == 1000);
    passed.clear();
    CHECK(pk_shared_pool_audit(one.get(), nullptr, 0) == 0);
    pk_stats stats;
    pk_shared_pool_stats(one.get(), &stats);
    CHECK(stats.n_live == 0);
}

int main()
{
    owners_move();
    failures_become_exceptions();
    containers_work_and_leave_nothing(PK_PER_THREAD);
    containers_work_and_leave_nothing(PK_LOCKED);
}
