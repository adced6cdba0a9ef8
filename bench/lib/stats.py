# SPDX-License-Identifier: MIT
"""Medians, quartiles and geometric means."""
import math
import statistics


def summary(values):
    """Median and quartiles of a list of numbers."""
    if len(values) < 2:
        low = high = values[0]
    else:
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": statistics.median(values), "low": low, "high": high, "n": len(values)}


def geometric_mean(values):
    """The geometric mean of positive numbers, or None of none."""
    values = list(values)
    if not values:
        return None
    return math.exp(sum(math.log(v) for v in values) / len(values))
