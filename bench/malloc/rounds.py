# SPDX-License-Identifier: MIT
"""The order of the runs, and what is made of them.

A round runs every program on every allocator, one after the other; each begins with another
allocator than in the round before. So a machine that is busy for a while, or that grows warm, does
not meet one allocator alone.
"""
from collections import defaultdict

import stats
from measure import Failed

FIGURES = ("wall", "cpu", "user", "system", "peak", "mean", "minor_faults", "major_faults")


class Rounds:
    """All samples so far, and what failed."""

    def __init__(self, runner, programs, allocators, say):
        self.runner, self.say = runner, say
        self.programs, self.allocators = programs, allocators
        self.samples = defaultdict(list)
        self.failed = {}
        self.wanted = {}

    def warm_up(self):
        """Makes what each program works on and runs it once on the system's malloc, not counted:
        files are in the cache after it, and its output is what every other run must give."""
        for program in list(self.programs):
            self.say(f"warm-up: {program.name}")
            if program.prepare:
                program.prepare()
            try:
                self.wanted[program.name] = self.runner.run(program, self.allocators[0])["output"]
            except Failed as failure:
                self.programs.remove(program)
                self.failed[program.name, "all"] = str(failure)

    def run(self, number, of):
        """One round."""
        for i, program in enumerate(self.programs):
            shift = (number + i) % len(self.allocators)
            for allocator in self.allocators[shift:] + self.allocators[:shift]:
                self.say(f"round {number + 1}/{of}: {program.name} on {allocator.name}")
                self._one(program, allocator)

    def _one(self, program, allocator):
        key = program.name, allocator.name
        if key in self.failed:
            return
        try:
            sample = self.runner.run(program, allocator)
        except Failed as failure:
            self.failed[key] = str(failure)
            return
        if sample["output"] != self.wanted[program.name]:
            self.failed[key] = "other output than in the first run on the system's malloc"
            return
        self.samples[key].append(sample)

    def results(self):
        """Per program: its figures on each allocator, as medians with quartiles."""
        return [{"name": p.name, "kind": p.kind, "time": p.time, "command": p.command,
                 "results": {a.name: self._figures(p, a) for a in self.allocators
                             if (p.name, a.name) not in self.failed}}
                for p in self.programs]

    def _figures(self, program, allocator):
        samples = self.samples[program.name, allocator.name]
        return {f: stats.summary([s[f] for s in samples]) for f in FIGURES}
