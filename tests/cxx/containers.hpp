/* SPDX-License-Identifier: MIT
 * containers.hpp: the standard containers at work on an allocator, for std::pmr's and for ours. No
 * single request is above 4096 bytes, so that a pool of such blocks can serve it. */
#ifndef TESTS_CXX_CONTAINERS_HPP
#define TESTS_CXX_CONTAINERS_HPP

#include <functional>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "check.hpp"

struct alignas(64) wide {
    int value;
};

template <template <class> class Alloc>
struct containers {
    template <class T>
    using vector = std::vector<T, Alloc<T>>;
    template <class T>
    using list = std::list<T, Alloc<T>>;
    using string = std::basic_string<char, std::char_traits<char>, Alloc<char>>;
    template <class K, class V>
    using map = std::map<K, V, std::less<>, Alloc<std::pair<const K, V>>>;
    template <class K, class V>
    using hash_map =
        std::unordered_map<K, V, std::hash<K>, std::equal_to<>, Alloc<std::pair<const K, V>>>;

    static void sequences(Alloc<char> a)
    {
        vector<int> numbers(a);
        for (int i = 0; i < 500; i++) numbers.push_back(i);
        numbers.erase(numbers.begin(), numbers.begin() + 100);
        numbers.shrink_to_fit();
        CHECK(numbers.size() == 400 && numbers.front() == 100 && numbers.back() == 499);

        vector<wide> aligned(a);
        for (int i = 0; i < 20; i++) aligned.push_back(wide{i});
        CHECK(is_aligned(aligned.data(), 64) && aligned[19].value == 19);

        list<wide> nodes(a);
        for (int i = 0; i < 20; i++) nodes.push_front(wide{i});
        for (const wide &each : nodes) CHECK(is_aligned(&each, 64));
        nodes.remove_if([](const wide &w) { return w.value % 2 == 1; });
        CHECK(nodes.size() == 10 && nodes.front().value == 18);

        string text(a);
        for (int i = 0; i < 100; i++) text += "longer than a short string ";
        CHECK(text.size() == 2700 && text.compare(2673, 27, "longer than a short string ") == 0);
    }

    static void maps(Alloc<char> a)
    {
        map<int, string> sorted(a);
        hash_map<int, int> hashed(a);
        for (int i = 0; i < 200; i++) {
            sorted.emplace(199 - i, string(static_cast<std::size_t>(i) + 1, 'x', a));
            hashed[i * 7] = i;
        }
        for (int i = 0; i < 200; i += 2) {
            sorted.erase(i);
            hashed.erase(i * 7);
        }
        CHECK(sorted.size() == 100 && sorted.begin()->first == 1);
        CHECK(sorted.begin()->second.size() == 199 && hashed.at(7) == 1 && hashed.count(14) == 0);
    }

    static void moves(Alloc<char> a, Alloc<char> b)
    {
        vector<string> from(a);
        for (int i = 0; i < 10; i++) from.push_back(string("another text that is not short", a));
        vector<string> taken(std::move(from));
        vector<string> copied(taken, b);
        vector<string> assigned(b);
        assigned = taken;
        CHECK(taken.size() == 10 && copied == taken && assigned == taken);
        CHECK(taken.get_allocator() == Alloc<string>(a));
        CHECK(assigned.get_allocator() == Alloc<string>(b));
        assigned = std::move(taken);
        CHECK(assigned.size() == 10 && assigned[9] == "another text that is not short");
    }

    static void all(Alloc<char> a, Alloc<char> b)
    {
        sequences(a);
        maps(a);
        moves(a, a);
        moves(a, b);
    }
};

#endif /* TESTS_CXX_CONTAINERS_HPP */
