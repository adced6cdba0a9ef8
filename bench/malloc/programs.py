# SPDX-License-Identifier: MIT
"""The programs that are measured: standard workloads and real programs, with what they are given."""
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import inputs
import redis_load

REAL, WORKLOAD = "real program", "standard workload"


@dataclass
class Program:
    """One row of the tables."""
    name: str
    kind: str
    command: list
    stdin: str = os.devnull
    environment: dict = field(default_factory=dict)
    time: str = "wall"       # "cpu" where another process has a share in the wall time
    load: object = None      # called while the program runs; returns a hash of what it answered
    before: object = None    # called before each run


def workloads(build, quick):
    """The workloads, each about half a second on an ordinary malloc."""
    threads = max(2, min(8, os.cpu_count() or 2))

    def one(name, program, *arguments, scale=None):
        words = [str(a) for a in arguments]
        if scale is not None:
            words[scale] = str(int(arguments[scale]) // (4 if quick else 1))
        return Program(name, WORKLOAD, [str(build / program), *words])

    return [
        one("larson", "larson", threads, 24_000_000, scale=1),
        one("thread-test", "threadtest", threads, 50_000_000, scale=1),
        one("producer/consumer", "prodcons", threads // 2, 3_000_000, scale=1),
        one("cache-scratch", "cache", "scratch", threads, 200_000_000, scale=2),
        one("cache-thrash", "cache", "thrash", threads, 200_000_000, scale=2),
        one("replace 1k", "replace", 1_000, 16_000_000, scale=1),
        one("replace 100k", "replace", 100_000, 4_000_000, scale=1),
        one("replace 1M", "replace", 1_000_000, 1_000_000, scale=1),
        one("realloc growth", "realloc_growth", 600_000, 4, scale=0),
        one("large blocks", "large", 600, scale=0),
        one("size shift", "size_shift", 60, scale=0),
        one("random free", "random_free", 200, scale=0),
    ]


def _redis(folder, quick):
    path = str(folder / "redis.sock")
    batches = redis_load.prepare(100_000 if quick else 500_000)

    def remove_socket():
        Path(path).unlink(missing_ok=True)

    return Program("redis", REAL, ["redis-server", "--port", "0", "--unixsocket", path, "--dir",
                                   str(folder), "--save", "", "--appendonly", "no",
                                   "--daemonize", "no", "--loglevel", "warning"],
                   time="cpu", load=lambda: redis_load.run(path, batches), before=remove_socket)


def _python(name, size, environment):
    return Program(name, REAL, ["/usr/bin/python3", "-s", "-S", str(inputs.SCRIPTS / "words.py"),
                                str(size)], environment=environment)


def real_programs(folder, quick):
    """The real programs, each about a second on the system's malloc."""
    part = 4 if quick else 1
    size = 5000 // part
    script = {name: str(inputs.SCRIPTS / name) for name in ("words.pl", "words.lua", "pages.ps")}
    commits = 900 // part
    return [
        Program("sqlite3", REAL, ["sqlite3", ":memory:"],
                stdin=str(inputs.write_sql(folder, 80_000 // part))),
        _redis(folder, quick),
        _python("python3", size // 2, {}),
        _python("python3 on malloc", size // 2, {"PYTHONMALLOC": "malloc"}),
        Program("perl", REAL, ["perl", script["words.pl"], str(size)],
                environment={"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}),
        Program("lua", REAL, ["lua5.4", script["words.lua"], str(size)]),
        Program("gcc cc1plus", REAL, [inputs.cc1plus(), "-quiet", "-O1", "-std=c++17",
                                      "-fpreprocessed", str(inputs.write_cxx(folder, 12 // part)),
                                      "-o", "-"]),
        Program("z3", REAL, ["z3", str(inputs.write_smt(folder, 8 if quick else 9, 6))]),
        Program("ghostscript", REAL, ["gs", "-q", "-dSAFER", "-dNOPAUSE", "-dBATCH", "-r60",
                                      "-sDEVICE=pgmraw", f"-dpages={80 // part}",
                                      "-sOutputFile=%stdout", "-sstdout=%stderr",
                                      script["pages.ps"]]),
        Program("git log", REAL, ["git", "-C", str(inputs.write_git(folder, commits)),
                                  "--no-pager", "log", "-p", "--stat", "-M", "--no-color"]),
        Program("git pack-objects", REAL,
                ["git", "-C", str(inputs.write_git(folder, commits)), "-c", "pack.threads=1",
                 "pack-objects", "--all", "--stdout", "-q", "--no-reuse-delta"]),
    ]


def available(programs):
    """Those whose command is there, and the names of the others."""
    here = [p for p in programs if shutil.which(p.command[0])]
    return here, [p.name for p in programs if p not in here]
