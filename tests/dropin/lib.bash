# SPDX-License-Identifier: MIT
#
# What the scripts of this folder share; each one begins with
#     . "$(dirname "$0")/lib.bash"
# and runs real programs twice, with the system's malloc and with the drop-in preloaded:
#     need PROGRAM...      skip the test (77) unless all are installed
#     both NAME COMMAND    run COMMAND (a program or a shell function) twice, each time in a fresh
#                          folder; exit status, standard output and standard error must be the same
#     filter               override it to take timings, process ids and the like out of the output
#     finish               the result of the script
# The drop-in is $POOLKIT_BUILD/libpoolkit-malloc.so, or the library that POOLKIT_PRELOAD names.

set -u
export LC_ALL=C TZ=UTC PYTHONHASHSEED=0
unset LD_PRELOAD

script=$(basename "$0" .sh)
here=$(cd "$(dirname "$0")" && pwd)
: "${POOLKIT_SRC:=$(cd "$here/../.." && pwd)}"
preload=${POOLKIT_PRELOAD:-${POOLKIT_BUILD:-$POOLKIT_SRC/build}/libpoolkit-malloc.so}
failed=0

skip()
{
    echo "skipped: $script: $*" >&2
    exit 77
}

fail()
{
    echo "$script: failed: $*" >&2
    failed=1
}

need()
{
    for program in "$@"; do
        command -v "$program" > /dev/null || skip "$program is not installed"
    done
}

[ -r "$preload" ] || skip "$preload is not there"
preload=$(realpath "$preload")
# A preload that the loader ignores would make every comparison pass.
LD_PRELOAD=$preload grep -qF "$preload" /proc/self/maps || {
    fail "the loader does not load $preload"
    exit 1
}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/poolkit-$script.XXXXXX") || exit 1
cleanup()
{
    rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

filter()
{
    cat
}

# Run once in a fresh folder that has the same path each time.
run_one() # plain|preload COMMAND...
{
    local how=$1 status
    shift
    rm -rf "$tmp/work" && mkdir "$tmp/work"
    (
        cd "$tmp/work" || exit 1
        export HOME=$tmp/work TMPDIR=$tmp/work
        [ "$how" = plain ] || export LD_PRELOAD=$preload
        "$@"
    ) > "$tmp/out.$how" 2> "$tmp/err.$how" < /dev/null
    status=$?
    filter < "$tmp/out.$how" > "$tmp/output.$how"
    filter < "$tmp/err.$how" > "$tmp/error.$how"
    echo "$status" > "$tmp/status.$how"
}

both() # NAME COMMAND...
{
    local name=$1 part
    shift
    run_one plain "$@"
    run_one preload "$@"
    for part in status output error; do
        if ! cmp -s "$tmp/$part.plain" "$tmp/$part.preload"; then
            fail "$name: $part differs (< system malloc, > drop-in)"
            diff -a "$tmp/$part.plain" "$tmp/$part.preload" | head -20 | cut -c1-200 >&2
        fi
    done
    # The work must have been done: equal failures prove nothing.
    if [ "$(cat "$tmp/status.plain")" != 0 ]; then
        fail "$name: fails with the system's malloc too (status $(cat "$tmp/status.plain"))"
        tail -5 "$tmp/error.plain" >&2
    fi
    [ -s "$tmp/output.plain" ] || fail "$name: no output to compare"
}

finish()
{
    exit "$failed"
}
