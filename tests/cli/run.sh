#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh: `poolkit run` changes nothing about a program but its malloc.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"

for code in 0 1 7 125 255; do
    run "$code" "$poolkit" run -- sh -c "echo to-out; echo to-err >&2; exit $code"
    [[ $(cat out) == to-out && $(cat err) == to-err ]] || fail "output is not passed through"
done
run 143 "$poolkit" run -- sh -c 'kill -TERM $$'
run 137 "$poolkit" run -- sh -c 'kill -KILL $$'

run 0 "$poolkit" run -- printf '<%s>' 'a b' '' "it's" '*' $'new\nline' -n --json
[[ $(cat out) == "<a b><><it's><*><new"$'\n'"line><-n><--json>" ]] || fail "arguments: $(cat out)"

run 0 "$poolkit" run -- sh -c 'echo "$LD_PRELOAD"'
grep -q '^/[^:]*\.so[.0-9]*$' out || fail "LD_PRELOAD is $(cat out)"
run 0 env LD_PRELOAD=libdl.so.2 "$poolkit" run -- sh -c 'echo "$LD_PRELOAD"'
grep -q '^/[^:]*\.so[.0-9]*:libdl\.so\.2$' out || fail "LD_PRELOAD is $(cat out)"

printf 'line\n' | "$poolkit" run -- cat >out || fail "cat"
[[ $(cat out) == line ]] || fail "standard input is not passed through"

# The process is the command itself: a signal to it reaches the command.
"$poolkit" run -- sleep 30 &
child=$!
for _ in $(seq 100); do
    [[ $(tr '\0' ' ' <"/proc/$child/cmdline") == "sleep 30 " ]] && break
    sleep 0.05
done
kill -TERM $child
wait $child
[[ $? == 143 ]] || fail "the signal did not reach the command"
finish
