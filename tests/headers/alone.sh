#!/bin/sh
# Every public header compiles alone, without a warning, as each language it claims, with each
# compiler that is here.
set -u
cd "$POOLKIT_SRC/include" || exit 1

flags='-Wall -Wextra -Wpedantic -Wundef -Wconversion -Wshadow -Wcast-qual -Werror -fsyntax-only -I.'
status=0
compile() { # header compiler-and-options language standard
    command -v "${2%% *}" >/dev/null || return 0
    echo "#include <$1>" | $2 $flags -x "$3" -std="$4" - || { echo "$1: $2 -std=$4"; status=1; }
}

for header in poolkit/*.h; do
    for standard in c11 c17; do
        compile "$header" gcc c $standard
        compile "$header" clang c $standard
    done
    for standard in c++11 c++17; do
        compile "$header" g++ c++ $standard
        compile "$header" clang++ c++ $standard
    done
done
for header in poolkit/*.hpp; do
    [ -e "$header" ] || continue
    for standard in c++17 c++20; do
        compile "$header" g++ c++ $standard
        compile "$header" clang++ c++ $standard
        # No wish of the user's may be in the way: not these warnings, nor these languages.
        for wish in -Wold-style-cast '-fno-exceptions -fno-rtti'; do
            compile "$header" "g++ $wish" c++ $standard
            compile "$header" "clang++ $wish" c++ $standard
        done
    done
done
exit $status
