# SPDX-License-Identifier: MIT
"""Does anything grow? slope.py WARM: the first WARM seconds of soak's lines are not looked at.

For resident memory, mappings and descriptors: the slope of the straight line through the medians of ten
stretches (the median of the slopes between all pairs of them, so that one odd stretch does not count).
It may be, over the whole time after the warm-up:
  resident   5 % of the median, and 1 MiB at least (of chance: which blocks live when a sample is taken)
  mappings   5 % of the median, and 16 at least
  descriptors  2 (one fork or library may be open at a sample)
Exits with 1 if one grows more."""
import statistics
import sys

warm = float(sys.argv[1])
rows = [[float(x) for x in line.split()] for line in sys.stdin if line[:1].isdigit()]
rows = [row for row in rows if row[0] >= warm]
if len(rows) < 20:
    sys.exit(f"soak: {len(rows)} samples after the warm-up are too few")

ends = [len(rows) * i // 10 for i in range(11)]
parts = [rows[a:b] for a, b in zip(ends, ends[1:])]
span = rows[-1][0] - rows[0][0]
failed = False
for column, name, share, least in ((1, "resident KiB", 0.05, 1024), (2, "mappings", 0.05, 16),
                                   (3, "descriptors", 0, 2)):
    at = [statistics.median(r[0] for r in part) for part in parts]
    of = [statistics.median(r[column] for r in part) for part in parts]
    slope = statistics.median((of[j] - of[i]) / (at[j] - at[i])
                              for i in range(10) for j in range(i + 1, 10))
    middle = statistics.median(r[column] for r in rows)
    bound = max(share * middle, least)
    grows = slope * span > bound
    failed = failed or grows
    print(f"{name:13} median {middle:9.0f}  growth in {span:.0f} s {slope * span:+9.1f}"
          f"  bound {bound:7.0f}  {'GROWS' if grows else 'ok'}")
sys.exit(failed)
