#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# export.sh: recordings in other tools' formats, read back by others; by the tools where installed.
source "$(dirname "${BASH_SOURCE[0]}")/common.inc"
command -v python3 >/dev/null || skip "no python3"
make_trace=$POOLKIT_BUILD/tests/replay_make_trace
[[ -x $make_trace ]] || skip "no recordings in this build"
"$make_trace" t.pkt 3 20000 || fail "no recording"
run 0 "$poolkit" report t.pkt --json=r.json

for format in pprof speedscope collapsed heaptrack dhat massif perfetto csv; do
    run 0 "$poolkit" export t.pkt --to $format -o t.$format
    has out "t.$format"
done
run 0 "$poolkit" export t.pkt --to csv --events -o events.csv
run 0 "$poolkit" export t.pkt --to collapsed --metric allocations -o -
cp out allocations.folded
python3 - <<'PY' || fail "figures differ"
import csv, json, re
r = json.load(open("r.json"))
allocations, total = r["summary"]["allocations"], r["summary"]["allocated_bytes"]
live = r["summary"]["live_at_end"]

def folded(name):
    return sum(int(line.rsplit(" ", 1)[1]) for line in open(name))
assert folded("t.collapsed") == total and folded("allocations.folded") == allocations
rows = list(csv.DictReader(open("t.csv", newline="")))
assert sum(int(x["allocations"]) for x in rows) == allocations
assert sum(int(x["live_at_end"]) for x in rows) == live
events = list(csv.DictReader(open("events.csv", newline="")))
assert len(events) == r["recording"]["events"], len(events)
s = json.load(open("t.speedscope"))
for p, wanted in zip(s["profiles"], (total, allocations, None, live)):
    assert len(p["samples"]) == len(p["weights"]) and p["endValue"] == sum(p["weights"])
    assert wanted is None or p["endValue"] == wanted, p["name"]
    assert all(f < len(s["shared"]["frames"]) for x in p["samples"] for f in x)
d = json.load(open("t.dhat"))
assert sum(p["tb"] for p in d["pps"]) == total and sum(p["eb"] for p in d["pps"]) == live
assert all(f < len(d["ftbl"]) for p in d["pps"] for f in p["fs"])
json.load(open("t.perfetto"))
assert max(int(x) for x in re.findall(r"mem_heap_B=(\d+)", open("t.massif").read())) > 0

# heaptrack: every block that comes and goes.
kinds, come, gone = [], 0, 0
for line in open("t.heaptrack"):
    word = line.split()
    if word[0] == "a": kinds.append(int(word[1], 16))
    if word[0] == "+": come += kinds[int(word[1], 16)]
    if word[0] == "-": gone += kinds[int(word[1], 16)]
assert come - gone == live, (come, gone, live)

# pprof: profile.proto by hand.
def varint(b, i):
    v = s = 0
    while True:
        v |= (b[i] & 127) << s; s += 7; i += 1
        if b[i - 1] < 128: return v, i
def fields(b):
    i = 0
    while i < len(b):
        key, i = varint(b, i)
        if key & 7 == 0: v, i = varint(b, i)
        else:
            n, i = varint(b, i); v = b[i:i + n]; i += n
        yield key >> 3, v
sums, strings, locations, functions = [0] * 4, [], set(), set()
samples = []
for f, v in fields(open("t.pprof", "rb").read()):
    if f == 2: samples.append(dict(fields(v)))
    if f == 4: locations.add(dict(fields(v))[1])
    if f == 5: functions.add(dict(fields(v))[1])
    if f == 6: strings.append(v.decode("utf-8", "replace"))
for sample in samples:
    i = n = 0
    while i < len(sample[2]):
        v, i = varint(sample[2], i); sums[n] += v; n += 1
    i = 0
    while i < len(sample.get(1, b"")):
        v, i = varint(sample[1], i); assert v in locations
assert sums == [allocations, total, r["summary"]["blocks_at_end"], live], sums
assert strings[0] == "" and locations == functions
PY
if command -v heaptrack_print >/dev/null; then
    heaptrack_print t.heaptrack >ht.txt 2>&1 || fail "heaptrack_print: $(tail -3 ht.txt)"
    has ht.txt "calls to allocation functions"
fi
if command -v ms_print >/dev/null; then
    ms_print t.massif >ms.txt || fail "ms_print"
fi
if command -v go >/dev/null; then
    HOME=$work go tool pprof -top -sample_index=alloc_space t.pprof >go.txt 2>&1 || fail "pprof: $(cat go.txt)"
fi
# DHAT's viewer: its own checks of the file, and its sums, in a page that accepts everything.
viewer=/usr/libexec/valgrind/dh_view.js
if command -v node >/dev/null && [[ -e $viewer ]]; then
    cat >look.js <<'JS'
const fs = require('fs'), vm = require('vm');
const any = () => new Proxy(function () {}, {
  get: (_, key) => key === Symbol.toPrimitive ? () => '' : key === 'childNodes' ? [] : any(),
  set: () => true, apply: () => any() });
const context = vm.createContext({ document: any(), window: any(), console, Intl,
  text: fs.readFileSync(process.argv[3], 'utf8') });
vm.runInContext(`${fs.readFileSync(process.argv[2], 'utf8')}
  gData = JSON.parse(text);
  gSelect = { childNodes: gSelectData.map(() => ({})), selectedIndex: 0 };
  buildTree();
  globalThis.sums = [gRoot._totalBlocks, gRoot._totalBytes];`, context);
console.log(context.sums.join(' '));
JS
    sums=$(node look.js "$viewer" t.dhat 2>dh.txt) || fail "dh_view.js: $(head -5 dh.txt)"
    wanted=$(value r.json 'str(r["summary"]["allocations"]) + " " + str(r["summary"]["allocated_bytes"])')
    [[ $sums == "$wanted" ]] || fail "dh_view.js sums up to $sums, not $wanted"
fi
run 125 "$poolkit" export t.pkt; one_line "--to which format"
run 125 "$poolkit" export t.pkt --to word; one_line "not word"
run 125 "$poolkit" export t.pkt --to csv -o /dev/full; one_line "cannot write"
run 125 "$poolkit" export missing.pkt --to csv; one_line "missing.pkt"
[[ $failures == 0 ]]
