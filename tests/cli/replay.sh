#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# replay.sh: `poolkit replay`: the table, JSON, plans, refusals, an allocator that is broken, and an
# interruption.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"
command -v python3 >/dev/null || skip "no python3"
make_trace=$POOLKIT_BUILD/tests/replay_make_trace
[[ -x $make_trace && -x $POOLKIT_BUILD/poolkit-replay-player ]] || skip "no replay in this build"
"$make_trace" t.pkt 3 20000 || fail "no recording"
lib=$("$poolkit" run -- sh -c 'echo "$LD_PRELOAD"')

run 0 "$poolkit" replay t.pkt -n 1 --json r.json
[[ ! -s err ]] || fail "something on standard error: $(cat err)"
has out "made up"
has out "calibration: recorded peak"
has out "glibc"
has out "poolkit"
has out "ns per event"
is r.json '[x["allocator"] for x in r["replays"]]' "['glibc', 'poolkit']"
is r.json 'sorted(r["calibration"])' "['error', 'reason', 'recorded_peak', 'replayed_peak', 'trusted']"
for field in label package command mode touch rounds peak peak_low peak_high mean footprint \
    live_peak ns_per_event ns_low ns_high system_calls plan; do
    is r.json "all('$field' in x for x in r['replays'])" True
done
is r.json '[x["system_calls"] for x in r["replays"]]' '[None, None]'
is r.json '[0.9 * x["live_peak"] < x["peak"] <= 1.02 * x["footprint"] for x in r["replays"]]' '[True, True]'
is r.json 'len(set(len(c) for c in r["replays"][0]["curve"].values()))' 1
is r.json 'r["replays"][0]["curve"]["operation"] == sorted(r["replays"][0]["curve"]["operation"])' True

# JSON alone, memory alone, the recorded allocator joins those that are named.
run 0 "$poolkit" replay --rounds 0 --json - --alloc "mine=$lib" t.pkt
python3 -m json.tool out >/dev/null || fail "--json -: standard output is not JSON alone"
is out '[x["allocator"] for x in r["replays"]]' "['mine', 'glibc']"
is out 'r["replays"][0]["ns_per_event"]' None

run 0 "$poolkit" replay t.pkt --mode parallel --paced=1000 -n 1 --system-calls --alloc glibc
has out "parallel (3 threads)"
has out "system calls"
has out "calibration: none"

# Plans.
echo '{"pools": [{"id": 3, "kind": "block", "block_size": 512}],
       "sites": [{"frames": ["leaf1", "middle1"], "pool": 3}]}' >plan.json
run 0 "$poolkit" replay t.pkt -n 0 --pools plan.json --json p.json
has out "glibc + pools"
has out "pool 3: "
is p.json '[x["plan"] for x in r["replays"]]' "[None, 'plan.json', None, 'plan.json']"
is p.json 'r["replays"][1]["pools"][0]["blocks"] > 100' True
sed 's/leaf1/nobody/' plan.json >nobody.json
run 125 "$poolkit" replay t.pkt --pools nobody.json
one_line "nobody.json: no block of this recording"
sed 's/block_size/size/' plan.json >wrong.json
run 125 "$poolkit" replay t.pkt --pools wrong.json
one_line "wrong.json: pool 3: \"size\" is not a member"
run 125 "$poolkit" replay t.pkt --pools none.json
one_line "none.json: No such file"

# Refusals.
run 125 "$poolkit" replay
one_line "which recording?"
run 125 "$poolkit" replay none.pkt
one_line "none.pkt"
head -c 5000 /dev/urandom >noise.pkt
run 125 "$poolkit" replay noise.pkt
one_line "noise.pkt"
python3 -c 'd = bytearray(open("t.pkt", "rb").read()); d[len(d) // 2] ^= 255; open("bad.pkt", "wb").write(d)'
run 125 "$poolkit" replay bad.pkt
one_line "bad.pkt"
for option in "--alloc no-such" "--alloc glibc,glibc" "--mode both" "--touch some" "--paced=0" \
    "--paced" "--rounds -1" "--rounds x" "--bogus" "--json /no/such/file"; do
    # shellcheck disable=SC2086
    run 125 "$poolkit" replay -n 1 t.pkt $option
    one_line ""
done
run 125 "$POOLKIT_BUILD/poolkit-replay-player"
has err "started by"

# A malloc whose blocks of 1000 to 2000 bytes are half as long as they should be: they overlap, and --check sees it.
cat >broken.c <<'END'
#include <stddef.h>
void *__libc_malloc(size_t size);
void *malloc(size_t size) { return __libc_malloc(size > 1000 && size < 2000 ? size / 2 : size); }
END
"$CC" -O1 -shared -fPIC -fno-builtin broken.c -o broken.so
"$poolkit" replay t.pkt -n 0 --check >out 2>err || fail "--check on sound mallocs: $(cat err)"
run 125 "$poolkit" replay t.pkt -n 0 --check --alloc ./broken.so

# An interruption ends the player and leaves no file.
"$make_trace" long.pkt 3 400000
mkdir tmp
TMPDIR=$work/tmp "$poolkit" replay long.pkt -n 1000 --progress >out 2>err &
tool=$!
for _ in $(seq 400); do
    grep -q 'replay 1/' err && break
    sleep 0.05
done
sleep 0.2
player=$(pgrep -P $tool)
[[ -n $player ]] || fail "no player runs"
kill -TERM $tool
wait $tool
[[ $? == 143 ]] || fail "SIGTERM: another exit code"
for process in $player; do
    ! kill -0 "$process" 2>/dev/null || fail "the player outlives poolkit"
done
[[ -z $(ls tmp) ]] || fail "temporary files are left: $(ls tmp)"
finish
