/* SPDX-License-Identifier: MIT
 * block_pool.cpp: pk::block_pool and pk::block_pool_resource. */
#include <poolkit/poolkit.hpp>

#include "containers.hpp"

static_assert(!std::is_move_constructible_v<pk::block_pool>);

static pk_block_pool_opts blocks(std::size_t size, std::size_t align)
{
    pk_block_pool_opts opts{};
    opts.block_size = size;
    opts.align = align;
    return opts;
}

static void failures_become_exceptions()
{
    CHECK_THROWS(std::invalid_argument, pk::block_pool(pk_block_pool_opts{}));
    pk_status status = PK_OK;
    pk::block_pool refused(pk_block_pool_opts{}, status);
    CHECK(status == PK_EINVAL);

    pk_block_pool_opts opts = blocks(64, 64);
    opts.max_blocks = 2;
    pk::block_pool two(opts);
    pk::block_pool_resource resource(two.get());
    CHECK_THROWS(std::bad_alloc, resource.allocate(65));
    CHECK_THROWS(std::bad_alloc, resource.allocate(64, 128));
    std::pmr::list<double> nodes(&resource);
    nodes.push_back(1.0);
    nodes.push_back(2.0);
    CHECK_THROWS(std::bad_alloc, nodes.push_back(3.0));
    CHECK(nodes.size() == 2 && nodes.back() == 2.0);
    nodes.pop_front();
    nodes.push_back(4.0);
}

static void containers_work_and_leave_nothing()
{
    pk::block_pool one(blocks(4096, 64)), two(blocks(4096, 64));
    pk::block_pool_resource a(one.get()), b(two.get()), same(one.get());
    CHECK(a == same && !(a == b) && !(a == *std::pmr::new_delete_resource()));
    containers<std::pmr::polymorphic_allocator>::all(&a, &b);
    containers<pk::stl_allocator>::all(pk_block_pool_as_alloc(one.get()),
                                       pk_block_pool_as_alloc(two.get()));
    CHECK(pk_block_pool_next_live(one.get(), nullptr) == nullptr);
    CHECK(pk_block_pool_fini_if_empty(two.get()) == PK_OK);
}

int main()
{
    failures_become_exceptions();
    containers_work_and_leave_nothing();
}
