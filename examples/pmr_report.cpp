/* SPDX-License-Identifier: MIT
 * pmr_report.cpp: the words of some documents, counted with the standard containers in an arena. Each
 * document's map, its nodes and its long words are built in one arena and never freed singly; the
 * next document finds the same memory, warm. */
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <poolkit/poolkit.hpp>

namespace
{

struct document {
    const char *title, *text;
    std::string_view top; /* the word expected to be the most frequent */
    unsigned times;
};

const document documents[] = {
    {"on pools",
     "A pool takes memory ahead, in large chunks, and hands it out itself. A pool that knows the"
     " size of its blocks needs no header; a pool that knows when they die needs no free. What the"
     " pool does not know, it has to write down.",
     "pool", 4},
    {"on arenas",
     "An arena is a pointer that moves through a chunk. Mark the arena, use the arena, rewind the"
     " arena: everything since is gone at once. Internationalization-and-localization tables,"
     " syntax trees, requests: one arena each.",
     "arena", 5},
};

using counts = std::pmr::unordered_map<std::pmr::string, unsigned>;

/* Words of four letters and more, in small letters. */
counts count_words(std::string_view text, std::pmr::memory_resource *memory)
{
    counts result(memory);
    std::pmr::string word(memory);
    auto finish = [&] {
        if (word.size() >= 4) result[word]++;
        word.clear();
    };
    for (char c : text) {
        auto letter = static_cast<unsigned char>(c);
        if (std::isalpha(letter) || c == '-') {
            word += static_cast<char>(std::tolower(letter));
        } else {
            finish();
        }
    }
    finish();
    return result;
}

using entry = counts::value_type;

/* The `n` most frequent, equal ones by name. */
std::pmr::vector<const entry *> top(const counts &words, std::size_t n,
                                    std::pmr::memory_resource *memory)
{
    std::pmr::vector<const entry *> order(memory);
    order.reserve(words.size());
    for (const entry &each : words) order.push_back(&each);
    std::sort(order.begin(), order.end(), [](const entry *a, const entry *b) {
        return a->second != b->second ? a->second > b->second : a->first < b->first;
    });
    if (order.size() > n) order.resize(n);
    return order;
}

bool report(const document &doc, std::pmr::memory_resource *memory)
{
    const counts words = count_words(doc.text, memory);
    const auto best = top(words, 3, memory);
    std::printf("%s: %zu words\n", doc.title, words.size());
    for (const entry *each : best) std::printf("  %-6s %u\n", each->first.c_str(), each->second);
    return !best.empty() && best[0]->first == doc.top && best[0]->second == doc.times;
}

} // namespace

int main()
{
    pk::arena arena;
    pk::arena_resource memory(arena.get());
    bool right = true;
    for (const document &doc : documents) {
        pk::arena_scope scope(arena.get()); /* what the document needed is gone at its end */
        right = report(doc, &memory) && right;
    }
    pk_stats stats;
    pk_arena_stats(arena.get(), &stats);
    return right && stats.live == 0 ? 0 : 1;
}
