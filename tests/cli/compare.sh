#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# compare.sh: what `poolkit compare` passes on, replays, notices and reports.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"
command -v python3 >/dev/null || skip "no python3"
compare=("$poolkit" compare --no-count -n 2)

# The command's output once, then the table.
run 0 "${compare[@]}" -- echo from the command
[[ $(grep -c 'from the command' out) == 1 ]] || fail "the output is not passed on once"
[[ $(head -1 out) == "from the command" ]] || fail "the output does not come first"
has out "poolkit"
has out "system"
has out "wall time"
has_not out $'\033'
[[ ! -s err ]] || fail "something on standard error: $(cat err)"
run 0 "${compare[@]}" --output all -- echo again
[[ $(grep -c '^again' out) == 6 ]] || fail "--output all: $(grep -c again out) times"
run 0 "${compare[@]}" --output none -- echo again
has_not out again

run 0 "${compare[@]}" -- printf '<%s>\n' 'a b' '' '$HOME' -n
has out '<a b>'
has out '<$HOME>'
has out '<-n>'

# JSON to a file beside the table, or instead of it.
run 0 "${compare[@]}" --json=r.json --title 'my title' -- true
python3 -m json.tool r.json >/dev/null || fail "not JSON"
has out "my title"
is r.json 'r["title"], r["rounds"], len(r["allocators"])' "('my title', 2, 2)"
is r.json 'len(a("poolkit")["wall_s"]["samples"])' 2
is r.json 'a("system")["peak_resident_bytes"]["median"] > 500000' True
is r.json 'a("system")["allocations"]' None
run 0 "${compare[@]}" --json -- echo talk
python3 -m json.tool out >/dev/null || fail "--json: standard output is not JSON alone"
has err talk

# Every run gets the same standard input, from a pipe or from a place in a file.
seq 20000 >numbers
wanted=$(md5sum <numbers)
seq 20000 | "${compare[@]}" --output all -- md5sum >out 2>err || fail "md5sum of a pipe"
[[ $(grep -cF "$wanted" out) == 6 ]] || fail "a pipe is not replayed: $(head -7 out)"
"${compare[@]}" --output all -- md5sum <numbers >out 2>err || fail "md5sum of a file"
[[ $(grep -cF "$wanted" out) == 6 ]] || fail "a file is not replayed: $(head -7 out)"

# Exit codes: the same everywhere, different somewhere, a signal.
run 3 "${compare[@]}" -- sh -c 'exit 3'
[[ ! -s err ]] || fail "a message although the codes agree: $(cat err)"
run 139 "${compare[@]}" -- sh -c 'kill -SEGV $$'
has out "killed by SIGSEGV"
lib=$("$poolkit" run -- sh -c 'echo "$LD_PRELOAD"')
run 4 "${compare[@]}" -- sh -c "case \$LD_PRELOAD in *'$lib'*) exit 4 ;; esac"
one_line "poolkit: the command exited with 4, but on system it exited with 0"
has out failed

# Output that depends on the malloc is noted, output that varies by itself is not.
run 0 "${compare[@]}" -- sh -c 'echo "${LD_PRELOAD:-none}"'
has out "note: the output on poolkit differs"
run 0 "${compare[@]}" -- sh -c 'echo $$'
has_not out "note:"

# One more library, by name; two rows of one name.
run 0 "${compare[@]}" --with other="$lib" -- true
has out other
run 125 "${compare[@]}" --with other="$lib" --with other="$lib" -- true
one_line "two rows"

# A server and its load: ended by SIGTERM, timed by the load, nothing preloaded into the load.
run 0 "${compare[@]}" --json=s.json --load 'kill -0 $POOLKIT_PID && sleep 0.2 &&
    test -z "${LD_PRELOAD:-}"' -- sleep 60
is s.json '0.19 < a("poolkit")["wall_s"]["median"] < 20' True
is s.json 'a("poolkit")["exit_code"]' 0
run 6 "${compare[@]}" --load 'exit 6' -- sleep 60
one_line "the load exited with 6"
run 125 "${compare[@]}" --load 'sleep 20' -- true
one_line "ended before its load"

# A signal ends the command too, and the temporary files.
mkdir tmp
TMPDIR=$work/tmp "$poolkit" compare -n 1 -- sh -c 'echo $$ >pid; exec sleep 60' >out 2>err &
tool=$!
for _ in $(seq 200); do
    [[ -s pid ]] && break
    sleep 0.05
done
kill -TERM $tool
wait $tool
[[ $? == 143 ]] || fail "SIGTERM: another exit code"
! kill -0 "$(cat pid)" 2>/dev/null || fail "the command outlives poolkit"
[[ -z $(ls tmp) ]] || fail "temporary files are left: $(ls tmp)"

run 0 "$poolkit" summary r.json s.json
has out "my title"
has out "all together"
finish
