#!/bin/bash
# SPDX-License-Identifier: MIT
# libFuzzer on each target: tests/fuzz/run.sh BUILD-FOLDER [TARGET...]; FUZZ_SECONDS (600) for each.
# Targets: heap, pools, options, trace. Every one starts from corpus/TARGET here and keeps what it finds in
# BUILD-FOLDER/fuzz/TARGET; inputs that fail are left beside it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
src=$(cd "$here/../.." && pwd)
out=$1/fuzz
shift
mkdir -p "$out"
out=$(cd "$out" && pwd)
flags="-g -O1 -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=all"
command -v clang >/dev/null || { echo "fuzz: clang is missing (scripts/setup test)" >&2; exit 1; }

# The checkers' slow path would hide the stacks: what the pools themselves do is under test here.
export POOLKIT_OPTIONS=checkers=off
library() {
    mkdir -p "$out/objects"
    ls "$src"/src/{base,os,slab,pool,heap}/*.c | grep -v _none.c | xargs -P "$(nproc)" -I{} sh -c \
        'clang $0 -fsanitize=fuzzer-no-link -DPKI_VERSION=\"fuzz\" -I"$1/src" -I"$1/include" -c "$3" \
             -o "$2/objects/$(basename "$3" .c).o"' "$flags" "$src" "$out" {}
}
fuzz() { # target
    local most=4096
    [ "$1" != options ] || most=200
    mkdir -p "$out/$1"
    echo "fuzz: $1 for ${FUZZ_SECONDS:-600} s"
    "$out/fuzz_$1" -max_total_time="${FUZZ_SECONDS:-600}" -max_len=$most -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="$out/$1-" "$out/$1" "$here/corpus/$1" \
        2>"$out/$1.txt" || { tail -40 "$out/$1.txt"; return 1; }
    grep -E 'number_of_executed_units|peak_rss' "$out/$1.txt"
}

status=0
[ $# -gt 0 ] || set -- heap pools options trace
case " $* " in *heap*|*pools*|*options*) library ;; esac
for target; do
    if [ "$target" = trace ]; then
        echo "fuzz: trace for ${FUZZ_SECONDS:-600} s"
        POOLKIT_SRC=$src POOLKIT_BUILD=$out POOLKIT_FUZZ_SECONDS=${FUZZ_SECONDS:-600} \
            "$src/tests/trace/slow_fuzz.sh" >"$out/trace.txt" 2>&1 || { tail -40 "$out/trace.txt"; status=1; }
        grep -E 'number_of_executed_units|peak_rss' "$out/trace.txt" || true
        continue
    fi
    clang $flags -fsanitize=fuzzer -I"$src/src" -I"$src/include" -I"$src/tests/support" \
        "$here/fuzz_$target.c" "$out"/objects/*.o -lpthread -o "$out/fuzz_$target"
    fuzz "$target" || status=1
done
exit $status
