# SPDX-License-Identifier: MIT
"""The result as one SVG: a row for each program, a dot for each allocator, time beside memory."""
import dotchart
import ratios

COLOURS = {"poolkit": "#d1242f", "glibc": "#57606a", "mimalloc": "#0969da", "jemalloc": "#1a7f37",
           "tcmalloc": "#bf8700", "tbbmalloc": "#8250df", "scudo": "#bc4c00"}
OTHERS = ("#00838f", "#ad1457", "#33691e", "#4e342e")


def _styles(names):
    """Colour and size of each allocator's dots; ours is drawn last and largest."""
    spare = iter(OTHERS * len(names))
    ordered = [n for n in names if n != ratios.OURS] + [n for n in names if n == ratios.OURS]
    return [dotchart.Series(n, COLOURS.get(n) or next(spare), 5.5 if n == ratios.OURS else 3.5)
            for n in ordered]


def _interval(program, metric, peers):
    """poolkit's quartiles in units of the best peer, or None."""
    if ratios.OURS not in program["results"]:
        return None
    figure = program["results"][ratios.OURS][ratios.metric_of(program, metric)]
    _, best = ratios.best_peer(program, metric, peers)
    return figure["low"] / best, figure["high"] / best


def _rows(result, metric):
    for kind in dict.fromkeys(p["kind"] for p in result["programs"]):
        for program in (p for p in result["programs"] if p["kind"] == kind):
            yield dotchart.Row(program["name"], ratios.ratios(program, metric, result["peers"]),
                               _interval(program, metric, result["peers"]))
        yield dotchart.Row(f"geometric mean, {kind}s", result["geometric_means"][kind][metric],
                           None, bold=True)


def draw(result):
    """The SVG's text."""
    machine = result["machine"]
    note = (f"medians of {result['rounds']} interleaved rounds; bars: poolkit's quartiles; "
            f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_at_start']}; "
            "× is relative to the best allocator other than poolkit (left is better)")
    panels = [("time ×", list(_rows(result, "time"))),
              ("peak resident memory ×", list(_rows(result, "peak")))]
    return dotchart.draw("malloc: real programs and standard workloads", note,
                         _styles([a["name"] for a in result["allocators"]]), panels)
