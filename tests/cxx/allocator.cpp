/* SPDX-License-Identifier: MIT
 * allocator.cpp: pk::stl_allocator and pk::allocator_resource over counting and failing allocators:
 * every byte comes back, and a container survives each allocation that fails. */
#include <poolkit/poolkit.hpp>

#include "containers.hpp"

using traits = std::allocator_traits<pk::stl_allocator<int>>;
static_assert(sizeof(pk::stl_allocator<int>) == 2 * sizeof(void *));
static_assert(std::is_same_v<traits::rebind_alloc<char>, pk::stl_allocator<char>>);
static_assert(std::is_nothrow_move_assignable_v<std::vector<int, pk::stl_allocator<int>>>);

static void all_comes_back()
{
    pk_counting one{}, two{};
    pk_allocator a = pk_counting_alloc(&one, pk_libc()), b = pk_counting_alloc(&two, pk_libc());
    containers<pk::stl_allocator>::all(a, b);
    CHECK(one.n_live == 0 && one.bytes_live == 0 && two.n_live == 0 && two.bytes_live == 0);
    CHECK(one.n_alloc > 500 && two.n_alloc == 2);

    std::uint64_t before = one.n_alloc;
    pk::allocator_resource in_one(a), in_two(b), same(a);
    CHECK(in_one == same && !(in_one == in_two));
    containers<std::pmr::polymorphic_allocator>::all(&in_one, &in_two);
    CHECK(one.n_live == 0 && one.bytes_live == 0 && two.n_live == 0 && two.bytes_live == 0);
    CHECK(one.n_alloc > before + 500 && two.n_alloc > 10);
}

static void moves_take_the_pool_along()
{
    pk_counting one{}, two{};
    pk::stl_allocator<int> a(pk_counting_alloc(&one, pk_libc()));
    pk::stl_allocator<int> b(pk_counting_alloc(&two, pk_libc()));
    CHECK(a != b && a == pk::stl_allocator<char>(a));
    std::vector<int, pk::stl_allocator<int>> x(100, 1, a), y(50, 2, b);
    const int *data = x.data();
    x.swap(y);
    CHECK(y.data() == data && y.get_allocator() == a && x.get_allocator() == b);
    x = std::move(y);
    CHECK(x.data() == data && x.get_allocator() == a && two.n_live == 0 && one.n_alloc == 1);
}

static void sizes_do_not_overflow()
{
    pk_counting count{};
    pk::stl_allocator<wide> a(pk_counting_alloc(&count, pk_libc()));
    CHECK_THROWS(std::bad_alloc, a.allocate(static_cast<std::size_t>(-1) / 64 + 1));
    CHECK(count.n_alloc == 0 && count.n_fail == 0);
}

/* The k-th allocation fails, for every k: the exception arrives, nothing leaks. */
static void each_failure_is_an_exception()
{
    bool done = false;
    for (std::uint64_t k = 1; !done; k++) {
        pk_counting count{};
        pk_failing fail{};
        pk_allocator a = pk_failing_alloc(&fail, pk_counting_alloc(&count, pk_libc()), k, false);
        try {
            containers<pk::stl_allocator>::maps(a);
            done = true;
        } catch (const std::bad_alloc &) {
            CHECK(fail.n_failed == 1);
        }
        CHECK(done == (fail.n_failed == 0) && count.n_live == 0 && count.bytes_live == 0);
        CHECK(k < 10000);
    }
}

int main()
{
    all_comes_back();
    moves_take_the_pool_along();
    sizes_do_not_overflow();
    each_failure_is_an_exception();
}
