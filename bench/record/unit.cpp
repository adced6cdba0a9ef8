/* SPDX-License-Identifier: MIT
 * unit.cpp: what a compiler has to do in an ordinary file of C++: the library's headers, containers of
 * containers, a regular expression, and 150 instances of a template. Some 6.6 million events at -O2. */
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>

template <int N>
struct Layer {
    static std::map<std::string, std::vector<int>> words;
    static int sum()
    {
        words["a"].push_back(N);
        return Layer<N - 1>::sum() + N;
    }
};

template <int N>
std::map<std::string, std::vector<int>> Layer<N>::words;

template <>
struct Layer<0> {
    static int sum() { return 0; }
};

#ifndef LAYERS
#define LAYERS 150
#endif

int main()
{
    std::regex pattern("a.*b");
    std::unordered_map<std::string, int> sums;
    sums["x"] = Layer<LAYERS>::sum();
    std::cout << sums["x"] << std::regex_match("ab", pattern) << '\n';
}
