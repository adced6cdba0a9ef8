/* SPDX-License-Identifier: MIT
 * object_pool.cpp: pk::object_pool, pk::cached_pool and pk::ref. */
#include <poolkit/poolkit.hpp>

#include "containers.hpp"
#include "counted.hpp"

static pk_block_pool_opts at_most(std::size_t n, unsigned flags = 0)
{
    pk_block_pool_opts opts{};
    opts.max_blocks = n;
    opts.flags = flags;
    return opts;
}

static void create_and_destroy()
{
    {
        pk::object_pool<counted> pool(at_most(2));
        counted *a = pool.create(1), *b = pool.create(2);
        CHECK(counted::live == 2 && pool.try_create(3) == nullptr);
        CHECK_THROWS(std::bad_alloc, pool.create(3));
        pool.destroy(a);
        pool.destroy(nullptr);
        CHECK(counted::live == 1 && counted::last_ended == 1);
        auto own = pool.make_unique(4);
        CHECK(own->value == 4 && counted::live == 2 && b->value == 2);
        own.reset();
        CHECK(counted::live == 1 && counted::last_ended == 4);
    }
    CHECK(counted::live == 0); /* b ended with its pool */

    pk::object_pool<wide> aligned;
    for (int i = 0; i < 100; i++) CHECK(is_aligned(aligned.create(wide{i}), 64));
}

static void refusals()
{
    pk_block_pool_opts opts{};
    opts.destroy = [](void *, void *) {};
    CHECK_THROWS(std::invalid_argument, pk::object_pool<int>(opts));
    opts = at_most(0, ~0u);
    pk_status object = PK_OK, cached = PK_OK;
    pk::object_pool<counted> a(opts, object);
    pk::cached_pool<counted> b(opts, cached);
    CHECK(object == PK_EINVAL && cached == PK_EINVAL);
}

static void a_constructor_throws()
{
    pk::object_pool<counted> pool(at_most(1));
    counted::made = 0;
    counted::throw_at = 1;
    CHECK_THROWS(int, pool.create(1));
    counted::throw_at = 0;
    CHECK(pool.begin() == pool.end());
    pool.destroy(pool.create(2)); /* the block is free again */
    CHECK(counted::live == 0);
}

static void walk()
{
    pk::object_pool<counted> pool;
    CHECK(pool.begin() == pool.end());
    counted *objects[100];
    for (int i = 0; i < 100; i++) objects[i] = pool.create(i);
    for (int i = 0; i < 100; i += 3) pool.destroy(objects[i]);
    int n = 0, sum = 0;
    for (counted &each : pool) {
        n++;
        sum += each.value;
    }
    CHECK(n == 66 && sum == 4950 - 1683);
    for (counted &each : pool) pool.destroy(&each);
    CHECK(counted::live == 0 && pool.begin() == pool.end());
}

static void references()
{
    pk::object_pool<counted> pool(at_most(0, PK_HANDLES));
    pk::ref<counted> none;
    counted *a = pool.create(1);
    pk::ref<counted> to_a = pool.ref_of(a);
    CHECK(pool.at(to_a) == a && pool.at(none) == nullptr && to_a != none);
    pool.destroy(a);
    CHECK(pool.at(to_a) == nullptr);
    counted *b = pool.create(2);
    CHECK(pool.at(to_a) == nullptr && pool.ref_of(b) != to_a && pool.ref_of(b) == pool.ref_of(b));
}

static void state_is_kept()
{
    counted::made = 0;
    {
        pk::cached_pool<counted> pool;
        counted *a = pool.acquire();
        a->value = 77;
        pool.release(a);
        CHECK(pool.acquire() == a && a->value == 77 && counted::made == 1);
        pool.release(a);
        pool.reserve(10);
        CHECK(counted::made >= 10 && counted::live == counted::made);
        {
            auto own = pool.acquire_unique();
            CHECK(pool.begin() != pool.end() && ++pool.begin() == pool.end());
        }
        CHECK(pool.begin() == pool.end() && counted::live == counted::made);
        pk_block_pool_trim(pool.get(), 0);
        CHECK(counted::live == 0);
        CHECK(pool.acquire() != nullptr);
    }
    CHECK(counted::live == 0);
}

static void a_cached_constructor_throws()
{
    {
        pk::cached_pool<counted> pool(at_most(4));
        counted::made = 0;
        counted::throw_at = 3;
        CHECK_THROWS(int, pool.reserve(4));
        CHECK(counted::live == 2);
        counted *a = pool.acquire(), *b = pool.acquire();
        CHECK_THROWS(int, pool.acquire());
        CHECK_THROWS(int, pool.try_acquire());
        counted::throw_at = 0;
        counted *c = pool.acquire(), *d = pool.acquire();
        CHECK(a && b && c && d && counted::live == 4);
        CHECK(pool.try_acquire() == nullptr);
        CHECK_THROWS(std::bad_alloc, pool.acquire());
        CHECK_THROWS(std::bad_alloc, pool.reserve(5));
    }
    CHECK(counted::live == 0);
}

int main()
{
    create_and_destroy();
    refusals();
    a_constructor_throws();
    walk();
    references();
    state_is_kept();
    a_cached_constructor_throws();
}
