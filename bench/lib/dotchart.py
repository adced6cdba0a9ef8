# SPDX-License-Identifier: MIT
"""Dot charts of ratios as SVG: rows of dots on a logarithmic axis, panels side by side."""
import math
from dataclasses import dataclass
from html import escape

LABELS, PANEL, GAP, TOP, ROW = 280, 400, 40, 96, 22    # pixels
LOWEST, HIGHEST = 0.5, 5.0                              # the axis; what is beyond stands at its end
TICKS = (0.5, 0.7, 1, 1.4, 2, 3, 4, 5)


@dataclass
class Series:
    """What one colour stands for."""
    name: str
    colour: str
    radius: float


@dataclass
class Row:
    """One line of a panel: a ratio by name of series; `interval` is a thin bar behind them."""
    label: str
    ratios: dict
    interval: tuple = None
    bold: bool = False


def _x(ratio):
    """Pixels from the left of a panel."""
    inside = min(max(ratio, LOWEST), HIGHEST)
    return PANEL * math.log(inside / LOWEST) / math.log(HIGHEST / LOWEST)


def _text(x, y, words, anchor="start", size=12, bold=False, colour="#1f2328"):
    weight = ' font-weight="600"' if bold else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}"{weight}>{escape(words)}</text>')


def _line(x1, y1, x2, y2, colour, width=1.0):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>')


def _dot(x, y, series, ratio):
    """A dot, or at the end of the axis a ring; the figure shows when pointed at."""
    beyond = ratio > HIGHEST or ratio < LOWEST
    fill, edge = ("#ffffff", series.colour) if beyond else (series.colour, "#ffffff")
    width = 1.5 if beyond else 0.8
    tip = f"<title>{escape(series.name)} {ratio:.2f}×</title>"
    return (f'<circle cx="{x + _x(ratio):.1f}" cy="{y:.1f}" r="{series.radius}" fill="{fill}" '
            f'stroke="{edge}" stroke-width="{width}">{tip}</circle>')


def _panel(x, title, rows, all_series):
    """One panel: axis, rows, dots."""
    bottom = TOP + ROW * len(rows)
    parts = [_text(x, TOP - 30, title, size=13, bold=True)]
    for tick in TICKS:
        best = tick == 1
        parts.append(_line(x + _x(tick), TOP - 6, x + _x(tick), bottom,
                           "#57606a" if best else "#d8dee4", 1.4 if best else 1))
        parts.append(_text(x + _x(tick), TOP - 12, f"{tick:g}", "middle", 11, colour="#57606a"))
    for i, row in enumerate(rows):
        y = TOP + ROW * (i + 0.5)
        if row.interval:
            low, high = (x + _x(r) for r in row.interval)
            parts.append(_line(low, y, high, y, "#d1242f", 2))
        parts += [_dot(x, y, s, row.ratios[s.name]) for s in all_series if s.name in row.ratios]
    return parts


def _legend(all_series):
    parts, x = [], LABELS
    for series in reversed(all_series):
        parts.append(f'<circle cx="{x}" cy="42" r="{series.radius}" fill="{series.colour}"/>')
        parts.append(_text(x + 10, 46, series.name))
        x += 26 + 8 * len(series.name)
    return parts


def draw(title, note, all_series, panels):
    """The whole picture. panels: (title, rows) each, with the same rows in the same order."""
    rows = panels[0][1]
    width = LABELS + len(panels) * (PANEL + GAP)
    height = TOP + ROW * len(rows) + 40
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             f'width="{width}" height="{height}" font-family="system-ui, sans-serif">',
             f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
             _text(12, 24, title, size=16, bold=True), *_legend(all_series)]
    for i, row in enumerate(rows):
        y = TOP + ROW * i
        if row.bold:
            parts.append(f'<rect y="{y}" width="{width}" height="{ROW}" fill="#f6f8fa"/>')
        parts.append(_text(12, y + ROW * 0.5 + 4, row.label, bold=row.bold))
    for i, (name, panel_rows) in enumerate(panels):
        parts += _panel(LABELS + i * (PANEL + GAP), name, panel_rows, all_series)
    parts.append(_text(12, height - 14, note, size=11, colour="#57606a"))
    return "\n".join(parts) + "\n</svg>\n"
