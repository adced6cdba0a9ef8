// SPDX-License-Identifier: MIT
//
// The operators new and delete, every form and pairing: alignment, bad_alloc for sizes that cannot
// be had (over-aligned ones too), the new_handler protocol, nothrow forms; then containers,
// threads, exceptions and thread_local objects whose destructors allocate.
//
#include "check.h"

#include <algorithm>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

// The sized forms by their symbols: not every compiler declares them by default.
void sized_delete(void *, std::size_t) noexcept __asm__("_ZdlPvm");
void sized_delete_array(void *, std::size_t) noexcept __asm__("_ZdaPvm");
void sized_delete(void *, std::size_t, std::align_val_t) noexcept __asm__("_ZdlPvmSt11align_val_t");
void sized_delete_array(void *, std::size_t, std::align_val_t) noexcept
    __asm__("_ZdaPvmSt11align_val_t");

namespace
{

const std::size_t impossible[] = {SIZE_MAX,           SIZE_MAX - 15,       SIZE_MAX - 100,
                                  SIZE_MAX - 4096,    SIZE_MAX / 2 + 1,    SIZE_MAX / 2,
                                  SIZE_MAX - 4194304, std::size_t(1) << 62};

bool aligned_to(void *p, std::size_t align)
{
    return (reinterpret_cast<std::uintptr_t>(p) & (align - 1)) == 0;
}

void fill(void *p, std::size_t n)
{
    CHECKF(p != nullptr && malloc_usable_size(p) >= n, "size %zu", n);
    if (p != nullptr) memset(p, 0x5a, n);
}

void all_forms()
{
    for (std::size_t n = 0; n <= 3000000; n += n < 2100 ? 1 : n / 3) {
        void *p[14];
        p[0] = ::operator new(n);
        p[1] = ::operator new[](n);
        p[2] = ::operator new(n, std::nothrow);
        p[3] = ::operator new[](n, std::nothrow);
        p[4] = ::operator new(n);
        p[5] = ::operator new[](n);
        for (int i = 0; i < 6; i++) {
            CHECKF(p[i] != nullptr && aligned_to(p[i], 16), "form %d, size %zu", i, n);
            fill(p[i], n);
            for (int k = 0; k < i; k++)
                CHECKF(p[i] != p[k], "two live blocks of size %zu are one", n);
        }
        ::operator delete(p[0]);
        ::operator delete[](p[1]);
        ::operator delete(p[2], std::nothrow);
        ::operator delete[](p[3], std::nothrow);
        sized_delete(p[4], n);
        sized_delete_array(p[5], n);
        if (n % 7 && n > 2100) continue;
        for (std::size_t align = 1; align <= 65536; align *= 4) {
            auto a = std::align_val_t(align);
            p[6] = ::operator new(n, a);
            p[7] = ::operator new[](n, a);
            p[8] = ::operator new(n, a, std::nothrow);
            p[9] = ::operator new[](n, a, std::nothrow);
            p[10] = ::operator new(n, a);
            p[11] = ::operator new[](n, a);
            for (int i = 6; i < 12; i++) {
                CHECKF(aligned_to(p[i], align), "form %d, size %zu align %zu", i, n, align);
                fill(p[i], n);
            }
            ::operator delete(p[6], a);
            ::operator delete[](p[7], a);
            ::operator delete(p[8], a, std::nothrow);
            ::operator delete[](p[9], a, std::nothrow);
            sized_delete(p[10], n, a);
            sized_delete_array(p[11], n, a);
        }
    }
    ::operator delete(opaque_ptr(nullptr));
    ::operator delete[](opaque_ptr(nullptr));
    ::operator delete(opaque_ptr(nullptr), std::nothrow);
    ::operator delete[](opaque_ptr(nullptr), std::nothrow);
    sized_delete(opaque_ptr(nullptr), std::size_t(8));
    sized_delete_array(opaque_ptr(nullptr), std::size_t(8));
    ::operator delete(opaque_ptr(nullptr), std::align_val_t(64));
    ::operator delete[](opaque_ptr(nullptr), std::align_val_t(64));
    ::operator delete(opaque_ptr(nullptr), std::align_val_t(64), std::nothrow);
    ::operator delete[](opaque_ptr(nullptr), std::align_val_t(64), std::nothrow);
    sized_delete(opaque_ptr(nullptr), std::size_t(8), std::align_val_t(64));
    sized_delete_array(opaque_ptr(nullptr), std::size_t(8), std::align_val_t(64));
}

// The call throws bad_alloc (a real one: caught as std::exception, with its what()).
void throws(const char *what, std::size_t n, const std::function<void *()> &call)
{
    try {
        void *p = call();
        CHECKF(false, "%s(%#zx) gives %p", what, n, p);
    } catch (const std::bad_alloc &e) {
        CHECKF(strstr(e.what(), "bad_alloc") != nullptr, "%s(%#zx)", what, n);
    } catch (...) {
        CHECKF(false, "%s(%#zx) throws something else", what, n);
    }
}

void impossible_sizes()
{
    const bool plain = check_plain_libc() != 0; // libstdc++ 12 overflows when it rounds sizes up
    for (std::size_t raw : impossible) {
        const std::size_t n = opaque(raw);
        throws("new", n, [n] { return ::operator new(n); });
        throws("new[]", n, [n] { return ::operator new[](n); });
        CHECKF(::operator new(n, std::nothrow) == nullptr, "size %#zx", n);
        CHECKF(::operator new[](n, std::nothrow) == nullptr, "size %#zx", n);
        for (std::size_t align = 16; align <= 1048576 && !plain; align *= 16) {
            const auto a = std::align_val_t(align);
            throws("aligned new", n, [n, a] { return ::operator new(n, a); });
            throws("aligned new[]", n, [n, a] { return ::operator new[](n, a); });
            CHECKF(::operator new(n, a, std::nothrow) == nullptr, "%#zx align %zu", n, align);
            CHECKF(::operator new[](n, a, std::nothrow) == nullptr, "%#zx align %zu", n, align);
        }
    }
    throws("new char[]", impossible[4], [] { return new char[opaque(SIZE_MAX / 2 + 1)]; });
    try {
        std::vector<int> v;
        v.resize(opaque(SIZE_MAX / 16));
        CHECKF(v.empty(), "a vector of %zu", v.size());
    } catch (const std::bad_alloc &) {
    }
}

int handler_calls;

void handler_gives_up()
{
    if (++handler_calls == 5) std::set_new_handler(nullptr);
}

void handler_throws()
{
    ++handler_calls;
    throw std::bad_alloc();
}

struct other_alloc : std::bad_alloc {
};

void handler_throws_other() { throw other_alloc(); }

void handler_second()
{
    if (++handler_calls == 7) std::set_new_handler(nullptr);
}

void handler_replaces_itself()
{
    if (++handler_calls == 3) std::set_new_handler(handler_second);
}

void new_handlers()
{
    const std::size_t n = opaque(SIZE_MAX / 2);
    const auto a = std::align_val_t(256);
    const std::function<void *()> forms[] = {
        [=] { return ::operator new(n); },
        [=] { return ::operator new[](n); },
        [=] { return ::operator new(n, a); },
        [=] { return ::operator new[](n, a); },
    };
    for (const auto &form : forms) {
        handler_calls = 0;
        std::set_new_handler(handler_gives_up);
        throws("new with a handler that gives up", n, form);
        CHECKF(handler_calls == 5, "called %d times", handler_calls);
        handler_calls = 0;
        std::set_new_handler(handler_replaces_itself);
        throws("new with a handler that replaces itself", n, form);
        CHECKF(handler_calls == 7, "called %d times", handler_calls);
        handler_calls = 0;
        std::set_new_handler(handler_throws);
        throws("new with a handler that throws", n, form);
        CHECKF(handler_calls == 1, "called %d times", handler_calls);
        std::set_new_handler(handler_throws_other);
        bool other = false;
        try {
            form();
        } catch (const other_alloc &) {
            other = true;
        } catch (...) {
        }
        CHECK(other);
    }
    const std::function<void *()> nothrow_forms[] = {
        [=] { return ::operator new(n, std::nothrow); },
        [=] { return ::operator new[](n, std::nothrow); },
        [=] { return ::operator new(n, a, std::nothrow); },
        [=] { return ::operator new[](n, a, std::nothrow); },
    };
    for (const auto &form : nothrow_forms) {
        handler_calls = 0;
        std::set_new_handler(handler_throws);
        CHECK(form() == nullptr);
        CHECKF(handler_calls == 1, "called %d times", handler_calls);
        handler_calls = 0;
        std::set_new_handler(handler_gives_up);
        CHECK(form() == nullptr);
        CHECKF(handler_calls == 5, "called %d times", handler_calls);
    }
    // A handler that frees memory: the call succeeds in the end. (The limit is the address space.)
    std::set_new_handler(nullptr);
    CHECK(std::get_new_handler() == nullptr);
}

struct alignas(128) wide {
    char text[300];
};

struct throwing {
    std::string text = std::string(200, 'x');
    throwing() { throw std::string("constructor"); }
};

void objects()
{
    for (int i = 0; i < 300; i++) {
        auto one = std::make_unique<wide>();
        std::unique_ptr<wide[]> many(new wide[std::size_t(i) + 1]);
        CHECK(aligned_to(one.get(), 128) && aligned_to(many.get(), 128));
        many[std::size_t(i)].text[299] = 1;
        try {
            auto *p = new throwing;
            CHECKF(false, "%p", static_cast<void *>(p));
        } catch (const std::string &s) {
            CHECK(s == "constructor");
        }
    }
}

std::size_t containers(unsigned seed)
{
    std::vector<std::string> words;
    std::map<std::string, std::vector<unsigned>> index;
    std::unordered_map<unsigned, std::shared_ptr<std::string>> shared;
    std::list<std::string> chain;
    check_rng r = {seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    for (unsigned i = 0; i < 20000; i++) {
        words.push_back(std::to_string(rng_next(&r) % 5000) + std::string(rng_below(&r, 60), 'a'));
        index[words.back()].push_back(i);
        shared[unsigned(rng_below(&r, 3000))] = std::make_shared<std::string>(words.back());
        chain.push_front(words.back());
        if (i % 3 == 0) chain.pop_back();
        if (i % 5 == 0) index.erase(index.begin());
    }
    std::sort(words.begin(), words.end());
    chain.sort();
    std::size_t sum = chain.size() + index.size() + shared.size();
    for (const auto &w : words) sum += w.size();
    for (const auto &e : index)
        for (unsigned i : e.second) sum += i;
    return sum;
}

int late_destructors;

struct late {
    std::vector<std::string> text;
    ~late()
    {
        std::string all;
        for (int i = 0; i < 50; i++) text.push_back(std::string(std::size_t(i) * 9, 'z'));
        for (const auto &t : text) all += t;
        CHECK(all.size() == 9 * 49 * 50 / 2);
        __atomic_fetch_add(&late_destructors, 1, __ATOMIC_RELAXED);
    }
};

thread_local late late_object;
thread_local std::string late_string = std::string(100, 'q');

void threads()
{
    const std::size_t expected[2] = {containers(1), containers(2)};
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < 4; i++)
        workers.emplace_back([i, &expected] {
            late_object.text.push_back(late_string);
            late_object.text.clear();
            CHECK(containers(i % 2 + 1) == expected[i % 2]);
        });
    for (auto &w : workers) w.join();
    workers.clear();
    for (int round = 0; round < 200; round++) {
        std::string *from = nullptr;
        std::thread t([&from] {
            late_object.text.push_back(late_string);
            late_object.text.clear();
            from = new std::string(500, 'f');
        });
        t.join();
        CHECK(from != nullptr && *from == std::string(500, 'f'));
        delete from;
    }
    CHECKF(late_destructors == 204, "%d thread_local destructors ran", late_destructors);
}

void exceptions()
{
    std::vector<std::thread> workers;
    for (int i = 0; i < 3; i++)
        workers.emplace_back([] {
            for (int k = 0; k < 3000; k++) {
                try {
                    std::vector<std::string> v(std::size_t(k % 50), std::string(40, 'e'));
                    throw std::make_unique<std::string>(v.empty() ? "none" : v.back());
                } catch (const std::unique_ptr<std::string> &e) {
                    CHECK(!e->empty());
                }
                try {
                    (void)::operator new(opaque(SIZE_MAX / 2));
                } catch (const std::bad_alloc &) {
                    std::exception_ptr again = std::current_exception();
                    CHECK(again != nullptr);
                }
            }
        });
    for (auto &w : workers) w.join();
}

} // namespace

int main()
{
    check_time_limit(60);
    all_forms();
    impossible_sizes();
    new_handlers();
    objects();
    threads();
    exceptions();
    return check_result();
}
