#!/bin/sh
# The library builds without a warning on musl's C library, and a program that is linked statically with
# the drop-in gets its memory from it.
set -eu
command -v musl-gcc > /dev/null || { echo "skipped: musl-gcc is missing: scripts/setup musl"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quiet() { "$@" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }
here=$POOLKIT_SRC/tests/install/consumer

CC=musl-gcc CFLAGS=-Werror quiet cmake -S "$POOLKIT_SRC" -B "$work/build" -DPOOLKIT_TESTS=OFF -DPOOLKIT_TOOLS=OFF
quiet cmake --build "$work/build" -j2 --target poolkit_shared poolkit_static poolkit_malloc_static
link() { musl-gcc -static -I"$POOLKIT_SRC/include" "$@" -o "$work/program"; "$work/program"; }
link "$here/main.c" "$work/build/libpoolkit.a"
link "$here/malloc.c" "$work/build/libpoolkit-malloc.a"
