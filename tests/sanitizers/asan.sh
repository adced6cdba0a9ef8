#!/bin/bash
# SPDX-License-Identifier: MIT
# AddressSanitizer, in a program compiled for it, sees bugs on the pools of a library that is not.
set -eu
. "$POOLKIT_SRC/tests/sanitizers/lib.bash"

export ASAN_OPTIONS=detect_leaks=0
# Whole chunks that are gone have no mapping any more: that is a SEGV, and reported too.
kinds='AddressSanitizer: (use-after-poison|heap-use-after-free|heap-buffer-overflow|SEGV)'

run_all() {
    local label=$1 program=$2 name status
    for name in $("$program"); do
        status=0
        "$program" "$name" >"$work/out" 2>&1 || status=$?
        expect_report "$label $name" $status "$work/out" "$kinds"
        status=0
        "$program" "$name" right >"$work/out" 2>&1 || status=$?
        expect_clean "$label $name right" $status "$work/out"
        status=0
        POOLKIT_OPTIONS=checkers=off "$program" "$name" right >"$work/out" 2>&1 || status=$?
        expect_clean "$label $name right, checkers off" $status "$work/out"
    done
}

tried=0
for compiler in gcc clang; do
    echo 'int main(void) { return 0; }' >"$work/empty.c"
    "$compiler" -fsanitize=address "$work/empty.c" -o "$work/empty" 2>/dev/null || continue
    for source in $(sources); do
        compile "$compiler" "$source" "$work/$source" -fsanitize=address
        run_all "$compiler $source" "$work/$source"
        tried=$((tried + 1))
    done
done
[ $tried -gt 0 ] || exit 77
exit $failed
