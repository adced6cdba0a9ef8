# SPDX-License-Identifier: MIT
"""What the real programs work on: made here, the same on every machine, or taken from packages."""
import shutil
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent / "scripts"

CXX_HEADERS = ("algorithm", "iostream", "map", "memory", "regex", "string", "vector")


def chance(seed):
    """Numbers below 2**31 from a seed, without end."""
    while True:
        seed = (seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        yield seed >> 33


def write_sql(path, rows):
    """The statements for sqlite3."""
    path.write_text((SCRIPTS / "events.sql").read_text().replace("ROWS", str(rows)))


def write_cxx(path, classes):
    """A C++ source, preprocessed, for gcc's cc1plus: templates of the library and of its own."""
    lines = [f"#include <{name}>" for name in CXX_HEADERS]
    for i in range(classes):
        lines.append(
            f"struct S{i} {{ std::map<int, std::string> m; std::vector<std::pair<int, double>> v;\n"
            f"  std::string f(const std::string &s) {{ m[{i}] = s; v.emplace_back({i}, s.size());\n"
            f"    std::sort(v.begin(), v.end(), [](auto &a, auto &b) {{\n"
            f"      return a.second < b.second; }});\n"
            f"    return std::regex_replace(s, std::regex(\"a{i}\"), m.begin()->second); }} }};")
    source = path.with_suffix(".cpp")
    source.write_text("\n".join(lines) + "\n")
    subprocess.run(["g++", "-std=c++17", "-E", "-P", source, "-o", path], check=True)


def write_smt(path, pigeons, bits):
    """Two questions for z3: too many pigeons for the holes, and a product of bit vectors."""
    lines = ["(set-logic QF_BV)"]
    for p in range(pigeons):
        lines += [f"(declare-const p{p}_{h} Bool)" for h in range(pigeons - 1)]
        lines.append("(assert (or " + " ".join(f"p{p}_{h}" for h in range(pigeons - 1)) + "))")
    for h in range(pigeons - 1):
        lines += [f"(assert (not (and p{a}_{h} p{b}_{h})))"
                  for a in range(pigeons) for b in range(a)]
    lines += ["(check-sat)", "(reset)", "(set-logic QF_BV)"]
    lines += [f"(declare-const {v} (_ BitVec {bits}))" for v in "abc"]
    lines += ["(assert (not (= (bvmul a (bvadd b c)) (bvadd (bvmul a b) (bvmul c a)))))",
              "(assert (bvult a (_ bv%d %d)))" % (1 << (bits - 2), bits), "(check-sat)"]
    path.write_text("\n".join(lines) + "\n")


def _commits(count, files):
    """A history as `git fast-import` reads it: texts of which some lines change in each commit."""
    numbers = chance(11)
    texts = [[f"line {n} of file {f} {next(numbers) % 1000}" for n in range(400)]
             for f in range(files)]
    for commit in range(count):
        message = f"change {commit}"
        yield (f"commit refs/heads/main\ncommitter A <a@example.org> {1700000000 + commit} +0000\n"
               f"data {len(message)}\n{message}\n")
        for f in range(files) if commit == 0 else {next(numbers) % files for _ in range(4)}:
            for _ in range(12):
                texts[f][next(numbers) % 400] = f"commit {commit} {next(numbers)}"
            body = "\n".join(texts[f]) + "\n"
            yield f"M 644 inline dir{f % 7}/file{f}.txt\ndata {len(body)}\n{body}\n"


def write_git(path, commits):
    """A repository with a history that is the same each time; made once."""
    if not path.exists():
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)
        subprocess.run(["git", "-C", path, "fast-import", "--quiet"], check=True,
                       input="".join(_commits(commits, 60)).encode())


def cc1plus():
    """gcc's C++ compiler proper, without the driver that starts it."""
    if not shutil.which("g++"):
        return "cc1plus"
    return subprocess.run(["g++", "-print-prog-name=cc1plus"], capture_output=True, text=True,
                          check=True).stdout.strip()
