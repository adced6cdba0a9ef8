# SPDX-License-Identifier: MIT
"""Runs programs on allocators, each time in a fresh process, and notes what they used."""
import hashlib
import json
import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TIMEOUT = 120       # seconds for one run; the slowest takes a few
LINGER = 1.0        # seconds after which memory is looked at again
COUNTED = 16_000  # a multiple of the batches and of the text's steps in pairs.c
OPERATIONS = ("pair", "batch", "mixed", "calloc", "aligned", "realloc", "new", "aligned-new")


class Failed(Exception):
    """A run that did not end as it should."""


def base_environment():
    """What every measured program finds: nothing of the user's that could change what it does."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C", "TZ": "UTC",
            "PYTHONHASHSEED": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*"}


def _file_hash(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _end(process):
    """Ends a process that hangs and all that it started; its session is its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class Runner:
    """Runs one program on one allocator; `folder` holds what comes of it for a moment."""

    def __init__(self, build, folder):
        self.build, self.folder = Path(build), Path(folder)

    def run(self, program, allocator):
        """One measured run: a dict of what it used and the hash of what it wrote."""
        report, output = self.folder / "report.json", self.folder / "output"
        report.unlink(missing_ok=True)
        if program.before:
            program.before()
        command = [self.build / "measured", report, allocator.library, *program.command]
        with open(program.stdin, "rb") as stdin, open(output, "wb") as stdout, \
                open(self.folder / "errors", "wb") as stderr:
            process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr,
                                       env={**base_environment(), **program.environment},
                                       start_new_session=True)
            answered = self._wait(process, program)
        if process.returncode != 0 or not report.exists():
            raise Failed("could not be started")
        sample = json.loads(report.read_text())
        if sample["code"] != 0:
            raise Failed(f"exit code {sample['code']}")
        sample["cpu"] = sample["user"] + sample["system"]
        sample["output"] = answered or _file_hash(output)
        return sample

    @staticmethod
    def _wait(process, program):
        try:
            answered = program.load() if program.load else None
            process.wait(TIMEOUT)
            return answered
        except subprocess.TimeoutExpired:
            raise Failed(f"not done after {TIMEOUT} s") from None
        except OSError as error:
            raise Failed(str(error)) from None
        finally:
            if process.poll() is None:
                _end(process)


def resident(pid):
    """Bytes that are resident, and how many of them the system may take back at will."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return tuple(int(re.search(rf"^{name}: +(\d+) kB", text, re.M).group(1)) * 1024
                 for name in ("Rss", "LazyFree"))


def footprint(program, allocator):
    """Memory at the marks of a workload: at once, and after it stood still for a second."""
    environment = {**base_environment(), **program.environment}
    if allocator.library != "-":
        environment["LD_PRELOAD"] = allocator.library
    marks = {}
    with subprocess.Popen(program.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, env=environment) as process:
        for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                raise Failed("other output than marks") from None
            at_once, _ = resident(process.pid)
            time.sleep(LINGER)
            later, lazy = resident(process.pid)
            marks[said["mark"]] = {"live": said["live"], "at_once": at_once, "later": later,
                                   "lazy": lazy}
            process.stdin.write(b"\n")
            process.stdin.flush()
    if process.returncode != 0:
        raise Failed(f"exit code {process.returncode}")
    return marks


def footprints(programs, allocators, say):
    """Memory at the marks of all workloads, as many at a time as there are cores: nothing here is
    timed, and nearly all of it is waiting. {(program, allocator): marks}, without what failed."""
    def one(pair):
        try:
            return footprint(*pair)
        except (Failed, OSError):
            return None

    pairs = [(p, a) for p in programs for a in allocators]
    found = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for (program, allocator), marks in zip(pairs, pool.map(one, pairs)):
            say(f"memory left: {program.name} on {allocator.name}")
            if marks:
                found[program.name, allocator.name] = marks
    return found


def _collected(build, allocator, operation, number):
    """Instructions of the program `pairs`, as callgrind counts them, or None."""
    environment = base_environment()
    if allocator.library != "-":
        environment["LD_PRELOAD"] = allocator.library
    try:
        done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                               str(Path(build) / "pairs"), operation, str(number)],
                              env=environment, capture_output=True, text=True, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"Collected : (\d+)", done.stderr)
    return int(found.group(1)) if found and done.returncode == 0 else None


def _instructions(build, allocator, operation):
    """Instructions of one hot operation with the loop around it."""
    once = _collected(build, allocator, operation, COUNTED)
    twice = _collected(build, allocator, operation, 2 * COUNTED)
    if once is None or twice is None:
        return None
    return round((twice - once) / COUNTED, 1)


def instructions(build, allocators, say):
    """{operation: {allocator: instructions}}; as many at a time as there are cores."""
    jobs = [(o, a) for o in OPERATIONS for a in allocators]
    found = {operation: {} for operation in OPERATIONS}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        counts = pool.map(lambda job: _instructions(build, job[1], job[0]), jobs)
        for (operation, allocator), count in zip(jobs, counts):
            say(f"counting instructions: {operation} on {allocator.name}")
            found[operation][allocator.name] = count
    return found
