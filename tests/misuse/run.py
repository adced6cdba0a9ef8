#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs each attack of the misuse suite at three sizes, each in a process of its own.

run.py ATTACK LIB.so [--mode MODE]                     the test: verdicts as expected, exit 0 or 1
run.py ATTACK LIB.so --compare [NAME=LIB.so ...]       a table beside other allocators

expected/MODE.txt has the worst verdict that is allowed of each attack at each size.

S stopped     the process died of it
H harmless    it had no effect
. silent      bytes of the program were read or changed, unnoticed; the allocator is sound
X exploitable two blocks in use overlap, or malloc returned an address of the attacker's
"""
import argparse
import concurrent.futures
import os
import signal
import subprocess
import sys
from pathlib import Path

SIZES = (32, 1024, 262144)
EXITS = {0: "H", 3: ".", 4: "X", 5: "-"}
WORSE = "SH.X!"  # later is worse; ! is a hang or something else
LEAST_STOPPED = {"default": 0.75, "hardened": 0.95, "debug": 0.95}  # of what is possible
PEERS = {
    "glibc": "",
    "mimalloc": "libmimalloc.so.2",
    "jemalloc": "libjemalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
}


def attacks_of(program):
    """Name and kind of each."""
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in lines.splitlines()]


def run_one(program, library, mode, name, size):
    """The verdict's letter, and what was said."""
    environment = dict(os.environ, LD_PRELOAD=library)
    environment.pop("POOLKIT_OPTIONS", None)
    if mode != "default":
        environment["POOLKIT_OPTIONS"] = f"mode={mode}"
    done = subprocess.run(["setarch", "-R", program, name, str(size)], env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True)
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode == -signal.SIGALRM:
        return "!", "it hangs"
    if done.returncode < 0:
        return "S", said
    return EXITS.get(done.returncode, "!"), said


def run_all(program, library, mode="default"):
    """Attack -> its letters, one for each size; and what was said."""
    attacks, letters, said = attacks_of(program), {}, {}
    jobs = [(name, size) for name, _ in attacks for size in SIZES]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda job: run_one(program, library, mode, *job), jobs)
        for (name, size), (letter, text) in zip(jobs, results):
            letters[name] = letters.get(name, "") + letter
            said[name, size] = text
    return letters, said


def share_stopped(letters):
    """Of what was possible: how much was stopped or had no effect."""
    all_letters = "".join(letters.values()).replace("-", "")
    return sum(c in "SH" for c in all_letters) / len(all_letters)


def expectations(mode):
    """Attack -> the worst letter allowed at each size."""
    path = Path(__file__).with_name("expected") / f"{mode}.txt"
    rows = [line.split("\t") for line in path.read_text().splitlines() if line[:1] != "#"]
    return {name: letters for letters, name in rows}


def check(program, library, mode):
    """Prints what is worse than expected. True: nothing is."""
    letters, said = run_all(program, library, mode)
    wanted, bad = expectations(mode), []
    for name, got in letters.items():
        for size, letter, most in zip(SIZES, got, wanted.get(name, "???")):
            if letter != "-" and (most == "?" or WORSE.index(letter) > WORSE.index(most)):
                bad.append(f"{name}, {size}: {letter}, expected {most}: {said[name, size]}")
    print(*bad, sep="\n")
    share = share_stopped(letters)
    print(f"{mode}: {len(letters)} attacks at {len(SIZES)} sizes, {share:.1%} stopped or harmless, "
          f"{sum(l.count('X') for l in letters.values())} exploitable")
    return not bad and share >= LEAST_STOPPED[mode]


def compare(program, library, extra):
    """The table."""
    columns = {"poolkit": (library, "default"), "hardened": (library, "hardened"),
               "debug": (library, "debug")}
    for name, file in {**PEERS, **dict(e.split("=", 1) for e in extra)}.items():
        path = file if not file or "/" in file else f"/usr/lib/{os.uname().machine}-linux-gnu/{file}"
        if not path or Path(path).exists():
            columns[name] = (path, "default")
    results = {name: run_all(program, *what)[0] for name, what in columns.items()}
    print(f"{'':34}" + " ".join(f"{name:>9}" for name in columns))
    kind_before = None
    for name, kind in attacks_of(program):
        if kind != kind_before:
            print(kind)
        kind_before = kind
        print(f"  {name:32}" + " ".join(f"{results[c][name]:>9}" for c in columns))
    shares = " ".join(f"{share_stopped(results[c]):9.1%}" for c in columns)
    print(f"{'stopped or harmless':34}{shares}")
    counts = " ".join(f"{sum(l.count('X') for l in results[c].values()):9}" for c in columns)
    print(f"{'exploitable':34}{counts}")


def main():
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("attack")
    parser.add_argument("library")
    parser.add_argument("--mode", default="default", choices=("default", "hardened", "debug"))
    parser.add_argument("--compare", nargs="*", metavar="NAME=LIB.so")
    options = parser.parse_args()
    library = str(Path(options.library).resolve())
    if options.compare is not None:
        compare(options.attack, library, options.compare)
        return 0
    return 0 if check(options.attack, library, options.mode) else 1


if __name__ == "__main__":
    sys.exit(main())
