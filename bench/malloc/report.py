# SPDX-License-Identifier: MIT
"""The result as text for a terminal."""
import ratios
import table

MIB = 1 << 20
TITLES = {"time": "Time, relative to the fastest peer (wall; CPU time of the server for redis)",
          "peak": "Peak resident memory, relative to the leanest peer",
          "mean": "Mean resident memory, relative to the leanest peer"}
METRICS = tuple(TITLES)
SHORT = {"time": "time", "quiet": "time, lower quartile", "cpu": "CPU time",
         "peak": "peak memory", "mean": "mean memory", "minor_faults": "page faults"}


def _cell(value, text="{:.2f}"):
    return "–" if value is None else text.format(value)


def ratio_table(result, metric):
    """One row per program, one column per allocator, the means below."""
    names = [a["name"] for a in result["allocators"]]
    rows = []
    for kind in dict.fromkeys(p["kind"] for p in result["programs"]):
        for program in (p for p in result["programs"] if p["kind"] == kind):
            found = ratios.ratios(program, metric, result["peers"])
            rows.append([program["name"], *(_cell(found.get(n)) for n in names),
                         _cell(ratios.spread(program, metric), "{:.0%}")])
        means = result["geometric_means"][kind][metric]
        rows.append([f"= {kind}s", *(_cell(means.get(n)) for n in names), ""])
        if means:
            rows.append(["  against glibc", *(_cell(means[n] / means["glibc"]) for n in names), ""])
        rows.append(None)
    return table.render(TITLES[metric], ["", *names, "spread"], rows[:-1])


def footprint_table(result):
    """Memory at the marks of the workloads."""
    names = [a["name"] for a in result["allocators"]]
    rows = []
    for program in result["programs"]:
        marks = result["footprints"].get(program["name"], {})
        if any("kept" in m for m in marks.values()):
            rows.append([f"{program['name']}: footprint / live",
                         *(_cell(_held(marks.get(n)), "{:.2f}×") for n in names)])
        if marks:
            rows.append([f"{program['name']}: left",
                         *(_cell(_left(marks.get(n)), "{:.1f}") for n in names)])
    return table.render("Memory 1 s after the workload stood still: what it holds for what is "
                        "live; MiB left when all is freed", ["", *names], rows) if rows else ""


def _held(marks):
    return marks["kept"]["later"] / marks["kept"]["live"] if marks and "kept" in marks else None


def _left(marks):
    return marks["freed"]["later"] / MIB if marks else None


OPERATIONS = {"pair": "malloc + free", "batch": "the same, 100 and 100", "mixed": "16 to 1,024 bytes",
              "calloc": "calloc 256 + free", "aligned": "posix_memalign + free",
              "realloc": "realloc, 32 bytes more", "new": "new + sized delete",
              "aligned-new": "aligned new + delete"}


def instruction_table(result):
    """Instructions per operation."""
    counts = result["instructions"]
    if not counts:
        return ""
    names = [a["name"] for a in result["allocators"]]
    rows = [[OPERATIONS[operation], *(_cell(found.get(n), "{:.0f}") for n in names)]
            for operation, found in counts.items()]
    return table.render("Instructions of a hot operation, 64 bytes where none is said, with the "
                        "loop around it", ["", *names], rows)


def means_table(result):
    """Everything in one number each."""
    names = [a["name"] for a in result["allocators"]]
    rows = [[f"{kind}s: {SHORT[metric]}", *(_cell(means.get(n)) for n in names)]
            for kind, metrics in result["geometric_means"].items()
            for metric, means in sorted(metrics.items(), key=lambda m: list(SHORT).index(m[0]))]
    return table.render("Geometric means, relative to the best peer of each program",
                        ["", *names], rows)


def worst_list(result):
    """Where poolkit loses."""
    lines = [f"  {c['factor']:5.2f}×  {c['figure']:5}  {c['program']} (best: {c['best']})"
             for c in result["worst"]]
    return "\n".join([f"Where poolkit needs {ratios.WORST_FROM:.2f}× or more of the best peer:",
                      *(lines or ["  nowhere"])])


def _failures(result):
    return "\n".join(f"  {f['program']} on {f['allocator']}: {f['what']}" for f in result["failed"])


def conditions(result):
    """Where and how it was measured."""
    m = result["machine"]
    lines = [f"{m['cpu']}, {m['cores']} cores, {m['kernel']}; load at start {m['load_at_start']}, "
             f"at the end {m['load_at_end']}",
             f"medians of {result['rounds']} rounds{' of short runs' if result['quick'] else ''}, "
             f"{result['seconds'] / 60:.1f} minutes; "
             "spread: the middle allocator's interquartile range",
             *(f"  {a['name']:10} {a['version']}" for a in result["allocators"]),
             f"  not in Debian 12: {', '.join(result['not_packaged'])}"]
    if result["missing"]:
        lines.append(f"  left out, not installed: {', '.join(result['missing'])}")
    return "\n".join(lines)


def text(result):
    """All of it."""
    parts = [ratio_table(result, m) for m in METRICS]
    parts += [footprint_table(result), instruction_table(result), means_table(result),
              worst_list(result)]
    if result["failed"]:
        parts.append("Failed, and left out of the means:\n" + _failures(result))
    return "\n\n".join(p for p in [*parts, conditions(result)] if p)
