# SPDX-License-Identifier: MIT
"""What a result must say about where it was made: versions, kernel, processor, load."""
import os
import platform
import subprocess
from pathlib import Path


def _said(*command):
    """What a command prints, or nothing if it fails or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def package_of(path):
    """The package and version that a file comes from, as dpkg knows it."""
    real = os.path.realpath(path)
    for candidate in (path, real, real.replace("/usr/lib/", "/lib/", 1),
                      real.replace("/lib/", "/usr/lib/", 1)):
        name = _said("dpkg-query", "-S", candidate).split(": ")[0]
        if name:
            return _said("dpkg-query", "-W", "-f", "${Package} ${Version}", name)
    return real


def git_version():
    """The commit of this tree, marked if files were changed since."""
    folder = str(Path(__file__).parent)
    return _said("git", "-C", folder, "describe", "--always", "--dirty") or "unknown"


def processor():
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def load():
    """How many processes wanted to run over the last minute, on average."""
    return round(os.getloadavg()[0], 2)


def describe():
    """All of it, as it goes into the JSON."""
    return {
        "kernel": f"{platform.system()} {platform.release()}",
        "cpu": processor(),
        "cores": os.cpu_count(),
        "load_at_start": load(),
    }
