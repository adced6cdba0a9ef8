/* SPDX-License-Identifier: MIT
 * object_pool.hpp: pools of C++ objects over object_pool.h; part of poolkit.hpp, which is the manual. */
#ifndef POOLKIT_OBJECT_POOL_HPP
#define POOLKIT_OBJECT_POOL_HPP

#include <cerrno>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

#include <poolkit/object_pool.h>
#include <poolkit/owner.hpp>

namespace pk
{

/* ---- pools of objects ---- */

/* A handle that knows its type; null at first. The pool that gave it tells whether it is still good. */
template <class T>
struct ref {
    pk_handle handle{};

    friend bool operator==(ref a, ref b) noexcept
    {
        return a.handle.index == b.handle.index && a.handle.generation == b.handle.generation;
    }
    friend bool operator!=(ref a, ref b) noexcept { return !(a == b); }
};

namespace detail
{

/* Frees the block at its end unless told that an object lives in it: the object's constructor
 * may throw. */
class block_guard
{
  public:
    block_guard(pk_block_pool *pool, void *block) noexcept : pool_(pool), block_(block) {}
    ~block_guard() { pk_block_pool_free(pool_, block_); }
    block_guard(const block_guard &) = delete;
    block_guard &operator=(const block_guard &) = delete;
    void keep() noexcept { block_ = nullptr; }

  private:
    pk_block_pool *pool_;
    void *block_;
};

/* What both kinds of pool share. */
template <class T>
class typed_pool
{
  public:
    /* The objects in use; one may be destroyed, others created meanwhile (pk_block_pool_next_live). */
    class iterator
    {
      public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = T *;
        using reference = T &;

        iterator() noexcept = default;
        iterator(pk_block_pool *pool, T *at) noexcept : pool_(pool), at_(at) {}
        T &operator*() const noexcept { return *at_; }
        T *operator->() const noexcept { return at_; }
        iterator &operator++() noexcept
        {
            at_ = static_cast<T *>(pk_block_pool_next_live(pool_, at_));
            return *this;
        }
        iterator operator++(int) noexcept
        {
            iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(iterator a, iterator b) noexcept { return a.at_ == b.at_; }
        friend bool operator!=(iterator a, iterator b) noexcept { return a.at_ != b.at_; }

      private:
        pk_block_pool *pool_ = nullptr;
        T *at_ = nullptr;
    };

    typed_pool(const typed_pool &) = delete;
    typed_pool &operator=(const typed_pool &) = delete;

    [[nodiscard]] pk_block_pool *get() noexcept { return &pool_; }

    /* With the flag PK_HANDLES: a reference to an object in use, and the object, null once it is gone. */
    [[nodiscard]] ref<T> ref_of(const T *object) noexcept
    {
        return ref<T>{pk_block_pool_handle(&pool_, object)};
    }
    [[nodiscard]] T *at(ref<T> reference) const noexcept
    {
        return static_cast<T *>(pk_block_pool_at(&pool_, reference.handle));
    }

    [[nodiscard]] iterator begin() noexcept { return ++iterator(&pool_, nullptr); }
    [[nodiscard]] iterator end() noexcept { return iterator(&pool_, nullptr); }

  protected:
    typed_pool() noexcept = default;
    ~typed_pool() { pk_block_pool_fini(&pool_); }

    pk_status open(const pk_block_pool_opts &opts) noexcept
    {
        return pk_object_pool_init(&pool_, &opts, sizeof(T), alignof(T), "objects");
    }

    pk_block_pool pool_{};
};

} // namespace detail

/* Objects that are constructed by create and destroyed by destroy; those left are destroyed with the
 * pool. `construct` and `destroy` must not be set in the options: they are cached_pool's. */
template <class T>
class object_pool : public detail::typed_pool<T>
{
  public:
    struct deleter {
        object_pool *pool;
        void operator()(T *object) const noexcept { pool->destroy(object); }
    };
    using unique_ptr = std::unique_ptr<T, deleter>;

    explicit object_pool(const pk_block_pool_opts &opts = {}) { detail::check(start(opts)); }
    object_pool(const pk_block_pool_opts &opts, pk_status &status) noexcept
    {
        status = start(opts);
    }
    ~object_pool()
    {
        if constexpr (!std::is_trivially_destructible_v<T>) {
            for (T &object : *this) object.~T();
        }
    }

    /* Null if there is no memory. What the constructor throws is passed on. */
    template <class... Args>
    [[nodiscard]] T *try_create(Args &&...args)
    {
        void *block = pk_block_pool_alloc(&this->pool_);
        if (block == nullptr) return nullptr;
        detail::block_guard guard(&this->pool_, block);
        T *object = ::new (block) T(std::forward<Args>(args)...);
        guard.keep();
        return object;
    }
    template <class... Args>
    [[nodiscard]] T *create(Args &&...args)
    {
        return detail::check(try_create(std::forward<Args>(args)...));
    }
    template <class... Args>
    [[nodiscard]] unique_ptr make_unique(Args &&...args)
    {
        return unique_ptr(create(std::forward<Args>(args)...), deleter{this});
    }

    /* Null is allowed. */
    void destroy(T *object) noexcept
    {
        if (object == nullptr) return;
        object->~T();
        pk_block_pool_free(&this->pool_, object);
    }

  private:
    pk_status start(const pk_block_pool_opts &opts) noexcept
    {
        return opts.construct || opts.destroy ? PK_EINVAL : this->open(opts);
    }
};

/* Objects that are default-constructed once, when their memory is first used, and stay so between
 * release and acquire; destroyed when it is given up. Neither T() nor ~T() may use the pool. The
 * options `construct`, `destroy` and `object_arg` are the pool's own. */
template <class T>
class cached_pool : public detail::typed_pool<T>
{
  public:
    struct deleter {
        cached_pool *pool;
        void operator()(T *object) const noexcept { pool->release(object); }
    };
    using unique_ptr = std::unique_ptr<T, deleter>;

    explicit cached_pool(const pk_block_pool_opts &opts = {}) { detail::check(start(opts)); }
    cached_pool(const pk_block_pool_opts &opts, pk_status &status) noexcept
    {
        status = start(opts);
    }
    /* Here, and not in the base: the objects end while the pool is whole. */
    ~cached_pool() { pk_block_pool_fini(&this->pool_); }

    /* An object in the state that it was released in, or new. Null if there is no memory. What T()
     * throws is passed on. */
    [[nodiscard]] T *try_acquire()
    {
        void *object = pk_block_pool_alloc(&this->pool_);
        if (object == nullptr) rethrow();
        return static_cast<T *>(object);
    }
    [[nodiscard]] T *acquire() { return detail::check(try_acquire()); }
    [[nodiscard]] unique_ptr acquire_unique() { return unique_ptr(acquire(), deleter{this}); }

    /* Null is allowed. */
    void release(T *object) noexcept { pk_block_pool_free(&this->pool_, object); }

    /* Constructs objects until `n` can be had. What T() throws is passed on. */
    pk_status try_reserve(std::size_t n)
    {
        pk_status status = pk_block_pool_reserve(&this->pool_, n);
        if (status != PK_OK) rethrow();
        return status;
    }
    void reserve(std::size_t n) { detail::check(try_reserve(n)); }

  private:
    pk_status start(pk_block_pool_opts opts) noexcept
    {
        opts.construct = construct;
        opts.destroy = [](void *object, void *) { detail::end_object<T>(object); };
        opts.object_arg = this;
        return this->open(opts);
    }

#ifdef __cpp_exceptions
    /* No exception may cross the C code in between: it waits in thrown_. */
    static bool construct(void *block, void *arg) noexcept
    {
        cached_pool *pool = static_cast<cached_pool *>(arg);
        pool->thrown_ = nullptr;
        try {
            ::new (block) T();
            return true;
        } catch (...) {
            pool->thrown_ = std::current_exception();
            errno = ENOMEM;
            return false;
        }
    }
    void rethrow()
    {
        if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    }

    std::exception_ptr thrown_;
#else
    static bool construct(void *block, void *) noexcept
    {
        ::new (block) T();
        return true;
    }
    void rethrow() noexcept {}
#endif
};

} // namespace pk
#endif /* POOLKIT_OBJECT_POOL_HPP */
