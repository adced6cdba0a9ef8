#!/bin/sh
# The one-file form compiles alone without a warning under gcc and clang, the examples run on it, in C
# and C++, and it exports the names that libpoolkit.so does.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$POOLKIT_SRC/scripts/amalgamate" "$work"
mkdir "$work/examples"
for example in "$POOLKIT_SRC"/examples/*.c "$POOLKIT_SRC"/examples/*.cpp; do
    sed 's|^#include <poolkit/.*\.\(hp*\)>|#include "poolkit.\1"|' "$example" > "$work/examples/${example##*/}"
done
cd "$work"
echo '#include "poolkit.h"' > header.c

# try(compiler, C++ compiler)
try() {
    command -v "$1" > compiler && command -v "$2" > compiler || { echo "$1: not here"; return 0; }
    warnings="-O2 -Wall -Wextra -Werror -I."
    "$1" -std=c11 $warnings -c poolkit.c -o poolkit.o
    "$1" -std=c11 $warnings -fsyntax-only header.c
    for example in examples/*.c; do
        "$1" -std=gnu11 $warnings "$example" poolkit.o -pthread -o program
        ./program > output || { echo "$1: $example ends with $?"; cat output; exit 1; }
    done
    for example in examples/*.cpp; do
        "$2" -std=c++17 $warnings "$example" poolkit.o -pthread -o program
        ./program > output || { echo "$2: $example ends with $?"; cat output; exit 1; }
    done
}
try gcc g++
try clang clang++

public() { nm "$@" | awk '$2 ~ /[TDBRV]/ && $3 ~ /^pk_/ { print $3 }' | sort; }
public poolkit.o > ours
public -D "$POOLKIT_BUILD/libpoolkit.so" | diff - ours || { echo "other names than libpoolkit.so's"; exit 1; }
