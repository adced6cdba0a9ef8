/* SPDX-License-Identifier: MIT
 * counted.hpp: a type that counts its objects. */
#ifndef TESTS_CXX_COUNTED_HPP
#define TESTS_CXX_COUNTED_HPP

/* Knows how many of its kind live, and in which order they ended; its constructor throws a number if
 * told to. */
struct counted {
    static inline int live = 0, made = 0, last_ended = 0, throw_at = 0;

    int value;
    explicit counted(int v = 0) : value(v)
    {
        made++;
        if (throw_at && made >= throw_at) throw made;
        live++;
    }
    ~counted()
    {
        live--;
        last_ended = value;
    }
    counted(const counted &) = delete;
    counted &operator=(const counted &) = delete;
};

#endif /* TESTS_CXX_COUNTED_HPP */
