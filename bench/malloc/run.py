#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The benchmark of malloc: programs x allocators. README.md has the method."""
import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

import allocators as known  # noqa: E402
import chart  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import programs as all_programs  # noqa: E402
import ratios  # noqa: E402
import report  # noqa: E402
from rounds import Rounds  # noqa: E402


def _named_library(text):
    name, _, library = text.partition("=")
    if not library or not Path(library).exists():
        raise argparse.ArgumentTypeError(f"not NAME=LIBRARY of a library that is there: {text}")
    return name, library


def parse(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path, nargs="?", default=HERE.parents[1] / "build",
                        help="the folder of the release build")
    parser.add_argument("--rounds", type=int, help="runs of each program on each allocator "
                        "(default 5, with --quick 1)")
    parser.add_argument("--only", action="append", metavar="TEXT",
                        help="only programs whose name contains TEXT; may be repeated")
    parser.add_argument("--with", dest="extra", action="append", default=[], type=_named_library,
                        metavar="NAME=LIB.so", help="one more allocator; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a quarter of the work, one round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the result there")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the chart there")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 5)
    return options


def say(text):
    """Progress, on one line of a terminal that is written over."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def choose(options, folder):
    """The programs and allocators of this run, and the names of what is not installed."""
    build = options.build / "bench" / "malloc"
    candidates = (all_programs.real_programs(folder, options.quick) +
                  all_programs.workloads(build, options.quick))
    if options.only:
        candidates = [p for p in candidates if any(t in p.name for t in options.only)]
    programs, missing_programs = all_programs.available(candidates)
    if not programs:
        sys.exit("bench: no such program")
    found, missing = known.find(options.build / "libpoolkit-malloc.so", options.extra)
    for allocator in found:
        if not known.takes_effect(allocator):
            sys.exit(f"bench: {allocator.library} cannot be preloaded")
    return programs, found, missing + missing_programs


def measure_all(options, folder):
    """Every run there is; the whole result."""
    begun, where = time.monotonic(), machine.describe()
    programs, found, missing = choose(options, folder)
    build = options.build / "bench" / "malloc"
    rounds = Rounds(measure.Runner(build, folder), programs, found, say)
    rounds.warm_up()
    for number in range(options.rounds):
        rounds.run(number, options.rounds)
    marked = [p for p in programs if p.kind == all_programs.WORKLOAD]
    footprints = measure.footprints(marked, found, say)
    counts = measure.instructions(build, found, say) if shutil.which("valgrind") else {}
    say("")
    where["load_at_end"] = machine.load()
    return settle({
        "machine": where, "rounds": options.rounds, "quick": options.quick,
        "seconds": round(time.monotonic() - begun, 1), "missing": missing,
        "not_packaged": list(known.NOT_PACKAGED),
        "allocators": [vars(a) for a in found], "peers": [a.name for a in found if a.is_peer],
        "programs": rounds.results(), "instructions": counts,
        "footprints": {p.name: {a.name: footprints[p.name, a.name] for a in found
                                if (p.name, a.name) in footprints} for p in marked},
        "failed": [{"program": p, "allocator": a, "what": what}
                   for (p, a), what in rounds.failed.items()]})


def settle(result):
    """Adds what follows from the figures."""
    names = [a["name"] for a in result["allocators"]]
    result["geometric_means"] = ratios.all_means(result["programs"], names, result["peers"])
    result["worst"] = ratios.worst_cases(result["programs"], result["peers"])
    return result


def main():
    """Measures, prints the tables, keeps the files; exit code 1 if an allocator failed."""
    options = parse(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="poolkit-bench-") as folder:
        result = measure_all(options, Path(folder))
    print(report.text(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.svg:
        options.svg.write_text(chart.draw(result))
    return 1 if any(f["allocator"] in ("poolkit", "all") for f in result["failed"]) else 0


if __name__ == "__main__":
    sys.exit(main())
