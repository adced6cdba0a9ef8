#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# report.sh: `poolkit report`, `check` and `run --report`: every documented field, text, page, gates,
# refusals.
source "$(dirname "${BASH_SOURCE[0]}")/../cli/common.inc"
command -v python3 >/dev/null || skip "no python3"
[[ -e $POOLKIT_BUILD/libpoolkit-record.so ]] || skip "no recordings in this build"
$CC -O1 -g -o pinning "$POOLKIT_SRC/tests/analysis/pinning.c" || fail "pinning.c does not compile"
run 0 "$poolkit" record --quiet -o p.pkt -- ./pinning

run 0 "$poolkit" report p.pkt --json=r.json
python3 - "$POOLKIT_SRC/docs/report-json.md" <<'PY' || fail "the JSON is not what is documented"
import base64, json, re, sys
report, text = json.load(open("r.json")), open(sys.argv[1]).read()
missing = []
for row in re.findall(r"^\| (`.*?) \| (.*) \|$", text, re.M):
    names = re.findall(r"`(\w+)`", row[0])
    missing += [n for n in names if n not in report]
    if len(names) == 1 and isinstance(report.get(names[0]), dict):
        fields = re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", row[1]))
        missing += [f"{names[0]}.{f}" for f in fields if f not in report[names[0]]]
site = re.search(r"A \*\*site\*\* is `\{(.*?)\}`", text, re.S).group(1)
missing += ["site." + f for f in re.findall(r"(\w+)", re.sub(r"\(.*?\)", "", site, flags=re.S))
            if f != "and" and f not in report["sites"][0]]
assert not missing, missing
assert report["schema"] == "poolkit-report" and report["version"] == 1
length = len(report["timeline"]["time_ns"])
assert all(len(c) == length for c in report["timeline"].values())
assert all(len(s["live_over_time"]) == length for s in report["sites"])
m = report["map"]
for name in ("occupancy", "owner"):
    assert len(base64.b64decode(m[name])) == m["pages"] * len(m["times_ns"]), name
assert sum(r["pages"] for r in m["regions"]) == m["pages"] <= 25000
w = report["waterfall"]
assert w["live"] + w["rounding"] + w["pinned"] + w["free_pages"] + w["other"] == w["resident"]
assert w["resident"] + w["not_resident"] == w["footprint"]
assert report["summary"]["allocations"] == sum(s["allocations"] for s in report["sites"]) == 525000
f = report["fragmentation"]
assert 1 <= f["p50"] <= f["p95"] <= f["p99"] and f["jw4"] > 1.4
names = {s["name"]: s for s in report["sites"]}
pins = sum(s["pinned"] for s in report["sites"])
assert names["new_entry"]["pinned"] > 0.8 * pins, names
PY

run 0 "$poolkit" report p.pkt --text
has out "High fragmentation"
has out "pinned by live blocks on the same pages"
has out "new_entry"
(($(LC_ALL=C.UTF-8 wc -L <out) <= 80)) || fail "lines of more than 80 columns"
run 0 "$poolkit" report p.pkt
if grep -q "report is in" out; then
    has p.html "<!doctype html>"
    has_not p.html "https://"
fi

# A recording that was cut short is told of; one that is damaged is refused.
head -c $(($(stat -c %s p.pkt) / 2)) p.pkt >short.pkt
run 0 "$poolkit" report short.pkt --text; one_line "cut short"
run 1 "$poolkit" report short.pkt --text --strict
python3 -c 'd = bytearray(open("p.pkt", "rb").read()); d[len(d) // 2] ^= 1; open("bad.pkt", "wb").write(d)'
for command in report advise check; do
    wanted=125 gate=
    [[ $command == check ]] && wanted=2 gate=--max-frag=2
    [[ $command == report ]] && gate=--text
    run $wanted "$poolkit" $command bad.pkt $gate; one_line "bad.pkt"
done

run 0 "$poolkit" check p.pkt --max-peak 200MB --max-frag 3 --max-allocs 525000 --write-baseline b.json
run 1 "$poolkit" check p.pkt --max-frag 1.25 --junit j.xml
has out "FAILED  fragmentation"
python3 -c 'import xml.etree.ElementTree as e
r = e.parse("j.xml").getroot(); assert r.get("failures") == "1" and len(r) == 1' || fail "the JUnit file"
run 0 "$poolkit" check p.pkt --baseline b.json --max-peak +1% --max-frag +1% --max-allocs +0%
run 2 "$poolkit" check p.pkt --max-peak +5%; one_line "--baseline"
run 2 "$poolkit" check p.pkt; one_line "no gate"
run 2 "$poolkit" check p.pkt --baseline j.xml --max-frag +1%; one_line "not a baseline"

run 3 "$poolkit" run --report=all.html -- sh -c 'exit 3'
run 0 "$poolkit" run --report=all.html -- ./pinning
has out "new_entry"
[[ -s all.pkt ]] || fail "no recording beside the page"
run 127 "$poolkit" run --report -- ./missing
[[ $failures == 0 ]]
