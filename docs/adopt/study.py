# SPDX-License-Identifier: MIT
"""What the `run` of each adoption does: builds its programs, runs them in turn, prints a table.

    study = Study(__file__, "what is compared")
    study.need("libsqlite3-dev", "pkg-config --exists sqlite3")
    program = study.compile("workload", ["workload.c"], "sqlite3")
    study.compare([Case("libc", [program, "libc", "100"], [program, "libc", "10"]), …])

A case has two commands: the one that is timed, and a smaller one whose instructions callgrind
counts. All cases run once before any runs again, each round beginning with another one, so that a
machine that is busy for a while does not meet one case alone. What a program writes to its standard
output must be the same in every case. Lines "name=number" on its standard error are figures of its
own and become columns.

With --check everything is built and run once, quickly, and nothing is measured: the tests do that.
"""
import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "bench" / "lib"))
import machine  # noqa: E402
import stats    # noqa: E402

SKIPPED = 77    # the exit code by which ctest knows that something is not installed
TIMEOUT = 300   # seconds for one run; the slowest takes a few


class Case:
    """One way to do the work. `small` is what is counted; `library` is preloaded; `load` puts a load
    on a server and returns figures of its own."""

    def __init__(self, name, command, small=None, library="-", load=None):
        self.name, self.library, self.load = name, str(library), load
        self.command, self.small = list(map(str, command)), list(map(str, small or []))


class Study:
    """One adoption: its folder, the build it uses, and a folder for what comes of it."""

    def __init__(self, script, about):
        self.folder = Path(script).resolve().parent
        parser = argparse.ArgumentParser(description=about)
        parser.add_argument("--build", type=Path,
                            default=Path(os.environ.get("POOLKIT_BUILD", ROOT / "build")))
        parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (7)")
        parser.add_argument("--check", action="store_true", help="build, run once, measure nothing")
        self.options = parser.parse_args()
        self.build, self.check = self.options.build.resolve(), self.options.check
        self._work = tempfile.TemporaryDirectory(prefix="poolkit-adopt-")
        self.work = Path(self._work.name)
        self.versions = []
        self.need_file("libpoolkit.a")

    # ---- what must be there ----

    def skip(self, why):
        """Ends the run because something is not installed."""
        print(f"{self.folder.name}: skipped: {why}", file=sys.stderr)
        sys.exit(SKIPPED)

    def need(self, package, probe):
        """Skips unless the command `probe` succeeds; the package's version goes under the table."""
        if subprocess.run(probe, shell=True, capture_output=True).returncode != 0:
            self.skip(f"{package} is missing: scripts/setup adopt")
        version = machine._said("dpkg-query", "-W", "-f", "${Package} ${Version}", package)
        self.versions.append(version or package)

    def need_file(self, name):
        """A product of the build."""
        if not (self.build / name).exists():
            self.skip(f"no {name} in {self.build}: build first (make)")
        return self.build / name

    # ---- programs ----

    def compile(self, name, sources, packages="", flags=()):
        """A program of this folder's sources with poolkit, as its user would build it."""
        cxx = str(sources[0]).endswith(".cpp")
        said = subprocess.run(["pkg-config", "--cflags", "--libs", *packages.split()], check=True,
                              capture_output=True, text=True).stdout.split() if packages else []
        compiler = os.environ.get("CXX" if cxx else "CC", "c++" if cxx else "cc")
        out = self.work / name
        subprocess.run([compiler, "-std=c++17" if cxx else "-std=c11", "-O2", "-g", "-Wall",
                        "-Wextra", "-Werror", f"-I{ROOT / 'include'}",
                        *[str(self.folder / s) for s in sources], *flags,
                        str(self.build / "libpoolkit.a"), *said, "-pthread", "-o", str(out)],
                       check=True)
        return out

    def _watcher(self):
        """The small program that starts and watches each run."""
        out = self.work / "measured"
        if not out.exists():
            subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", str(ROOT / "bench/lib/measured.c"), "-o",
                            str(out)], check=True)
        return out

    # ---- runs ----

    def _run(self, case, command):
        """One run: what it used, its own figures, and what it wrote."""
        report = self.work / "report.json"
        report.unlink(missing_ok=True)
        process = subprocess.Popen([str(self._watcher()), str(report), case.library, *command],
                                   cwd=self.work, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, "LC_ALL": "C"})
        figures = case.load() if case.load else {}
        written, said = process.communicate(timeout=TIMEOUT)
        if process.returncode != 0 or not report.exists():
            raise RuntimeError(f"{case.name}: could not be started: {said.decode()}")
        sample = json.loads(report.read_text())
        if sample["code"] != 0:
            raise RuntimeError(f"{case.name}: exit code {sample['code']}: {said.decode()}")
        sample["cpu"] = sample["user"] + sample["system"]
        for name, value in re.findall(r"^([a-z_]+)=([0-9.]+)$", said.decode(), re.M):
            figures[name] = float(value)
        return {**sample, **figures}, list(figures), b"" if case.load else written

    def _count(self, case):
        """Instructions of the small run. Checkers are off: no checker looks on, only a counter."""
        if not case.small or case.library != "-" and case.load:
            return None
        env = {**os.environ, "LC_ALL": "C", "POOLKIT_OPTIONS": "checkers=off"}
        if case.library != "-":
            env["LD_PRELOAD"] = case.library
        done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                               *case.small], env=env, cwd=self.work, capture_output=True, text=True)
        found = re.search(r"Collected : (\d+)", done.stderr)
        return int(found.group(1)) if found and done.returncode == 0 else None

    def compare(self, cases, time="wall", say=""):
        """Checks or measures all cases; the first is what the others are compared with."""
        if self.check:
            self._check(cases)
            return
        samples, own, wanted = defaultdict(list), [], None
        for number in range(self.options.rounds + 1):           # the first warms up
            for case in cases[number % len(cases):] + cases[:number % len(cases)]:
                sample, figures, written = self._run(case, case.command)
                wanted = self._same(case, written, wanted)
                own += [f for f in figures if f not in own]
                if number > 0:
                    samples[case.name].append(sample)
        counts = {c.name: self._count(c) for c in cases} if shutil.which("valgrind") else {}
        self._print(cases, samples, own, counts, time, say)

    def _check(self, cases):
        wanted = None
        for case in cases:
            _, _, written = self._run(case, case.small or case.command)
            wanted = self._same(case, written, wanted)
            print(f"good: {case.name}")

    @staticmethod
    def _same(case, written, wanted):
        if wanted is not None and written != wanted:
            raise RuntimeError(f"{case.name}: wrote {written[:200]!r}, not {wanted[:200]!r}")
        return written

    # ---- the table ----

    def _print(self, cases, samples, own, counts, time, say):
        base = cases[0].name
        head = ["", "instructions", "peak memory", "page faults", *[o.replace("_", " ") for o in own],
                f"{'CPU' if time == 'cpu' else 'wall'} time"]
        print("| " + " | ".join(head) + " |\n|---" + "|--:" * (len(head) - 1) + "|")
        for case in cases:
            def median(figure):
                return stats.summary([s[figure] for s in samples[case.name]])["median"]
            row = [case.name, self._ratio(counts, case.name, base), mib(median("peak")),
                   f"{median('minor_faults'):,.0f}"]
            row += [self._own(o, median(o)) if o in samples[case.name][0] else "–" for o in own]
            pairs = [s[time] / b[time] for s, b in zip(samples[case.name], samples[base])]
            ratio = stats.summary(pairs)
            row.append(f"{median(time) * 1000:.0f} ms" if case.name == base else
                       f"{ratio['median']:.2f} × ({ratio['low']:.2f}–{ratio['high']:.2f})")
            print("| " + " | ".join(row) + " |")
        print(f"\n{say}{self.options.rounds} interleaved rounds, medians; time relative to the first "
              f"row of the same round, with quartiles. {', '.join(self.versions)}; "
              f"{machine.package_of(shutil.which('gcc') or 'gcc')}, poolkit "
              f"{(ROOT / 'VERSION').read_text().strip()} ({machine.git_version()}), "
              f"{machine.processor()}, {os.cpu_count()} cores, load {machine.load()}, "
              f"{datetime.date.today()}.")

    @staticmethod
    def _own(name, value):
        return mib(value) if name.startswith("bytes") else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"

    @staticmethod
    def _ratio(counts, name, base):
        count = counts.get(name)
        if not count:
            return "–"
        text = f"{count / 1e6:,.0f} M"
        return text if name == base or not counts.get(base) else f"{text} ({count / counts[base]:.2f} ×)"


def mib(value):
    """Bytes as MiB."""
    return f"{value / (1 << 20):.1f} MiB"
