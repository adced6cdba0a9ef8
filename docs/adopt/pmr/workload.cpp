/* SPDX-License-Identifier: MIT
 * workload.cpp RESOURCE REQUESTS: each request is a document like JSON's that is read into a tree of
 * std::pmr containers, changed, asked, and dropped. RESOURCE says where the tree's memory comes from:
 *
 *     new         operator new and delete, as std::pmr does without being told
 *     pool        std::pmr::unsynchronized_pool_resource, one for all requests
 *     monotonic   std::pmr::monotonic_buffer_resource, one for each request
 *     buffered    the same, beginning in a buffer of 256 KiB that is kept, and that each request fits in
 *     arena       pk::arena_resource, an arena that is reset after each request
 *     heap        pk::heap_resource, one heap for all requests
 *
 * With arena, monotonic and buffered the tree itself is dropped without its destructors: all that it holds lies
 * in the resource, and a destructor would only walk it.
 */
#include <poolkit/poolkit.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory_resource>
#include <new>
#include <string>
#include <vector>

namespace
{

/* A value: a number, a text, a list, or an object with named members. */
struct value {
    using allocator_type = std::pmr::polymorphic_allocator<value>;

    explicit value(allocator_type a) : text(a), items(a), members(a) {}
    value(value &&from, allocator_type a)
        : number(from.number), text(std::move(from.text), a), items(std::move(from.items), a),
          members(std::move(from.members), a)
    {
    }
    value(value &&) = default;

    double number = 0;
    std::pmr::string text;
    std::pmr::vector<value> items;
    std::pmr::map<std::pmr::string, value> members;
};

/* Reads {"name": value, …}, [value, …], "text" and numbers. The text is our own and has no mistakes. */
class reader
{
  public:
    reader(const std::string &text, std::pmr::memory_resource *memory)
        : at_(text.c_str()), memory_(memory)
    {
    }

    void read(value &out)
    {
        switch (*at_) {
        case '{':
            read_members(out);
            break;
        case '[':
            read_items(out);
            break;
        case '"':
            out.text = read_text();
            break;
        default:
            read_number(out);
        }
    }

  private:
    std::pmr::string read_text()
    {
        const char *begin = ++at_;
        at_ = std::strchr(begin, '"');
        return std::pmr::string(begin, at_++, memory_);
    }

    void read_number(value &out)
    {
        char *end = nullptr;
        out.number = static_cast<double>(std::strtol(at_, &end, 10));
        at_ = end;
    }

    void read_items(value &out)
    {
        while (*at_++ != ']') {
            read(out.items.emplace_back());
        }
    }

    void read_members(value &out)
    {
        while (*at_++ != '}') {
            std::pmr::string name = read_text();
            at_++;
            read(out.members.try_emplace(std::move(name)).first->second);
        }
    }

    const char *at_;
    std::pmr::memory_resource *memory_;
};

/* An order with its lines; another one for each request. */
std::string document(unsigned request)
{
    std::string text = "{\"customer\":\"a customer with a long name, number " +
                       std::to_string(request % 1000) + "\",\"lines\":[";
    for (unsigned i = 0; i < 20 + request % 30; i++) {
        text += (i ? ",{" : "{");
        text += "\"article\":\"article number " + std::to_string((request * 31 + i) % 5000) +
                "\",\"count\":" + std::to_string(1 + i % 9) +
                ",\"price\":" + std::to_string((request + i * 37) % 900) +
                ",\"tags\":[1,2,\"new\"]}";
    }
    return text + "]}";
}

/* What the request is for: a sum over the lines, and a line more. */
double answer(value &order)
{
    double sum = 0;
    auto &lines = order.members.find("lines")->second.items;
    for (value &line : lines) {
        sum +=
            line.members.find("count")->second.number * line.members.find("price")->second.number;
    }
    lines.emplace_back().text = "a note that was added after the order had been read";
    order.members.try_emplace("sum").first->second.number = sum;
    return sum + static_cast<double>(order.members.size() + lines.size());
}

double handle(const std::string &text, std::pmr::memory_resource *memory)
{
    value order(memory);
    reader(text, memory).read(order);
    return answer(order);
}

/* The same, but the tree ends with its memory. */
double handle_and_forget(const std::string &text, std::pmr::memory_resource *memory)
{
    void *place = memory->allocate(sizeof(value), alignof(value));
    value *order = ::new (place) value(memory);
    reader(text, memory).read(*order);
    return answer(*order);
}

template <class Handle>
void serve(unsigned requests, Handle one)
{
    std::vector<std::string> documents;
    for (unsigned i = 0; i < 64; i++) {
        documents.push_back(document(i));
    }
    double sum = 0;
    for (unsigned i = 0; i < requests; i++) {
        sum += one(documents[i % documents.size()]);
    }
    std::printf("%.0f\n", sum);
}

int run(const char *resource, unsigned requests)
{
    if (std::strcmp(resource, "new") == 0) {
        serve(requests,
              [](const std::string &t) { return handle(t, std::pmr::new_delete_resource()); });
    } else if (std::strcmp(resource, "pool") == 0) {
        std::pmr::unsynchronized_pool_resource pool;
        serve(requests, [&](const std::string &t) { return handle(t, &pool); });
    } else if (std::strcmp(resource, "monotonic") == 0) {
        serve(requests, [](const std::string &t) {
            std::pmr::monotonic_buffer_resource buffer(4096);
            return handle_and_forget(t, &buffer);
        });
    } else if (std::strcmp(resource, "buffered") == 0) {
        std::vector<char> kept(256 << 10);
        serve(requests, [&](const std::string &t) {
            std::pmr::monotonic_buffer_resource buffer(kept.data(), kept.size());
            return handle_and_forget(t, &buffer);
        });
    } else if (std::strcmp(resource, "arena") == 0) {
        pk::arena arena;
        pk::arena_resource memory(arena.get());
        serve(requests, [&](const std::string &t) {
            double result = handle_and_forget(t, &memory);
            pk_arena_reset(arena.get());
            return result;
        });
    } else if (std::strcmp(resource, "heap") == 0) {
        pk::heap heap;
        pk::heap_resource memory(heap.get());
        serve(requests, [&](const std::string &t) { return handle(t, &memory); });
    } else {
        return 2;
    }
    return 0;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: workload new|pool|monotonic|buffered|arena|heap REQUESTS\n");
        return 2;
    }
    return run(argv[1], static_cast<unsigned>(std::atoi(argv[2])));
}
