/* SPDX-License-Identifier: MIT
 * poolkit.hpp: poolkit for C++17 and later. A thin coat over the C headers, which it includes and
 * which tell sizes, threads, costs and what misuse does; here is only what C++ adds:
 *
 *     owners      pk::arena, pk::block_pool, pk::shared_pool, pk::heap; pk::arena_scope
 *     resources   pk::arena_resource, pk::block_pool_resource, pk::shared_pool_resource,
 *                 pk::heap_resource, pk::allocator_resource: std::pmr::memory_resource over a pool
 *     allocator   pk::stl_allocator<T>: two words, over any pk_allocator
 *     objects     pk::object_pool<T>, pk::cached_pool<T>, pk::ref<T>; pk::make<T>(arena, …)
 *
 * Example:
 *
 *     #include <poolkit/poolkit.hpp>
 *     #include <string>
 *     #include <vector>
 *
 *     struct session {
 *         std::string user;
 *         explicit session(const char *name) : user(name) {}
 *     };
 *     int main()
 *     {
 *         pk::arena arena;
 *         pk::arena_resource in_arena(arena.get());
 *         std::pmr::vector<std::pmr::string> words({"one", "two"}, &in_arena);
 *         session *root = arena.make<session>("root");     // destroyed with the arena
 *
 *         pk_heap_opts limited{};
 *         limited.name = "plugin";
 *         limited.limit = 64 << 20;
 *         pk::heap heap(limited);
 *         pk::heap_resource in_heap(heap.get());
 *         std::pmr::string text("ends with the heap at the latest", &in_heap);
 *
 *         pk_block_pool_opts opts{};
 *         opts.flags = PK_HANDLES;
 *         pk::object_pool<session> sessions(opts);
 *         session *guest = sessions.create("guest");
 *         pk::ref<session> ref = sessions.ref_of(guest);
 *         for (session &each : sessions) each.user += "!";
 *         bool right = guest->user == "guest!" && root->user == "root" && words.size() == 2;
 *         sessions.destroy(guest);
 *         return right && sessions.at(ref) == nullptr ? 0 : 1;
 *     }
 *
 * Owners     end the pool with their own life. get() is the C object, for everything else. arena,
 *            block_pool and the object pools hold the C struct, which must stay where it is: they can be
 *            neither copied nor moved. heap and shared_pool can be moved; get() is null then.
 * Failure    constructors throw std::bad_alloc (PK_ENOMEM, PK_ELIMIT), std::invalid_argument
 *            (PK_EINVAL), else std::runtime_error; whatever allocates throws std::bad_alloc.
 *            Without exceptions (-fno-exceptions) these abort: use the constructors that take a
 *            pk_status & and the functions named try_…, which return null. A pool whose status is
 *            not PK_OK may only be destroyed.
 * Equality   resources of one kind over the same pool are equal, also as two objects. Without RTTI a
 *            resource is equal to itself only.
 * Lifetimes  a resource, an allocator, a deleter or an iterator must not outlive its pool. A
 *            container on an arena must be gone, or never be touched again, when the arena is rewound.
 * Idea       std::pmr, P. Halpern (N3916).
 */
#ifndef POOLKIT_POOLKIT_HPP
#define POOLKIT_POOLKIT_HPP

#include <poolkit/object_pool.hpp>
#include <poolkit/owner.hpp>
#include <poolkit/poolkit.h>
#include <poolkit/resource.hpp>

#endif /* POOLKIT_POOLKIT_HPP */
