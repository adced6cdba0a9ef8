# SPDX-License-Identifier: MIT
"""The programs that are measured: workloads and real programs, with what they are given."""
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
    prepare: object = None   # called once: makes what the program works on


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
    load = redis_load.Load(path, 100_000 if quick else 500_000)

    def remove_socket():
        Path(path).unlink(missing_ok=True)

    return Program("redis", REAL, ["redis-server", "--port", "0", "--unixsocket", path, "--dir",
                                   str(folder), "--save", "", "--appendonly", "no",
                                   "--daemonize", "no", "--loglevel", "warning"],
                   time="cpu", load=load.run, before=remove_socket, prepare=load.prepare)


def _interpreters(part):
    """The languages, each with a script of its own."""
    def script(name):
        return str(inputs.SCRIPTS / name)

    python = ["/usr/bin/python3", "-s", "-S", script("words.py"), str(2500 // part)]
    return [
        Program("python3", REAL, python),
        Program("python3 on malloc", REAL, python, environment={"PYTHONMALLOC": "malloc"}),
        Program("perl", REAL, ["perl", script("words.pl"), str(5000 // part)],
                environment={"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}),
        Program("lua", REAL, ["lua5.4", script("words.lua"), str(5000 // part)]),
        Program("ghostscript", REAL, ["gs", "-q", "-dSAFER", "-dNOPAUSE", "-dBATCH", "-r60",
                                      "-sDEVICE=pgmraw", f"-dpages={80 // part}",
                                      "-sOutputFile=%stdout", "-sstdout=%stderr",
                                      script("pages.ps")]),
    ]


def _git(folder, part):
    """Two commands on one repository: differences of texts, and of what is packed."""
    repository = folder / "repository.git"
    git = ["git", "-C", str(repository), "-c", "pack.threads=1"]

    def prepare():
        inputs.write_git(repository, 900 // part)

    return [Program("git log", REAL, [*git, "--no-pager", "log", "-p", "--stat", "-M",
                                      "--no-color"], prepare=prepare),
            Program("git pack-objects", REAL, [*git, "pack-objects", "--all", "--stdout", "-q",
                                               "--no-reuse-delta"], prepare=prepare)]


def real_programs(folder, quick):
    """The real programs, each about a second on the system's malloc. Nothing is made yet."""
    part = 4 if quick else 1
    sql, unit, questions = (folder / name for name in ("events.sql", "unit.ii", "questions.smt2"))
    return [
        Program("sqlite3", REAL, ["sqlite3", ":memory:"], stdin=str(sql),
                prepare=lambda: inputs.write_sql(sql, 80_000 // part)),
        _redis(folder, quick),
        *_interpreters(part),
        Program("gcc cc1plus", REAL, [inputs.cc1plus(), "-quiet", "-O1", "-std=c++17",
                                      "-fpreprocessed", str(unit), "-o", "-"],
                prepare=lambda: inputs.write_cxx(unit, 12 // part)),
        Program("z3", REAL, ["z3", str(questions)],
                prepare=lambda: inputs.write_smt(questions, 8 if quick else 9, 6)),
        *_git(folder, part),
    ]


def available(programs):
    """Those whose command is there, and the names of the others."""
    here = [p for p in programs if shutil.which(p.command[0])]
    return here, [p.name for p in programs if p not in here]
