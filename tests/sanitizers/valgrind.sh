#!/bin/bash
# SPDX-License-Identifier: MIT
# Valgrind's memcheck sees bugs on pools in programs that were compiled for nothing of the kind.
set -eu
. "$POOLKIT_SRC/tests/sanitizers/lib.bash"
command -v valgrind >/dev/null || exit 77
# Without Valgrind's header the library was built without its requests.
echo '#include <valgrind/memcheck.h>' | "${CC:-cc}" -E - >/dev/null 2>&1 || exit 77

memcheck() { valgrind -q --error-exitcode=9 "$@"; }

for source in $(sources); do
    program=$work/$source
    compile "${CC:-cc}" "$source" "$program"
    for name in $("$program"); do
        status=0
        memcheck "$program" "$name" >"$work/out" 2>&1 || status=$?
        expect_report "$source $name" $status "$work/out" 'Invalid (read|write) of size 1'
        status=0
        memcheck "$program" "$name" right >"$work/out" 2>&1 || status=$?
        expect_clean "$source $name right" $status "$work/out"
    done
done
exit $failed
