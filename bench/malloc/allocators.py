# SPDX-License-Identifier: MIT
"""The allocators that are compared: ours, the system's, the packaged peers, and any other given."""
import glob
import subprocess
from dataclasses import dataclass
from pathlib import Path

import machine

# Libraries of packages of Debian 12 that take malloc's place when preloaded.
PACKAGED = (
    ("mimalloc", ("libmimalloc.so.3", "libmimalloc.so.2")),
    ("jemalloc", ("libjemalloc.so.2",)),
    ("tcmalloc", ("libtcmalloc_minimal.so.4",)),
    ("tbbmalloc", ("libtbbmalloc_proxy.so.2",)),
    ("scudo", ("/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.scudo_standalone-x86_64.so",)),
)
NOT_PACKAGED = ("snmalloc", "rpmalloc", "Hoard", "mimalloc 3", "Google's tcmalloc")


@dataclass
class Allocator:
    """One column of the tables. library is what is preloaded, "-" for the system's malloc."""
    name: str
    library: str
    version: str

    @property
    def is_peer(self):
        """Whether poolkit is measured against it: not itself, nor another build of it."""
        return not self.name.startswith("poolkit")


def _find(names):
    """The path of the first of these libraries that is there."""
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    for name in names:
        found = sorted(glob.glob(name)) if "/" in name else [
            line.split("=>")[1].strip() for line in cache.splitlines()
            if line.split(" ")[0].strip() == name and "x86-64" in line]
        if found:
            return found[-1]
    return None


def find(ours, extra):
    """All allocators: the system's, ours, those that are installed, then `extra` (name, path)."""
    # Preloaded, too: Debian's redis-server is linked with jemalloc.
    system = "/lib/x86_64-linux-gnu/libc.so.6"
    found = [Allocator("glibc", system, machine.package_of(system)),
             Allocator("poolkit", str(ours), machine.git_version())]
    missing = []
    for name, names in PACKAGED:
        library = _find(names)
        if library:
            found.append(Allocator(name, library, machine.package_of(library)))
        else:
            missing.append(name)
    for name, library in extra:
        found.append(Allocator(name, str(Path(library).resolve(strict=True)), library))
    return found, missing


def takes_effect(allocator):
    """Whether a program starts on this library at all, and has it mapped."""
    done = subprocess.run(["cat", "/proc/self/maps"], env={"LD_PRELOAD": allocator.library},
                          capture_output=True, text=True)
    return done.returncode == 0 and Path(allocator.library).resolve().name in done.stdout
