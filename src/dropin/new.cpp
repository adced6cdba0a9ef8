// SPDX-License-Identifier: MIT
// new.cpp: all 22 forms of operator new and delete on the process heap.
//
// The drop-in must not pull a C++ runtime into C programs, but has to throw std::bad_alloc and call
// the new_handler in C++ programs, which bring theirs. So this file refers to the runtime weakly
// and is linked without it: the references are null in a C program, which never calls new.
#include <cstddef>
#include <dlfcn.h>
#include <initializer_list>

extern "C" {
#include "dropin/entry.h"
}

asm(".weak __gxx_personality_v0\n"
    ".weak __cxa_begin_catch\n"
    ".weak _ZSt9terminatev\n"
    ".weak __cxa_end_catch\n");

namespace std
{
enum class align_val_t : size_t {};
struct nothrow_t;
using new_handler = void (*)();
[[gnu::weak]] new_handler get_new_handler() noexcept;
[[noreturn, gnu::weak]] void __throw_bad_alloc();
} // namespace std

namespace
{

using get_handler_fn = std::new_handler (*)();
using throw_fn = void (*)();

// A C program may load a C++ library later: then its runtime is looked up when it is needed.
template <class Function>
Function find(Function bound, const char *name)
{
    if (bound != nullptr) {
        return bound;
    }
    void *found = dlsym(RTLD_DEFAULT, name);
    for (const char *runtime : {"libstdc++.so.6", "libc++.so.1"}) {
        void *library = found == nullptr ? dlopen(runtime, RTLD_LAZY | RTLD_NOLOAD) : nullptr;
        found = library == nullptr ? found : dlsym(library, name);
    }
    return reinterpret_cast<Function>(found);
}

// Out of memory: the handler releases something, installs another handler, or throws. Without one,
// bad_alloc. Returns only with a block.
[[gnu::cold, gnu::noinline]] void *new_failed(std::size_t n, std::size_t align)
{
    const auto get_handler = find<get_handler_fn>(std::get_new_handler, "_ZSt15get_new_handlerv");
    const auto throw_bad_alloc = find<throw_fn>(std::__throw_bad_alloc, "_ZSt17__throw_bad_allocv");
    for (;;) {
        std::new_handler handler = get_handler == nullptr ? nullptr : get_handler();
        if (handler == nullptr && throw_bad_alloc != nullptr) {
            throw_bad_alloc();
        }
        if (handler == nullptr) {
            pki_entry_abort();
        }
        handler();
        if (void *p = pki_entry_alloc(n, align, nullptr)) {
            return p;
        }
    }
}

[[gnu::noinline]] void *allocate_slowly(std::size_t n, std::size_t align, const void *site)
{
    void *p = pki_entry_alloc(n, align, site);
    return __builtin_expect(p != nullptr, 1) ? p : new_failed(n, align);
}

// Inlined: the site is what the operator returns to.
[[gnu::always_inline]] inline void *allocate(std::size_t n)
{
    void *p = pki_entry_quick(n);
    return __builtin_expect(p != nullptr, 1) ? p
                                             : allocate_slowly(n, 16, __builtin_return_address(0));
}

[[gnu::always_inline]] inline void *allocate(std::size_t n, std::align_val_t align)
{
    const auto a = static_cast<std::size_t>(align);
    void *p = pki_entry_quick_aligned(n, a);
    return __builtin_expect(p != nullptr, 1) ? p
                                             : allocate_slowly(n, a, __builtin_return_address(0));
}

// Without the runtime bound at start there is no personality routine that could catch what a handler
// throws: then the handler is not asked.
[[gnu::cold, gnu::noinline]] void *new_failed_quietly(std::size_t n, std::size_t align) noexcept
{
    if (std::get_new_handler == nullptr) {
        return nullptr;
    }
    try {
        return new_failed(n, align);
    } catch (...) {
        return nullptr;
    }
}

[[gnu::noinline]] void *allocate_slowly_quietly(std::size_t n, std::size_t align,
                                                const void *site) noexcept
{
    void *p = pki_entry_alloc(n, align, site);
    return __builtin_expect(p != nullptr, 1) ? p : new_failed_quietly(n, align);
}

[[gnu::always_inline]] inline void *allocate_quietly(std::size_t n) noexcept
{
    void *p = pki_entry_quick(n);
    return __builtin_expect(p != nullptr, 1)
               ? p
               : allocate_slowly_quietly(n, 16, __builtin_return_address(0));
}

[[gnu::always_inline]] inline void *allocate_quietly(std::size_t n, std::align_val_t align) noexcept
{
    const auto a = static_cast<std::size_t>(align);
    void *p = pki_entry_quick_aligned(n, a);
    return __builtin_expect(p != nullptr, 1)
               ? p
               : allocate_slowly_quietly(n, a, __builtin_return_address(0));
}

} // namespace

#define EXPORT __attribute__((visibility("default")))
using std::align_val_t;
using std::nothrow_t;
using std::size_t;

EXPORT void *operator new(size_t n) { return allocate(n); }
EXPORT void *operator new[](size_t n) { return allocate(n); }
EXPORT void *operator new(size_t n, align_val_t a) { return allocate(n, a); }
EXPORT void *operator new[](size_t n, align_val_t a) { return allocate(n, a); }
EXPORT void *operator new(size_t n, const nothrow_t &) noexcept { return allocate_quietly(n); }
EXPORT void *operator new[](size_t n, const nothrow_t &) noexcept { return allocate_quietly(n); }
EXPORT void *operator new(size_t n, align_val_t a, const nothrow_t &) noexcept
{
    return allocate_quietly(n, a);
}
EXPORT void *operator new[](size_t n, align_val_t a, const nothrow_t &) noexcept
{
    return allocate_quietly(n, a);
}

EXPORT void operator delete(void *p) noexcept { pki_entry_free(p); }
EXPORT void operator delete[](void *p) noexcept { pki_entry_free(p); }
EXPORT void operator delete(void *p, size_t n) noexcept { pki_entry_free_sized(p, n); }
EXPORT void operator delete[](void *p, size_t n) noexcept { pki_entry_free_sized(p, n); }
EXPORT void operator delete(void *p, align_val_t) noexcept { pki_entry_free(p); }
EXPORT void operator delete[](void *p, align_val_t) noexcept { pki_entry_free(p); }
EXPORT void operator delete(void *p, size_t n, align_val_t) noexcept { pki_entry_free_sized(p, n); }
EXPORT void operator delete[](void *p, size_t n, align_val_t) noexcept
{
    pki_entry_free_sized(p, n);
}
EXPORT void operator delete(void *p, const nothrow_t &) noexcept { pki_entry_free(p); }
EXPORT void operator delete[](void *p, const nothrow_t &) noexcept { pki_entry_free(p); }
EXPORT void operator delete(void *p, align_val_t, const nothrow_t &) noexcept { pki_entry_free(p); }
EXPORT void operator delete[](void *p, align_val_t, const nothrow_t &) noexcept
{
    pki_entry_free(p);
}
