#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Draws what run.py measured: plot.py RESULT.json; beside it for each workload
pools-X.svg, instructions, if they are counted, and pools-X-time.svg.

The background is transparent, and all colours can be read on white and on black.
"""
import json
import os
import sys

import matplotlib
matplotlib.use("svg")
import matplotlib.pyplot as plt

import catalog

INK = "#808488"
OURS, PEER, HAND = "#e8590c", "#5b8fb9", "#9a9a9a"
MISSED, MET = "#e03131", "#2f9e44"


def colour(peer):
    if peer.startswith(catalog.OURS):
        return OURS
    return HAND if peer.startswith(catalog.BY_HAND) else PEER


def value_of(row, counted):
    """Bar and error bars: instructions, or time as a ratio."""
    if counted:
        return row["instructions"], None
    ratio = row.get("ratio")
    return (ratio[1], (ratio[1] - ratio[0], ratio[2] - ratio[1])) if ratio else (None, None)


def goal_lines(workload, rows, counted):
    """Where the goal lies on the axis: (value, text)."""
    if counted and workload.instructions:
        return [(workload.instructions, f"goal {workload.instructions}")]
    lines = []
    for other, share in [] if counted else workload.ratio or []:
        for row in rows:
            if row["program"] == other and row.get("ratio"):
                place = row["ratio"][1] * share
                lines.append((place, f"goal: {share:g} x {catalog.peer_of(other)}"))
    return lines


def style(axes):
    axes.set_xscale("log")
    axes.tick_params(colors=INK, which="both", length=0)
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: f"{x:g}"))
    axes.grid(axis="x", color=INK, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def draw_bars(axes, bars):
    smallest = min(value for _, value, _ in bars)
    axes.set_xlim(left=smallest * 0.7, right=max(value for _, value, _ in bars) * 2)
    for place, (peer, value, spread) in enumerate(bars):
        hatch = "///" if colour(peer) == HAND else None
        axes.barh(place, value, color="none" if hatch else colour(peer), edgecolor=colour(peer),
                  hatch=hatch, linewidth=0.8, height=0.72)
        end = min(value + (spread[1] if spread else 0), axes.get_xlim()[1] * 0.85)
        if spread:
            axes.errorbar(value, place, xerr=[[spread[0]], [spread[1]]], color=INK, capsize=2)
        text = f"{value:,.0f}" if spread is None else f"{value:.2f}"
        axes.annotate(text, (end, place), xytext=(4, 0), textcoords="offset points", va="center",
                      color=INK, fontsize=8)
    axes.set_yticks(range(len(bars)), [peer.replace("_", " ") for peer, _, _ in bars])
    axes.invert_yaxis()
    for label, (peer, _, _) in zip(axes.get_yticklabels(), bars):
        label.set_color(OURS if colour(peer) == OURS else INK)
        label.set_fontweight("bold" if colour(peer) == OURS else "normal")


def draw_goals(axes, workload, lines, bars, counted):
    ours = {peer: value for peer, value, _ in bars}[catalog.peer_of(workload.row)]
    for place, text in lines:
        shown = round(ours) if counted else round(ours, 2)
        met = shown <= place
        tone = MET if met else MISSED
        axes.axvline(place, color=tone, linestyle="--", linewidth=1, zorder=0)
        axes.annotate(text + (": met" if met else ": missed"), (place, len(bars) - 0.5),
                      xytext=(3, -11 if len(lines) == 1 or place == lines[0][0] else -21),
                      textcoords="offset points", color=tone, fontsize=8)


def draw(workload, rows, path, counted):
    bars = [(row["peer"], *value_of(row, counted)) for row in rows]
    bars = sorted((bar for bar in bars if bar[1]), key=lambda bar: bar[1])
    if not any(peer == catalog.peer_of(workload.row) for peer, _, _ in bars):
        return
    figure, axes = plt.subplots(figsize=(7.5, 1.3 + 0.26 * len(bars)))
    style(axes)
    draw_bars(axes, bars)
    draw_goals(axes, workload, goal_lines(workload, rows, counted), bars, counted)
    unit = "instructions an operation, the loop included" if counted else \
        f"time, ratio to {catalog.peer_of(workload.row).replace('_', ' ')}, medians and quartiles"
    axes.set_title(workload.title, color=INK, fontsize=11, loc="left", fontweight="bold")
    axes.set_xlabel(unit + "; less is better, logarithmic", color=INK, fontsize=8)
    figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def main():
    matplotlib.rcParams.update({"svg.hashsalt": "poolkit", "hatch.linewidth": 0.6,
                                "font.family": "sans-serif", "font.size": 9})
    with open(sys.argv[1]) as file:
        result = json.load(file)
    for workload in catalog.WORKLOADS:
        rows = [row for row in result["rows"] if row["workload"] == workload.id]
        if rows:
            path = os.path.join(os.path.dirname(sys.argv[1]), f"pools-{workload.id}")
            draw(workload, rows, path + "-time.svg", False)
            if workload.counted:
                draw(workload, rows, path + ".svg", True)


if __name__ == "__main__":
    main()
