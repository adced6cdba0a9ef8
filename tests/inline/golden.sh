#!/bin/bash
# SPDX-License-Identifier: MIT
# The inline paths stay what they are: no call, no locked instruction, a known number of instructions
# from entry to return, and no way out but to the slow path.
set -eu
here=$POOLKIT_SRC/tests/inline
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v objdump >/dev/null || exit 77
status=0

# look COMPILER FUNCTION MOST
look() {
    local steps
    if ! steps=$(awk -v function_name="$2" -f "$here/paths.awk" "$work/$1.txt"); then
        echo "$1: $steps"
        status=1
    elif [ "$steps" -gt "$3" ]; then
        echo "$1: $2 takes $steps instructions, not $3"
        status=1
    fi
}

# refuse COMPILER FUNCTION WHY
refuse() {
    local text
    text=$(awk -v function_name="$2" -f "$here/paths.awk" "$work/$1.txt") &&
        { echo "$1: $2 passed: the check is blind"; status=1; return; }
    case $text in *"$3"*) ;; *) echo "$1: $2: $text, not $3"; status=1 ;; esac
}

tried=0
for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    $compiler -std=c11 -O2 -I"$POOLKIT_SRC/include" -c "$here/paths.c" -o "$work/$compiler.o"
    objdump -dr --no-show-raw-insn "$work/$compiler.o" >"$work/$compiler.txt"
    look $compiler arena_constant 9
    look $compiler arena_any_size 12
    look $compiler arena_typed 9
    look $compiler block_alloc 8
    look $compiler block_free 9
    refuse $compiler wrong_call 'leaves for something that is no slow path'
    refuse $compiler wrong_lock 'a locked instruction'
    refuse $compiler not_there 'is not there'
    tried=$((tried + 1))
done
[ $tried -gt 0 ] || exit 77
exit $status
