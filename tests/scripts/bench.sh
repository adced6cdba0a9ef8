#!/usr/bin/env bash
# The malloc benchmark's harness measures two small workloads on each allocator that is there, and
# its result has every part that the table and the chart are made of.
set -eu
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
[ -e "$POOLKIT_BUILD/libpoolkit-malloc.so" ] || { echo "skipped: no libpoolkit-malloc.so"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bench=$POOLKIT_SRC/bench
mkdir -p "$work/build/bench/malloc"
ln -s "$POOLKIT_BUILD/libpoolkit-malloc.so" "$work/build/"
for source in "$bench"/malloc/{replace,random_free}.c "$bench/lib/measured.c"; do
    name=$(basename "$source" .c)
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -fno-builtin-malloc -o "$work/build/bench/malloc/$name" \
        "$source" -pthread
done

export PYTHONDONTWRITEBYTECODE=1
"$bench/malloc/run.py" "$work/build" --quick --rounds 2 --only 'replace 1k' --only 'random free' \
    --with "poolkit-again=$POOLKIT_BUILD/libpoolkit-malloc.so" \
    --json "$work/result.json" --svg "$work/result.svg" >"$work/said"
grep -q '^replace 1k ' "$work/said"
python3 - "$work" <<'CHECK'
import json, sys, xml.dom.minidom
result = json.load(open(sys.argv[1] + "/result.json"))
names = [a["name"] for a in result["allocators"]]
assert names[:2] == ["glibc", "poolkit"] and names[-1] == "poolkit-again", names
assert "glibc" in result["peers"] and not any(p.startswith("poolkit") for p in result["peers"])
assert [p["name"] for p in result["programs"]] == ["replace 1k", "random free"]
assert result["failed"] == [], result["failed"]
assert result["rounds"] == 2 and result["quick"] and result["machine"]["cores"] >= 1
for program in result["programs"]:
    for name in names:
        figures = program["results"][name]
        for figure in ("wall", "cpu", "peak", "mean", "minor_faults"):
            f = figures[figure]
            assert f["n"] == 2 and 0 < f["low"] <= f["median"] <= f["high"], (name, figure, f)
        assert figures["mean"]["median"] <= figures["peak"]["median"] * 1.1, (name, figures)
    marks = result["footprints"][program["name"]]
    assert all(marks[n]["freed"]["later"] > 0 for n in names), marks
kept = result["footprints"]["random free"]["poolkit"]["kept"]
assert kept["later"] > kept["live"] > 1000000, kept
means = result["geometric_means"]["standard workload"]
assert set(means["time"]) == set(names) and min(means["peak"][p] for p in result["peers"]) >= 1
xml.dom.minidom.parse(sys.argv[1] + "/result.svg")
CHECK

# An allocator that spoils what the program prints is named and left out, and the run goes on.
cat >"$work/evil.c" <<'EVIL'
#include <unistd.h>
__attribute__((constructor)) static void spoil(void) { (void)!write(1, "x\n", 2); }
EVIL
"${CC:-cc}" -shared -fPIC -o "$work/evil.so" "$work/evil.c"
"$bench/malloc/run.py" "$work/build" --quick --only 'replace 1k' --with "evil=$work/evil.so" \
    --json "$work/result.json" >"$work/said"
grep -q 'replace 1k on evil: other output' "$work/said" || { cat "$work/said"; exit 1; }
