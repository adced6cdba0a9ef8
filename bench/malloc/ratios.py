# SPDX-License-Identifier: MIT
"""What follows from the figures: ratios to the best peer, geometric means, the worst cases."""
import stats

WORST_FROM = 1.10   # a case is named when poolkit needs this much more than the best peer
OURS = "poolkit"


def metric_of(program, metric):
    """Where a figure is kept: "time" is wall time, or CPU time for servers."""
    return program["time"] if metric == "time" else metric


def best_peer(program, metric, peers, pick="median"):
    """The best peer's name and median (or `pick`: "low", "high")."""
    figures = {a: r[metric_of(program, metric)][pick]
               for a, r in program["results"].items() if a in peers}
    name = min(figures, key=figures.get)
    return name, figures[name]


def ratios(program, metric, peers, pick="median"):
    """Each allocator's median (or `pick`) over the best peer's."""
    _, best = best_peer(program, metric, peers, pick)
    return {a: r[metric_of(program, metric)][pick] / best for a, r in program["results"].items()}


def spread(program, metric):
    """The middle of the allocators' interquartile ranges, as a part of their medians; None of a
    single round."""
    key = metric_of(program, metric)
    if all(r[key]["n"] < 2 for r in program["results"].values()):
        return None
    parts = [(r[key]["high"] - r[key]["low"]) / r[key]["median"]
             for r in program["results"].values()]
    return stats.summary(parts)["median"]


def geometric_means(programs, allocators, peers, metric, pick="median"):
    """Per allocator the mean ratio to the best peer, over the programs that all of them ran."""
    rows = [ratios(p, metric, peers, pick) for p in programs]
    rows = [r for r in rows if all(a in r for a in allocators)]
    return {a: stats.geometric_mean(r[a] for r in rows) for a in allocators} if rows else {}


def all_means(programs, allocators, peers):
    """The means of each kind of program and figure. "quiet" is time again, but of the lower
    quartiles: on a machine that others use, noise only ever adds."""
    found = {}
    for kind in sorted({p["kind"] for p in programs}):
        of_kind = [p for p in programs if p["kind"] == kind], allocators, peers
        found[kind] = {metric: geometric_means(*of_kind, metric)
                       for metric in ("time", "cpu", "peak", "mean", "minor_faults")}
        found[kind]["quiet"] = geometric_means(*of_kind, "time", "low")
    return found


def worst_cases(programs, peers):
    """Where poolkit needs markedly more than the best peer, the worst first."""
    found = []
    for program in programs:
        if OURS not in program["results"]:
            continue
        for metric in ("time", "peak", "mean"):
            factor = ratios(program, metric, peers)[OURS]
            if factor >= WORST_FROM:
                name, _ = best_peer(program, metric, peers)
                found.append({"program": program["name"], "figure": metric, "factor": factor,
                              "best": name})
    return sorted(found, key=lambda case: -case["factor"])
