# SPDX-License-Identifier: MIT
# lib.bash: what asan.sh and valgrind.sh share: programs with planted bugs, compiled against the library
# as users get it.
here=$POOLKIT_SRC/tests/sanitizers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() { echo "$*"; failed=1; }

# compile COMPILER SOURCE PROGRAM FLAGS...
compile() {
    local compiler=$1 source=$2 program=$3
    shift 3
    "$compiler" -std=c11 -O1 -g "$@" -I"$POOLKIT_SRC/include" "$here/$source.c" \
        "$POOLKIT_BUILD/libpoolkit.a" -pthread -o "$program"
}

# The sources whose pools the library has.
sources() {
    echo arena_bugs
    local symbols
    symbols=$(nm --defined-only "$POOLKIT_BUILD/libpoolkit.a" 2>/dev/null)
    grep -q ' T pk_block_pool_init$' <<<"$symbols" && echo block_bugs
    grep -q ' T pk_shared_pool_create$' <<<"$symbols" && echo shared_bugs
    return 0
}

# expect LABEL STATUS FILE PATTERN: the run failed, and says why.
expect_report() {
    [ "$2" -ne 0 ] || complain "$1: the bug went unnoticed"
    grep -qE "$4" "$3" || { complain "$1: no report of it:"; head -20 "$3"; }
}

# expect_clean LABEL STATUS FILE
expect_clean() {
    [ "$2" -eq 0 ] && [ ! -s "$3" ] || { complain "$1: complaints without a bug:"; head -20 "$3"; }
}
