#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# advise.sh: a program whose cache pins the pages of its queries: advise names the site and the pool;
# the program changed so keeps what was promised (verify). And one that no pool helps.
source "$(dirname "${BASH_SOURCE[0]}")/../cli/common.inc"
command -v python3 >/dev/null || skip "no python3"
[[ -e $POOLKIT_BUILD/libpoolkit-record.so && -x $POOLKIT_BUILD/poolkit-replay-player ]] ||
    skip "no recordings in this build"
here=$POOLKIT_SRC/tests/analysis

$CC -O1 -g -o pinning "$here/pinning.c" || fail "pinning.c does not compile"
$CC -O1 -g -DWITH_POOL -I"$POOLKIT_SRC/include" -o changed "$here/pinning.c" \
    "$POOLKIT_BUILD/libpoolkit.a" -lpthread || fail "the changed program does not compile"
$CC -O1 -g -o nothing "$here/nothing.c" || fail "nothing.c does not compile"
for program in pinning changed nothing; do
    run 0 "$poolkit" record --quiet -o $program.pkt -- ./$program
done

run 0 "$poolkit" advise pinning.pkt -n 1 --json advice.json --plan plan.json
has out "new_entry"
has out "a block pool of 96 B"
has out "pk_block_pool_alloc"
has out "confidence: medium"
entry='[x for x in r["advice"] if x["name"] == "new_entry"][0]'
is advice.json "$entry[\"pool\"]" block
is advice.json "$entry[\"parameters\"][\"block_size\"]" 96
is advice.json "0 < $entry[\"memory\"][\"low\"] < $entry[\"memory\"][\"high\"]" True
is advice.json 'r["calibration"]["trusted"]' True
is advice.json '[x["label"] for x in r["replays"]]' "['as recorded', 'poolkit', 'with all advice']"
is advice.json 'r["replays"][2]["peak"] < 0.7 * r["replays"][0]["peak"]' True

run 0 "$poolkit" replay pinning.pkt --alloc glibc --pools plan.json --rounds 0 --json replay.json
is replay.json 'r["replays"][1]["peak"] < 0.7 * r["replays"][0]["peak"]' True

# A second and a third recording that agree make it more certain.
run 0 "$poolkit" advise pinning.pkt pinning.pkt pinning.pkt -n 1 --json three.json
is three.json "$entry[\"confidence\"][\"runs\"]" 1
is three.json "$entry[\"confidence\"][\"level\"]" high

run 0 "$poolkit" verify pinning.pkt changed.pkt
has out "followed      new_entry"
has out "Kept"
run 1 "$poolkit" verify pinning.pkt pinning.pkt
has err "none of the advice was followed"

# The advice in the report; its code compiles.
run 0 "$poolkit" report pinning.pkt --json=report.json --advice advice.json --replays advice.json
is report.json '[r["sites"][x["site"]]["name"] for x in r["advice"]] == [x["name"] for x in r["advice"]]' True
is report.json 'r["sites"][r["advice"][0]["site"]]["advice"]' 0
python3 - <<'PY' || fail "no code"
import json
for n, a in enumerate(json.load(open("advice.json"))["advice"]):
    lines = a["code"].splitlines()
    head = [l for l in lines if l.startswith("#include")]
    static = [l for l in lines if l.startswith("static")]
    rest = [l for l in lines if l not in head and l not in static]
    open(f"code{n}.c", "w").write("\n".join(
        head + ["int f(unsigned long n);", "int f(unsigned long n) {", "(void)n;"] +
        [l.split("/* once: */")[0] for l in static] + rest + ["(void)p; return 0; }"]))
PY
for code in code*.c; do
    $CC -I"$POOLKIT_SRC/include" -Wall -c -o code.o "$code" || fail "the code does not compile: $code"
done

# Nothing helps: it is said, and why.
run 0 "$poolkit" advise nothing.pkt -n 1 --json none.json
has out "Do nothing: malloc takes"
has out "pools were tried, and none saves"
is none.json 'r["advice"]' '[]'
run 0 "$poolkit" verify nothing.pkt nothing.pkt
has out "Do nothing"

run 125 "$poolkit" advise; one_line "which recording?"
run 125 "$poolkit" advise --min-gain=much pinning.pkt; one_line "--min-gain"
run 125 "$poolkit" advise missing.pkt; one_line "missing.pkt"
run 125 "$poolkit" verify pinning.pkt; one_line "which two recordings"
[[ $failures == 0 ]]
