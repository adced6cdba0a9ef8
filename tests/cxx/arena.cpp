/* SPDX-License-Identifier: MIT
 * arena.cpp: pk::arena, pk::arena_scope and pk::arena_resource. */
#include <poolkit/poolkit.hpp>

#include "containers.hpp"
#include "counted.hpp"

static_assert(!std::is_move_constructible_v<pk::arena> && !std::is_copy_assignable_v<pk::arena>);

static void failures_become_exceptions()
{
    pk_arena_opts opts{};
    opts.limit = 1;
    CHECK_THROWS(std::invalid_argument, pk::arena(opts));
    pk_status status = PK_OK;
    pk::arena refused(opts, status);
    CHECK(status == PK_EINVAL);

    opts.limit = 8192;
    pk::arena small(opts, status);
    CHECK(status == PK_OK);
    struct page {
        char bytes[16384];
    };
    CHECK(small.try_make<page>() == nullptr);
    CHECK_THROWS(std::bad_alloc, small.make<page>());
    CHECK(small.make<int>(7) != nullptr);

    pk::arena_resource resource(small.get());
    CHECK_THROWS(std::bad_alloc, resource.allocate(16384));
}

static void destructors_run_newest_first()
{
    {
        pk::arena arena;
        counted *first = arena.make<counted>(1);
        {
            pk::arena_scope scope(arena.get());
            CHECK(arena.make<counted>(2)->value == 2 && arena.make<counted>(3)->value == 3);
            CHECK(counted::live == 3);
        }
        CHECK(counted::live == 1 && counted::last_ended == 2 && first->value == 1);

        struct alignas(128) aligned : counted {
        };
        CHECK(is_aligned(arena.make<aligned>(), 128));
        CHECK(is_aligned(arena.make<wide>(), 64));
        pk_arena_reset(arena.get());
        CHECK(counted::live == 0);
        arena.make<counted>(4);
    }
    CHECK(counted::live == 0 && counted::last_ended == 4);
}

static void a_constructor_throws()
{
    pk::arena arena;
    arena.make<counted>(1);
    counted::throw_at = 1;
    CHECK_THROWS(int, arena.make<counted>(2));
    counted::throw_at = 0;
    CHECK(counted::live == 1);
    pk_arena_reset(arena.get());
    CHECK(counted::live == 0);
}

static void equality()
{
    pk::arena one, two;
    pk::arena_resource a(one.get()), same(one.get()), other(two.get());
    CHECK(a == same && !(a == other) && !(a == *std::pmr::new_delete_resource()));
    CHECK(!(*std::pmr::new_delete_resource() == a));
}

static void containers_work()
{
    pk::arena one, two;
    pk::arena_resource a(one.get()), b(two.get());
    containers<std::pmr::polymorphic_allocator>::all(&a, &b);
    std::pmr::vector<int> numbers(100, 1, &a);
    CHECK(pk_arena_owns(one.get(), numbers.data()));
    CHECK(!pk_arena_owns(two.get(), numbers.data()));
}

int main()
{
    failures_become_exceptions();
    destructors_run_newest_first();
    a_constructor_throws();
    equality();
    containers_work();
}
