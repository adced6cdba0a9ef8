# SPDX-License-Identifier: MIT
"""Tables for a terminal."""


def render(title, head, rows, notes=()):
    """Lines of a table: the first column to the left, the others to the right. A row of None is a
    rule."""
    cells = [head] + [r for r in rows if r]
    widths = [max(len(r[i]) for r in cells) for i in range(len(head))]

    def line(row):
        return "  ".join([row[0].ljust(widths[0])] +
                         [c.rjust(w) for c, w in zip(row[1:], widths[1:])])

    rule = "  ".join("─" * w for w in widths)
    body = [line(r) if r else rule for r in rows]
    return "\n".join([title, "", line(head), rule, *body, *notes])
