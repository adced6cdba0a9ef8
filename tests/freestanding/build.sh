#!/bin/sh
# The library without an operating system, built as docs/embedded.md says:
#  - by gcc and clang for 64 and 32 bits: with the compiler's own headers and the two in libc/ it
#    compiles without a warning, and needs no functions but memcpy and its like;
#  - examples/static_pool.c and pools.c, each linked with it and start.c alone, run and find their
#    results right;
#  - clang compiles it for boards, too; the document tells how large it is at most.
set -eu
cd "$POOLKIT_SRC"
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "start.c is for Linux on x86-64"; exit 77; }
here=tests/freestanding
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wcast-qual -Wwrite-strings -Wmissing-prototypes
          -Wno-psabi -Werror'

# The lines of the document's first sh block, and the size that it tells.
awk '/^```sh/ { on = 1; next } /^```/ { if (on) exit } on' docs/embedded.md > "$work/commands"
kilobytes=$(sed -n 's/.*less than \([0-9]*\) KiB of code.*/\1/p' docs/embedded.md)
[ -s "$work/commands" ] && [ "$kilobytes" -gt 0 ]

# The functions that the objects need: those of string.h and the compiler's own are left out.
missing() {
    nm "$OUT"/*.o | awk '$1 == "U" { used[$2] } $2 ~ /[A-Z]/ { here[$3] }
                         END { for (f in used) if (!(f in here)) print f }' |
        grep -vxE 'mem(cpy|move|set|cmp)|__(popcount|clz|ctz|u?div|u?mod|u?divmod)di[234]|__aeabi_[a-z0-9]+' || :
}

# What the port for Linux defines and this one does not.
not_ported() {
    for file in src/os/*_linux.c; do
        nm -g --defined-only "$OUT/$(basename "$file" _linux.c)_none.o" | awk '{ print $3 }'
    done | sort > "$work/none"
    for file in src/os/*_linux.c; do
        $CC -std=c11 -D_GNU_SOURCE -Iinclude -Isrc -c "$file" -o "$work/linux.obj"
        nm -g --defined-only "$work/linux.obj" | awk '{ print $3 }'
    done | sort | comm -23 - "$work/none"
}

# Builds the library for one compiler and target ("" = this machine): build gcc -m32
build() {
    CC=$1 OUT=$work/$1$2 options=$2
    CFLAGS="$options -Os -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables $warnings
            -nostdinc -isystem $($CC -print-file-name=include) -isystem $here/libc"
    mkdir "$OUT"
    . "$work/commands"
    set -- $(size -t "$OUT/libpoolkit.a" | tail -1)
    echo "$CC $options: code $1, data $2, zeros $3"
    [ -z "$(missing)" ] || { echo "it needs" $(missing); exit 1; }
    [ "$1" -lt $((kilobytes * 1024)) ] || { echo "that is more than $kilobytes KiB"; exit 1; }
}

# Links a program with what `build` built, and runs it: run examples/static_pool.c
run() {
    compile="$CC $CFLAGS -std=c11 -ffreestanding"
    $compile -Iinclude -c "$1" -o "$OUT/program.obj"
    $compile -fno-builtin -c $here/start.c -o "$OUT/start.obj"
    $CC $options -nostdlib -static -Wl,--gc-sections,--build-id=none "$OUT/start.obj" \
        "$OUT/program.obj" "$OUT/libpoolkit.a" -o "$OUT/program"
    program=$1
    set -- $(size "$OUT/program" | tail -1)
    echo "    $program: code $1, data $2, zeros $3"
    status=0
    "$OUT/program" || status=$?
    [ "$options$status" = -m32126 ] && echo "    not run: this kernel runs no 32-bit programs" && return
    [ $status = 0 ] || { echo "it ends with $status"; exit 1; }
}

found=
for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    found=yes
    for options in '' -m32; do
        build $compiler "$options"
        run examples/static_pool.c
        run $here/pools.c
    done
    lacks=$(OUT=$work/$compiler not_ported)
    [ -z "$lacks" ] || { echo "src/os/*_none.c:" $lacks "is not there"; exit 1; }
done
[ -n "$found" ] || exit 77
if clang --print-targets 2>/dev/null | grep -qw thumb; then
    build clang --target=thumbv7m-none-eabi
fi
