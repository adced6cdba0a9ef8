/* SPDX-License-Identifier: MIT
 * owner.hpp: C++ owners of the pools, and how a pk_status becomes an exception; part of poolkit.hpp,
 * which is the manual. */
#ifndef POOLKIT_OWNER_HPP
#define POOLKIT_OWNER_HPP

#include <cstddef>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <poolkit/arena.h>
#include <poolkit/block_pool.h>
#include <poolkit/heap.h>
#include <poolkit/shared_pool.h>

namespace pk
{

namespace detail
{

[[noreturn]] inline void fail(pk_status status)
{
#ifdef __cpp_exceptions
    switch (status) {
    case PK_ENOMEM:
    case PK_ELIMIT:
        throw std::bad_alloc();
    case PK_EINVAL:
        throw std::invalid_argument(pk_status_text(status));
    default:
        throw std::runtime_error(pk_status_text(status));
    }
#else
    static_cast<void>(status);
    std::abort();
#endif
}

inline void check(pk_status status)
{
    if (status != PK_OK) fail(status);
}

template <class T>
T *check(T *memory)
{
    if (memory == nullptr) fail(PK_ENOMEM);
    return memory;
}

template <class T>
void end_object(void *object) noexcept
{
    static_cast<T *>(object)->~T();
}

/* An object in an arena with the clean-up that ends it. */
template <class T>
struct deferred {
    pk_defer_node node;
    alignas(T) unsigned char object[sizeof(T)];
};

} // namespace detail

/* ---- arenas ---- */

/* A T in the arena; its destructor runs when the arena is rewound, reset or ended, newest first. Null
 * if there is no memory. If the constructor throws, its memory stays used until then. */
template <class T, class... Args>
[[nodiscard]] T *try_make(pk_arena *arena, Args &&...args)
{
    if constexpr (std::is_trivially_destructible_v<T>) {
        void *memory = pk_arena_alloc_type(arena, sizeof(T), alignof(T));
        return memory ? ::new (memory) T(std::forward<Args>(args)...) : nullptr;
    } else {
        using cell = detail::deferred<T>;
        void *memory = pk_arena_alloc_type(arena, sizeof(cell), alignof(cell));
        if (memory == nullptr) return nullptr;
        cell *made = ::new (memory) cell;
        T *object = ::new (static_cast<void *>(made->object)) T(std::forward<Args>(args)...);
        pk_arena_defer_at(arena, &made->node, detail::end_object<T>, object);
        return object;
    }
}

template <class T, class... Args>
T *make(pk_arena *arena, Args &&...args)
{
    return detail::check(try_make<T>(arena, std::forward<Args>(args)...));
}

class arena
{
  public:
    arena() noexcept = default; /* the default options; takes no memory yet */
    explicit arena(const pk_arena_opts &opts) { detail::check(pk_arena_init(&arena_, &opts)); }
    arena(const pk_arena_opts &opts, pk_status &status) noexcept
    {
        status = pk_arena_init(&arena_, &opts);
    }
    ~arena() { pk_arena_fini(&arena_); }
    arena(const arena &) = delete;
    arena &operator=(const arena &) = delete;

    [[nodiscard]] pk_arena *get() noexcept { return &arena_; }
    [[nodiscard]] const pk_arena *get() const noexcept { return &arena_; }

    template <class T, class... Args>
    T *make(Args &&...args)
    {
        return pk::make<T>(&arena_, std::forward<Args>(args)...);
    }
    template <class T, class... Args>
    [[nodiscard]] T *try_make(Args &&...args)
    {
        return pk::try_make<T>(&arena_, std::forward<Args>(args)...);
    }

  private:
    pk_arena arena_{};
};

/* Marks the arena, and rewinds it at its own end. */
class arena_scope
{
  public:
    explicit arena_scope(pk_arena *arena) noexcept : arena_(arena), mark_(pk_arena_mark(arena)) {}
    ~arena_scope() { pk_arena_rewind(arena_, mark_); }
    arena_scope(const arena_scope &) = delete;
    arena_scope &operator=(const arena_scope &) = delete;

  private:
    pk_arena *arena_;
    pk_mark mark_;
};

/* ---- other owners ---- */

class heap
{
  public:
    heap() : heap(pk_heap_opts{}) {}
    explicit heap(const pk_heap_opts &opts) { detail::check(pk_heap_create(&heap_, &opts)); }
    heap(const pk_heap_opts &opts, pk_status &status) noexcept
    {
        status = pk_heap_create(&heap_, &opts);
    }
    ~heap() { pk_heap_destroy(heap_); }
    heap(heap &&from) noexcept : heap_(std::exchange(from.heap_, nullptr)) {}
    heap &operator=(heap &&from) noexcept
    {
        heap moved(std::move(from));
        std::swap(heap_, moved.heap_);
        return *this;
    }

    [[nodiscard]] pk_heap *get() const noexcept { return heap_; }

  private:
    pk_heap *heap_ = nullptr;
};

class shared_pool
{
  public:
    explicit shared_pool(const pk_block_pool_opts &opts, pk_threading threading = PK_PER_THREAD)
    {
        detail::check(pk_shared_pool_create(&pool_, &opts, threading));
    }
    shared_pool(const pk_block_pool_opts &opts, pk_threading threading, pk_status &status) noexcept
    {
        status = pk_shared_pool_create(&pool_, &opts, threading);
    }
    ~shared_pool() { pk_shared_pool_destroy(pool_); }
    shared_pool(shared_pool &&from) noexcept : pool_(std::exchange(from.pool_, nullptr)) {}
    shared_pool &operator=(shared_pool &&from) noexcept
    {
        shared_pool moved(std::move(from));
        std::swap(pool_, moved.pool_);
        return *this;
    }

    [[nodiscard]] pk_shared_pool *get() const noexcept { return pool_; }

  private:
    pk_shared_pool *pool_ = nullptr;
};

class block_pool
{
  public:
    explicit block_pool(const pk_block_pool_opts &opts)
    {
        detail::check(pk_block_pool_init(&pool_, &opts));
    }
    block_pool(const pk_block_pool_opts &opts, pk_status &status) noexcept
    {
        status = pk_block_pool_init(&pool_, &opts);
    }
    ~block_pool() { pk_block_pool_fini(&pool_); }
    block_pool(const block_pool &) = delete;
    block_pool &operator=(const block_pool &) = delete;

    [[nodiscard]] pk_block_pool *get() noexcept { return &pool_; }

  private:
    pk_block_pool pool_{};
};

} // namespace pk
#endif /* POOLKIT_OWNER_HPP */
