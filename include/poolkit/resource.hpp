/* SPDX-License-Identifier: MIT
 * resource.hpp: the pools as memory resources of std::pmr, and any pk_allocator as an allocator of the
 * standard containers; part of poolkit.hpp, which is the manual. */
#ifndef POOLKIT_RESOURCE_HPP
#define POOLKIT_RESOURCE_HPP

#include <cstddef>
#include <limits>
#include <memory_resource>
#include <type_traits>

#include <poolkit/owner.hpp>

namespace pk
{

/* ---- memory resources ---- */

/* Over any pk_allocator. Two are equal if their allocators are. */
class allocator_resource : public std::pmr::memory_resource
{
  public:
    explicit allocator_resource(pk_allocator allocator) noexcept : allocator_(allocator) {}

    [[nodiscard]] pk_allocator get() const noexcept { return allocator_; }

  private:
    void *do_allocate(std::size_t n, std::size_t align) override
    {
        return detail::check(pk_get(allocator_, n, align));
    }
    void do_deallocate(void *p, std::size_t n, std::size_t align) override
    {
        pk_put(allocator_, p, n, align);
    }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
        if (this == &other) return true;
#ifdef __cpp_rtti
        const auto *same = dynamic_cast<const allocator_resource *>(&other);
        return same && same->allocator_.ops == allocator_.ops &&
               same->allocator_.ctx == allocator_.ctx;
#else
        return false;
#endif
    }

    pk_allocator allocator_;
};

/* For requests up to the block's size and alignment: lists, maps and other node containers. */
class block_pool_resource final : public allocator_resource
{
  public:
    explicit block_pool_resource(pk_block_pool *pool) noexcept
        : allocator_resource(pk_block_pool_as_alloc(pool))
    {
    }
};

/* The same, for any thread. */
class shared_pool_resource final : public allocator_resource
{
  public:
    explicit shared_pool_resource(pk_shared_pool *pool) noexcept
        : allocator_resource(pk_shared_pool_as_alloc(pool))
    {
    }
};

class heap_resource final : public allocator_resource
{
  public:
    explicit heap_resource(pk_heap *heap) noexcept : allocator_resource(pk_heap_as_alloc(heap)) {}
};

/* Gives nothing back before the arena does, as std::pmr::monotonic_buffer_resource. */
class arena_resource final : public std::pmr::memory_resource
{
  public:
    explicit arena_resource(pk_arena *arena) noexcept : arena_(arena) {}

  private:
    void *do_allocate(std::size_t n, std::size_t align) override
    {
        return detail::check(pk_arena_alloc_type(arena_, n, align));
    }
    void do_deallocate(void *, std::size_t, std::size_t) override {}
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
        if (this == &other) return true;
#ifdef __cpp_rtti
        const auto *same = dynamic_cast<const arena_resource *>(&other);
        return same && same->arena_ == arena_;
#else
        return false;
#endif
    }

    pk_arena *arena_;
};

/* ---- an allocator for the standard containers ---- */

/* A container that is moved or swapped takes its pool along, so that no element is ever moved singly;
 * one that is copied to stays on its own. */
template <class T>
class stl_allocator
{
  public:
    using value_type = T;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    using propagate_on_container_copy_assignment = std::false_type;
    using is_always_equal = std::false_type;

    stl_allocator(pk_allocator allocator) noexcept : allocator_(allocator) {}
    template <class U>
    stl_allocator(const stl_allocator<U> &other) noexcept : allocator_(other.get())
    {
    }

    [[nodiscard]] pk_allocator get() const noexcept { return allocator_; }

    [[nodiscard]] T *allocate(std::size_t n)
    {
        if (n > std::numeric_limits<std::size_t>::max() / sizeof(T)) detail::fail(PK_ENOMEM);
        return static_cast<T *>(detail::check(pk_get(allocator_, n * sizeof(T), alignof(T))));
    }
    void deallocate(T *p, std::size_t n) noexcept
    {
        pk_put(allocator_, p, n * sizeof(T), alignof(T));
    }

  private:
    pk_allocator allocator_;
};

template <class T, class U>
bool operator==(const stl_allocator<T> &a, const stl_allocator<U> &b) noexcept
{
    return a.get().ops == b.get().ops && a.get().ctx == b.get().ctx;
}

template <class T, class U>
bool operator!=(const stl_allocator<T> &a, const stl_allocator<U> &b) noexcept
{
    return !(a == b);
}

} // namespace pk
#endif /* POOLKIT_RESOURCE_HPP */
