#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What recording costs: programs alone, under `poolkit record`, and under heaptrack, in turn.

bench/record/run.py BUILD [--rounds N] [--quick] [--programs NAME,...]

wall is from start to end; CPU is that of the program and of whatever records it together, and of
redis that of the server alone, which is what its users wait for. Each is a ratio to the program
alone, the median of the rounds. Files are as they are left on the disk.
"""
import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench" / "lib"), str(ROOT / "bench" / "malloc")]

import inputs  # noqa: E402
import machine  # noqa: E402
import table  # noqa: E402

GOALS = {"sqlite3": ("wall", 1.15), "python3": ("wall", 1.5), "redis": ("cpu", 1.4),
         "malloc loop": ("wall", 2.5)}
REQUESTS = ["-t", "set,get,lpush,lpop,hset,zadd", "-d", "100", "-r", "100000", "-P", "16", "-q"]


class RunFailed(Exception):
    """A run ended with an error; the text says which, and with what words."""


def programs(folder, build, quick):
    """Name, command, file for standard input, and what is set in the environment."""
    part = 4 if quick else 1
    sql, unit, loop = folder / "events.sql", folder / "unit.ii", folder / "frames"
    inputs.write_sql(sql, 80_000 // part)
    subprocess.run(["cc", "-O2", "-g", str(ROOT / "bench/record/frames.c"), "-o", loop], check=True)
    words = str(inputs.SCRIPTS / "words.py")
    yield "malloc loop", [str(loop), str(10_000 // part)], None, {}
    if shutil.which("sqlite3"):
        yield "sqlite3", ["sqlite3", ":memory:"], sql, {}
    yield ("python3", ["/usr/bin/python3", "-s", "-S", words, str(2500 // part)], None,
           {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"})
    if inputs.cc1plus():
        subprocess.run(["g++", "-std=c++17", "-E", f"-DLAYERS={150 // part}", "-o", str(unit),
                        str(ROOT / "bench/record/unit.cpp")], check=True)
        yield ("cc1plus", [inputs.cc1plus(), "-quiet", "-O2", "-std=c++17", "-fpreprocessed",
                           str(unit), "-o", "/dev/null"], None, {})
    if shutil.which("redis-server") and shutil.which("redis-benchmark"):
        yield ("redis", ["redis-server", "--port", "0", "--unixsocket", str(folder / "redis.sock"),
                         "--save", "", "--appendonly", "no", "--dir", str(folder)], None, {})


def recorders(build, folder):
    """Name and what stands before the command."""
    yield "alone", []
    yield "record", [str(build / "poolkit"), "record", "-o", str(folder / "r.pkt"), "--"]
    if shutil.which("heaptrack"):
        yield "heaptrack", ["heaptrack", "-o", str(folder / "h")]


def load_redis(folder, requests):
    """Drives the server and ends it; the CPU seconds that it says it took."""
    socket = str(folder / "redis.sock")
    cli = ["redis-cli", "-s", socket]
    for _ in range(400):
        if subprocess.run([*cli, "ping"], capture_output=True).stdout == b"PONG\n":
            break
        time.sleep(0.05)
    subprocess.run(["redis-benchmark", "-s", socket, "-n", str(requests), *REQUESTS], check=True,
                   stdout=subprocess.DEVNULL)
    said = subprocess.run([*cli, "info", "cpu"], capture_output=True, text=True).stdout
    subprocess.run([*cli, "shutdown", "nosave"], capture_output=True)
    return sum(float(v) for v in re.findall(r"^used_cpu_(?:user|sys):([\d.]+)", said, re.M))


def run(command, stdin, environment, folder, requests):
    """Wall and CPU seconds."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with open(stdin or os.devnull, "rb") as source, open(folder / "said", "w+") as said:
        process = subprocess.Popen(command, stdin=source, stdout=subprocess.DEVNULL, stderr=said,
                                   env={**os.environ, **environment}, cwd=folder)
        server = load_redis(folder, requests) if requests else None
        process.wait()
        wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise RunFailed(f"{' '.join(map(str, command))} failed:\n{text}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu if server is None else server


def events_of(build, folder):
    """The recording's events."""
    said = subprocess.run([str(build / "poolkit"), "dump", "--events", "0", str(folder / "r.pkt")],
                          capture_output=True, text=True).stdout
    return int(re.search(r"^events (\d+)", said, re.M)[1])


def measure(program, build, folder, rounds, requests):
    """A row of the table for each way to run it."""
    name, command, stdin, environment = program
    results, sizes, events, failed = {}, {}, 0, []
    for _ in range(rounds):
        for way, before in recorders(build, folder):
            for old in [*folder.glob("r.pkt*"), *folder.glob("h.*")]:
                old.unlink()
            if way in failed:
                continue
            try:
                result = run(before + command, stdin, environment, folder,
                             requests if name == "redis" else 0)
            except RunFailed as failure:
                if way != "heaptrack":  # a peer may fail; the row says so
                    raise SystemExit(str(failure)) from None
                failed.append(way)
                results.pop(way, None)
                continue
            results.setdefault(way, []).append(result)
            left = [*folder.glob("r.pkt"), *folder.glob("h.*")]
            sizes[way] = sum(f.stat().st_size for f in left)
            events = events_of(build, folder) if way == "record" else events
    for way, runs in results.items():
        wall, cpu = (statistics.median(r[i] / a[i] for r, a in zip(runs, results["alone"]))
                     for i in (0, 1))
        goal, most = GOALS.get(name, ("wall", None)) if way == "record" else (None, None)
        met = "" if not most else f"{goal} ≤ {most}: " + (
            "yes" if (wall if goal == "wall" else cpu) <= most else "NO")
        seconds = statistics.median(r[0] for r in runs)
        yield [name if way == "alone" else "", way, f"{seconds:.2f} s", f"{wall:.2f}", f"{cpu:.2f}",
               f"{sizes[way] / events:.2f}" if sizes[way] and events else "", met]
    for way in failed:
        yield ["", way, "failed", "", "", "", ""]


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=lambda text: Path(text).resolve())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a quarter of the work")
    parser.add_argument("--programs", help="only these, names with commas between")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="poolkit-bench-") as place:
        folder = Path(place)
        for program in programs(folder, options.build, options.quick):
            if options.programs and program[0] not in options.programs.split(","):
                continue
            print(f"{program[0]} ...", file=sys.stderr)
            requests = 50_000 if options.quick else 400_000
            rows += [*measure(program, options.build, folder, options.rounds, requests), None]
    head = ["program", "", "wall", "wall ratio", "CPU ratio", "bytes/event", "goal"]
    print(table.render(f"recording, {options.rounds} rounds; load {machine.load()}; "
                       f"{machine.processor()}", head, rows[:-1],
                       ["", "CPU: program and recorder together; of redis the server alone."]))


if __name__ == "__main__":
    main()
