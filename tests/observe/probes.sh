#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The probes: each stands in both shared libraries' notes with four arguments, and in the code as a nop
# that the note points to; where gdb is there, they are hit and their arguments are true.
. "$(dirname "$0")/lib.bash"
grep -q '^POOLKIT_HAS_SDT:INTERNAL=1' "$POOLKIT_BUILD/CMakeCache.txt" &&
    ! grep -q '^POOLKIT_PROBES:STRING=OFF' "$POOLKIT_BUILD/CMakeCache.txt" ||
    skip "poolkit is built without probes"
command -v readelf > /dev/null || skip "readelf is not installed"

for library in libpoolkit.so libpoolkit-malloc.so; do
    [ -r "$POOLKIT_BUILD/$library" ] || continue
    readelf -n "$POOLKIT_BUILD/$library" > "$tmp/notes"
    for probe in refill flush purge fault; do
        # Provider, Name, Location, Arguments: lines of one note, in this order.
        awk -v name="$probe" '
            $1 == "Provider:" { provider = $2 }
            $1 == "Name:" { this = $2 }
            $1 == "Arguments:" && provider == "poolkit" && this == name {
                found++
                if (NF != 5) { print name ": " $0; failed = 1 }
            }
            END { exit failed || !found }' "$tmp/notes" || fail "$library: the probe $probe"
    done
    for at in $(sed -n 's/.*Location: \(0x[0-9a-f]*\),.*/\1/p' "$tmp/notes"); do
        objdump -d --start-address="$at" --stop-address=$((at + 1)) "$POOLKIT_BUILD/$library" |
            grep -q 'nop$' || fail "$library: no nop at $at"
    done
done

if command -v gdb > /dev/null; then
    build pools so
    gdb -q -nx -batch -ex 'set breakpoint pending on' -ex 'set debuginfod enabled off' \
        -ex 'break -probe-stap poolkit:refill' -ex 'run exit > /dev/null' \
        -ex 'printf "refill %s %d %d\n", (char *)$_probe_arg1, (int)$_probe_arg2, $_probe_arg3 > 0' \
        "$tmp/pools" > "$tmp/gdb" 2>&1
    if grep -q 'ptrace: Operation not permitted' "$tmp/gdb"; then
        echo "probes: gdb may not run programs here" >&2
    else
        expect '^refill session 3[0-9]+ 1$' "$tmp/gdb"
    fi
fi
exit $failed
