#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Mappings have names: what the system is asked for, at most once for each mapping; none with names=off;
# and, where the kernel knows names, what /proc/PID/maps shows.
. "$(dirname "$0")/lib.bash"
build pools so

# A kernel without names refuses the first call: here each of them seems to be taken.
calls() # OPTIONS
{
    strace -f -qq -e trace=mmap,prctl -e inject=prctl:retval=0 -o "$tmp/calls" \
        -E POOLKIT_OPTIONS="$1" "$tmp/pools" exit > "$tmp/out"
}
if command -v strace > /dev/null && strace -qq -o /dev/null true 2> /dev/null; then
    calls names=on
    name() { expect "prctl\(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x[0-9a-f]+, $1, \"$2\"" "$tmp/calls"; }
    name 4194304 'poolkit heap session'
    name 900[0-9]+ 'poolkit heap session'
    name 4194304 'poolkit shared pool messages'
    name '[0-9]+' 'poolkit arenas and block pools'
    name '[0-9]+' 'poolkit records'
    mapped=$(grep -c 'mmap(.*MAP_NORESERVE' "$tmp/calls")
    named=$(grep -c 'PR_SET_VMA' "$tmp/calls")
    [ "$named" -le "$mapped" ] || fail "$named names for $mapped mappings"
    calls names=off
    refuse PR_SET_VMA "$tmp/calls"
    # It is not asked again once it refused.
    strace -f -qq -e trace=prctl -e inject=prctl:error=EINVAL -o "$tmp/calls" "$tmp/pools" exit \
        > "$tmp/out" || fail "a kernel without names"
    [ "$(grep -c PR_SET_VMA "$tmp/calls")" = 1 ] || fail "a refusal is not remembered"
else
    echo "names: strace is missing or forbidden: the calls are not looked at" >&2
    unseen=1
fi

start "$tmp/pools" wait
cp "/proc/$pid/maps" "$tmp/maps"
stop
if grep -q '\[anon:poolkit' "$tmp/maps"; then
    for name in 'heap session' 'shared pool messages' 'arenas and block pools' 'records'; do
        expect "\[anon:poolkit $name\]$" "$tmp/maps"
    done
    POOLKIT_OPTIONS=names=off start "$tmp/pools" wait
    refuse '\[anon:poolkit' "/proc/$pid/maps"
    stop
elif [ -n "${unseen:-}" ]; then
    skip "this kernel knows no names of anonymous memory"
fi
exit $failed
