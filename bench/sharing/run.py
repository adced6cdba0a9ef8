#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts transfers of cache lines between threads per operation, for each allocator.

bench/sharing/run.py [--build FOLDER] [--threads 2,4,8] [--with NAME=LIB] [--json F]
"""
import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lib"), str(HERE.parent / "malloc")]
import allocators as known  # noqa: E402
import machine  # noqa: E402
import table  # noqa: E402

TURNS = 1200    # operations of each thread, of which the second half counts
CALLS = {"own": 1, "batches": 10, "passed": 1}  # operations of a turn, as in turns.c
MEANING = {"own": "each thread its own blocks: malloc and free",
           "batches": "1,000 blocks taken, then freed, by each: one call",
           "passed": "freed by the next thread: malloc and free"}


def address_of_marks(program):
    """Where the program's marks stand: it is linked to fixed addresses."""
    names = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    return re.search(r"^([0-9a-f]+) \w marks$", names, re.M).group(1)


def transfers(build, marks, workload, allocator, threads):
    """Transfers per operation, or None where the allocator does not run under valgrind."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    if allocator.library != "-":
        environment["LD_PRELOAD"] = allocator.library
    turns = TURNS if workload != "batches" else 4 * 1000 // CALLS["batches"]
    reading, writing = os.pipe()
    tracer = subprocess.Popen(
        ["valgrind", "--tool=lackey", "--trace-mem=yes", "--basic-counts=no",
         f"--log-fd={writing}", build / "turns", workload, str(threads), str(turns)],
        env=environment, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    counted = subprocess.run([build / "lines", marks], stdin=reading, capture_output=True,
                             text=True)
    os.close(reading)
    if tracer.wait() != 0 or counted.returncode != 0:
        return None
    operations, moved = map(int, re.match(r"(\d+) (\d+)", counted.stdout).groups())
    return round(moved / operations / CALLS[workload], 3)


def measure(options, found):
    """{workload: {threads: {allocator: transfers}}}; as many at a time as there are cores."""
    build = options.build / "bench/sharing"
    marks = address_of_marks(build / "turns")
    jobs = [(w, n, a) for w in CALLS for n in options.threads for a in found]
    result = {w: {n: {} for n in options.threads} for w in CALLS}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        counts = pool.map(lambda j: transfers(build, marks, j[0], j[2], j[1]), jobs)
        for (workload, threads, allocator), count in zip(jobs, counts):
            if sys.stderr.isatty():
                print(f"\r\033[K{workload}, {threads} threads, {allocator.name}", end="\r",
                      file=sys.stderr)
            result[workload][threads][allocator.name] = count
    return result


def show(result, names):
    """One table for each workload."""
    for workload, by_threads in result.items():
        rows = [[f"{n} threads"] + ["—" if by_threads[n][a] is None else f"{by_threads[n][a]:.2f}"
                                    for a in names] for n in by_threads]
        print(table.render(f"\nTransfers of a line, {workload} ({MEANING[workload]})",
                           ["", *names], rows))


def parse(arguments):
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=Path, default=HERE.parents[1] / "build")
    parser.add_argument("--threads", default="2",
                        type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--with", dest="extra", action="append", default=[], metavar="NAME=LIB",
                        type=lambda text: tuple(text.split("=", 1)))
    parser.add_argument("--json", type=Path)
    return parser.parse_args(arguments)


def main():
    """Measures, prints, keeps the figures."""
    options = parse(sys.argv[1:])
    found, missing = known.find(options.build / "libpoolkit-malloc.so", options.extra)
    result = measure(options, found)
    show(result, [a.name for a in found])
    for allocator in found:
        print(f"{allocator.name}: {allocator.version}")
    if missing:
        print("not installed:", ", ".join(missing))
    if options.json:
        options.json.write_text(json.dumps(
            {"machine": machine.describe(), "allocators": [vars(a) for a in found],
             "missing": missing, "turns": TURNS, "transfers": result}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
