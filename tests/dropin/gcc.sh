#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Compilers: poolkit's own sources with gcc -O2 -g, a program linked with link-time optimisation, a
# C++ file full of templates (GoogleTest's sources where they are installed), and clang. The bytes
# of every object file must be the same.
. "$(dirname "$0")/lib.bash"
need gcc ar

sums()
{
    sha256sum "$@"
}

own_sources()
{
    local file name objects=()
    for file in "$POOLKIT_SRC"/src/*/*.c; do
        [ -e "$file" ] || continue
        name=$(echo "${file#"$POOLKIT_SRC"/}" | tr / _)
        echo "$name"
        # Sources that do not compile count too: the messages are compared.
        gcc -std=gnu11 -O2 -g -frandom-seed="$name" -w -I"$POOLKIT_SRC/include" \
            -I"$POOLKIT_SRC/src" -c "$file" -o "$name.o" || echo "status $?"
        [ -e "$name.o" ] && objects+=("$name.o")
    done
    [ ${#objects[@]} -eq 0 ] || ar rcD all.a "${objects[@]}"
    sums ./*.o ./*.a 2> /dev/null
    return 0
}

link_time()
{
    for i in 1 2 3 4; do
        {
            for k in $(seq 150); do
                echo "static int f${i}_$k(int x, char *s) { for (int i = 0; i < x; i++)"
                echo "  s[i % 16] = (char)(s[(i * $k) % 16] + $i); return s[3] + x * $k; }"
            done
            echo "int part$i(int x); int part$i(int x) {"
            echo '  char s[17] = "0123456789abcdef"; int r = 0;'
            for k in $(seq 150); do echo "  r += f${i}_$k(x & 63, s);"; done
            echo '  return r; }'
        } > "part$i.c"
        gcc -O2 -g -flto -frandom-seed="part$i" -c "part$i.c" || return 1
    done
    cat > main.c << 'END'
#include <stdio.h>
int part1(int), part2(int), part3(int), part4(int);
int main(void)
{
    printf("%d\n", part1(9) + part2(8) + part3(7) + part4(6));
    return 0;
}
END
    gcc -O2 -g -flto=2 -frandom-seed=main -Wl,--build-id=none main.c part?.o -o program || return 1
    ./program
    sums part?.o
    objcopy -O binary --only-section=.text program text.bin && sums text.bin
}

templates()
{
    cat > t.cpp << 'END'
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>
template <int N> struct fib { static constexpr long v = fib<N - 1>::v + fib<N - 2>::v; };
template <> struct fib<1> { static constexpr long v = 1; };
template <> struct fib<0> { static constexpr long v = 0; };
template <class... T> auto sum(T... t) { return (t + ... + 0); }
template <std::size_t... I> long all(std::index_sequence<I...>) { return sum(fib<I % 80>::v...); }
using any = std::variant<int, double, std::string, std::vector<int>, std::map<int, std::string>>;
int main()
{
    std::map<int, std::string> six{{6, "s"}};
    std::vector<any> v{1, 2.5, "three", std::vector<int>{4, 5}, six};
    for (auto &a : v)
        std::visit([](auto &x) { std::cout << sizeof x << ' '; }, a);
    std::regex word("([a-z]+)([0-9]*)");
    std::smatch m;
    std::string s = "abc123";
    if (std::regex_match(s, m, word))
        std::cout << m[1] << m[2];
    std::unordered_map<std::string, std::function<int(int)>> f;
    f["twice"] = [](int x) { return x * 2; };
    std::cout << f["twice"](21) << all(std::make_index_sequence<300>()) << "\n";
}
END
    g++ -std=c++17 -O2 -g -frandom-seed=t -c t.cpp -o t.o || return 1
    sums t.o
}

clang_too()
{
    cp "$here/check.h" check.h
    printf '#include "check.h"\nint main(void) { CHECK(1); return check_result(); }\n' > c.c
    clang -O2 -g -c c.c -o c.o || return 1
    sums c.o
}

google_test()
{
    g++ -O1 -g -frandom-seed=g -I/usr/src/googletest/googletest/include \
        -I/usr/src/googletest/googletest -c /usr/src/googletest/googletest/src/gtest-printers.cc \
        -o g.o || return 1
    sums g.o
}

both "own sources" own_sources
both "link-time optimisation" link_time
command -v g++ > /dev/null && both "templates" templates
command -v clang > /dev/null && both "clang" clang_too
[ -r /usr/src/googletest/googletest/src/gtest-printers.cc ] && both "googletest" google_test
finish
