#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures the pools against their peers: run.py PROGRAMS RESULTS; bench/README.md tells how.

PROGRAMS is the folder with the built programs; tables go to the terminal, the rest to RESULTS.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys

import catalog

COUNT_ROUNDS = 2     # the difference of runs with this many rounds and twice as many is counted
TIMEOUT_SECONDS = 120


def run(command):
    """Standard output and error of a command; None if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except (subprocess.TimeoutExpired, OSError):
        return None
    return (done.stdout, done.stderr) if done.returncode == 0 else None


def result_line(output):
    first, second = output[0].split()[-2:]
    return int(first), int(second)


def count_once(program, workload, rounds):
    """(instructions, operations of a round) of a whole run under callgrind."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program,
               workload, "rounds", str(rounds)]
    output = run(command)
    collected = output and re.search(r"Collected : (\d+)", output[1])
    return (int(collected[1]), result_line(output)[1]) if collected else None


def count(program, workload):
    """Instructions per operation, None if the program fails."""
    once = count_once(program, workload, COUNT_ROUNDS)
    twice = once and count_once(program, workload, 2 * COUNT_ROUNDS)
    return (twice[0] - once[0]) / (COUNT_ROUNDS * once[1]) if twice else None


def measure_time(program, workload, milliseconds):
    """Nanoseconds per operation of one fresh process, None if it fails."""
    output = run([program, workload, "time", str(milliseconds)])
    if output is None:
        return None
    nanoseconds, operations = result_line(output)
    return nanoseconds / operations if operations else None


def make_rows(folder, wanted):
    programs = sorted(name for name in os.listdir(folder)
                      if re.match("(arena|block)_", name) and
                      os.access(os.path.join(folder, name), os.X_OK))
    rows = []
    for workload in catalog.WORKLOADS:
        if wanted and workload.id not in wanted:
            continue
        for program in programs:
            if catalog.takes_part(program, workload):
                rows.append({"workload": workload.id, "program": program,
                             "peer": catalog.peer_of(program), "instructions": None, "ns": [],
                             "command": f"{program} {workload.id} time"})
    return programs, rows


def count_all(folder, rows):
    """Counts do not depend on the load: all processors at once."""
    counted = {workload.id for workload in catalog.WORKLOADS if workload.counted}
    todo = [row for row in rows if row["workload"] in counted]

    def job(row):
        row["instructions"] = count(os.path.join(folder, row["program"]), row["workload"])

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(job, todo), 1):
            progress("instructions", done, len(todo))


def time_all(folder, rows, rounds, milliseconds):
    """One after the other, all rows in each round, every other round backwards."""
    failed = set()
    for index in range(rounds):
        for done, row in enumerate(rows if index % 2 == 0 else rows[::-1], 1):
            key = row["program"], row["workload"]
            if key not in failed:
                path = os.path.join(folder, row["program"])
                value = measure_time(path, row["workload"], milliseconds)
                row["ns"].append(value) if value else failed.add(key)
            progress("time", index * len(rows) + done, rounds * len(rows))


def progress(what, done, all_of_them):
    if sys.stderr.isatty():
        end = "\n" if done == all_of_them else ""
        print(f"\r{what}: {done} of {all_of_them}  ", end=end, file=sys.stderr, flush=True)


def summarize(rows):
    """Medians and quartiles, also as ratios to the row of ours that has the workload's goal."""
    for row in rows:
        if row["ns"]:
            quartiles = statistics.quantiles(row["ns"], n=4, method="inclusive") \
                if len(row["ns"]) > 1 else row["ns"] * 3
            row["ns_quartiles"] = quartiles
    for workload in catalog.WORKLOADS:
        ours = find(rows, workload.id, workload.row)
        for row in rows:
            if row["workload"] == workload.id and ours and ours["ns"] and row["ns"]:
                base = ours["ns_quartiles"][1]
                row["ratio"] = [value / base for value in row["ns_quartiles"]]


def find(rows, workload, program):
    for row in rows:
        if row["workload"] == workload and row["program"] == program:
            return row
    return None


def verdicts(workload, rows):
    """Sentences: each goal of the workload, and what became of it."""
    ours = find(rows, workload.id, workload.row)
    if ours is None:
        return [f"no figure: {workload.row} is missing"]
    told = []
    if workload.instructions:
        told.append(judge("instructions", ours["instructions"], workload.instructions))
    for other, goal in workload.ratio or []:
        peer = find(rows, workload.id, other)
        ratio = ours["ns_quartiles"][1] / peer["ns_quartiles"][1] \
            if peer and peer["ns"] and ours["ns"] else None
        told.append(judge(f"time to {catalog.peer_of(other)}'s", ratio, goal))
    return told


def judge(what, value, goal):
    if value is None:
        return f"goal: {what} <= {goal}: not measured"
    # A count is rounded as it is shown: the loop's set-up adds a fraction of an instruction.
    shown = round(value) if goal > 2 else round(value, 2)
    result = "meets" if shown <= goal else f"misses by {shown - goal:.3g}"
    return f"goal: {what} <= {goal}: {shown}, {result}"


def sort_key(row):
    counts = row["instructions"] if row["instructions"] is not None else float("inf")
    return counts, row.get("ratio", [0, float("inf")])[1]


def print_table(workload, rows):
    print(f"\n{workload.id}  {workload.title}")
    print(f"    {'':24}{'instructions':>14}   time, ratio to {catalog.peer_of(workload.row)}"
          " (quartiles)")
    for row in sorted((r for r in rows if r["workload"] == workload.id), key=sort_key):
        counts = "-" if row["instructions"] is None else f"{row['instructions']:.1f}"
        if row["instructions"] is None and workload.counted:
            counts = "failed"
        low, middle, high = row.get("ratio", [None] * 3)
        times = f"{middle:7.2f}  ({low:.2f} to {high:.2f})" if middle else " failed"
        mark = ">" if row["peer"].startswith(catalog.OURS) else " "
        print(f"  {mark} {row['peer']:24}{counts:>14}   {times}")
    for sentence in verdicts(workload, rows):
        print(f"    {sentence}")


def version_of(peer):
    package = catalog.PACKAGES.get(peer)
    if package is None:
        return open(os.path.join(os.path.dirname(__file__), "../../VERSION")).read().strip() \
            if peer.startswith(catalog.OURS) else "here"
    output = run(["dpkg-query", "-W", "-f=${Package} ${Version}", package])
    return output[0] if output else "unknown"


def first_line(command):
    output = run(command)
    return output[0].splitlines()[0] if output and output[0] else "unknown"


def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def describe(rows, rounds, milliseconds, load):
    """What somebody needs to judge the figures."""
    peers = sorted({row["peer"] for row in rows})
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"schema": 1, "date": now.isoformat("T", "seconds"),
            "cpu": processor(), "cpus": os.cpu_count(), "kernel": platform.release(),
            "compiler": first_line(["gcc", "--version"]),
            "valgrind": first_line(["valgrind", "--version"]),
            "flags": "-O2 -g -DNDEBUG",
            "load_average": {"before": load, "after": os.getloadavg()[0]},
            "time_rounds": rounds, "time_milliseconds": milliseconds, "count_rounds": COUNT_ROUNDS,
            "versions": {peer: version_of(peer) for peer in peers},
            "goals": {w.id: {"row": w.row, "instructions": w.instructions, "time": w.ratio}
                      for w in catalog.WORKLOADS},
            "rows": rows}


def print_missing(programs, rows):
    for name in catalog.EXPECTED:
        if name not in programs:
            print(f"missing: {name}: its package was not found when CMake ran")
    for (program, workload), reason in catalog.LEFT_OUT.items():
        if program in programs:
            print(f"no row:  {catalog.peer_of(program)} in {workload}: {reason}")
    for row in rows:
        if not row["ns"]:
            print(f"failed:  {row['command']}: it cannot run here")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs")
    parser.add_argument("results")
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes of each row")
    parser.add_argument("--milliseconds", type=int, default=20, help="that each is timed for")
    parser.add_argument("--workloads", default="", help="only these, as a1,b4")
    parser.add_argument("--no-counts", action="store_true", help="times only")
    return parser.parse_args()


def main():
    asked = arguments()
    load = os.getloadavg()[0]
    programs, rows = make_rows(asked.programs, [w for w in asked.workloads.split(",") if w])
    time_all(asked.programs, rows, asked.rounds, asked.milliseconds)
    if not asked.no_counts:
        count_all(asked.programs, rows)
    summarize(rows)
    for workload in catalog.WORKLOADS:
        if any(row["workload"] == workload.id for row in rows):
            print_table(workload, rows)
    print()
    print_missing(programs, rows)
    os.makedirs(asked.results, exist_ok=True)
    result = describe(rows, asked.rounds, asked.milliseconds, load)
    name = f"pools-{platform.system().lower()}-{platform.machine()}.json"
    path = os.path.join(asked.results, name)
    with open(path, "w") as file:
        json.dump(result, file, indent=1)
    print(f"\nload average before and after: {load:.1f}, {os.getloadavg()[0]:.1f}")
    print(f"all figures: {path}")
    if run(["/usr/bin/python3", os.path.join(os.path.dirname(__file__), "plot.py"), path]) is None:
        print("no plots: Debian's python3-matplotlib is missing or refused the figures")


if __name__ == "__main__":
    main()
