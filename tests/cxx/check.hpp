/* SPDX-License-Identifier: MIT
 * check.hpp: CHECK for the C++ tests: it tells what failed and ends the program, which then is a
 * failed test. */
#ifndef TESTS_CXX_CHECK_HPP
#define TESTS_CXX_CHECK_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#define CHECK(condition) ((condition) ? void() : check_failed(__FILE__, __LINE__, #condition))

[[noreturn]] inline void check_failed(const char *file, int line, const char *text)
{
    std::fprintf(stderr, "%s:%d: expected %s\n", file, line, text);
    std::exit(1);
}

/* Does `expression` throw this? */
#define CHECK_THROWS(exception, expression)                                                        \
    do {                                                                                           \
        bool thrown = false;                                                                       \
        try {                                                                                      \
            static_cast<void>(expression);                                                         \
        } catch (const exception &) {                                                              \
            thrown = true;                                                                         \
        }                                                                                          \
        CHECK(thrown &&#exception);                                                                \
    } while (false)

inline bool is_aligned(const void *p, std::size_t align)
{
    return reinterpret_cast<std::uintptr_t>(p) % align == 0;
}

#endif /* TESTS_CXX_CHECK_HPP */
