# SPDX-License-Identifier: MIT
#
# What the scripts of this folder share; each one begins with
#     . "$(dirname "$0")/lib.bash"
#     expect TEXT FILE     the file has a line that matches the extended regular expression
#     build NAME LIBRARY   builds pools.c as $tmp/NAME with libpoolkit.LIBRARY (so or a)
#     start COMMAND...     runs it in the background with its output in $tmp/out, and waits until it is
#                          "ready"; $pid is its number; stop ends its input and waits for it
set -u
export LC_ALL=C
unset LD_PRELOAD POOLKIT_OPTIONS

here=$(cd "$(dirname "$0")" && pwd)
: "${POOLKIT_SRC:=$(cd "$here/../.." && pwd)}" "${POOLKIT_BUILD:=$POOLKIT_SRC/build}" "${CC:=cc}"
POOLKIT_BUILD=$(realpath "$POOLKIT_BUILD")
failed=0

skip()
{
    echo "skipped: $(basename "$0" .sh): $*" >&2
    exit 77
}

fail()
{
    echo "$(basename "$0" .sh): failed: $*" >&2
    failed=1
}

expect()
{
    grep -qE -- "$1" "$2" || {
        fail "no line like '$1' in:"
        head -40 "$2" >&2
    }
}

refuse()
{
    ! grep -qE -- "$1" "$2" || fail "there is a line like '$1' in $2"
}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/poolkit-observe.XXXXXX") || exit 1
pid=
cleanup()
{
    [ -z "$pid" ] || kill "$pid" 2> /dev/null
    rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

build()
{
    local library=$POOLKIT_BUILD/libpoolkit.$2
    "$CC" -std=gnu11 -g -O1 -I"$POOLKIT_SRC/include" "$here/pools.c" -o "$tmp/$1" "$library" \
        -pthread -Wl,-rpath,"$POOLKIT_BUILD" || {
        fail "pools.c cannot be built with $library"
        exit 1
    }
}

wait_until() # COMMAND...: up to ten seconds
{
    local tries=0
    until "$@" > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || return 1
        sleep 0.05
    done
}

start()
{
    rm -f "$tmp/in" && mkfifo "$tmp/in"
    : > "$tmp/out"
    "$@" < "$tmp/in" > "$tmp/out" 2> "$tmp/err" &
    pid=$!
    exec 9> "$tmp/in"
    wait_until grep -q ready "$tmp/out" || fail "$*: is not ready"
}

stop()
{
    exec 9>&-
    wait "$pid" || fail "it ended with status $?"
    pid=
}
