"""What is usual among values and what is far from it, without a few wild ones moving either.

Durations, tokens and costs are positive and skewed, so distances are taken between logarithms:
ten times as long is as far away as a tenth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, floor, log, sqrt
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streams.statistics import Z_95

__all__ = ["FAR", "LEAST_VALUES", "Usual", "median_interval", "usual"]

LEAST_VALUES: Final = 20
"""Values below which nobody can say what is usual."""

FAR: Final = 5.0
"""Spreads beyond which a value is far away: one of a million where values are log-normal."""

_NORMAL: Final = 1.4826
"""What makes the median absolute deviation of normal values their standard deviation."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual among `n` positive values.

    `below` and `above` are one spread to either side on the scale of logarithms, as factors: in
    log-normal values two thirds are from the median divided by the one to the median times the
    other. `low` and `high` are where far begins.
    """

    n: int
    median: float
    below: float
    above: float
    low: float
    high: float

    def spreads(self, value: float) -> float:
        """How many spreads a positive value is above the median, below zero for less."""
        distance = log(value / self.median)
        return distance / log(self.above if distance > 0 else self.below)


def usual(values: ArrayLike, far: float = FAR) -> Usual | None:
    """Say what is usual; None with fewer than 20 positive values, or where most are the same.

    Formula: with y = ln x, m their median and d = |y - m|, the spread to a side is 1.4826 times
    the median of d there, or of d altogether where that is greater; far begins at
    exp(m -+ far spread). Values that are not positive have no logarithm: they are left out and
    never far.

    Source: the estimator with its constant from P. Rousseeuw and C. Croux, "Alternatives to the
    Median Absolute Deviation", Journal of the American Statistical Association 88 (1993),
    1273-1283; as a rule for outliers, F. Hampel, "The influence curve and its role in robust
    estimation", in the same journal 69 (1974), 383-393. A spread a side, for what is skewed even
    in logarithms, after P. Rosenmai, "Using the Median Absolute Deviation to Find Outliers"
    (2013).

    >>> found = usual([90, 100, 110] * 10 + [5_000])
    >>> found.n, round(found.median, 6), 110 < found.high < 250, found.spreads(5_000) > FAR
    (31, 100.0, True, True)
    >>> usual([5] * 30 + [6]) is None
    True
    >>> usual(range(1, 20)) is None
    True
    """
    series = np.asarray(values, dtype=np.float64)
    positive = series[series > 0]
    if len(positive) < LEAST_VALUES:
        return None
    logs = np.log(positive)
    middle = float(np.median(logs))
    distances = np.abs(logs - middle)
    spread = _spread(distances)
    if not spread:
        return None
    below = max(spread, _spread(distances[logs <= middle]))
    above = max(spread, _spread(distances[logs >= middle]))
    return Usual(
        n=len(positive),
        median=exp(middle),
        below=exp(below),
        above=exp(above),
        low=exp(middle - far * below),
        high=exp(middle + far * above),
    )


def _spread(distances: NDArray[Any]) -> float:
    return _NORMAL * float(np.median(distances))


def median_interval(values: Sequence[float], z: float = Z_95) -> tuple[float, float, float] | None:
    """Return the median with an interval around it, whatever the distribution; None below eight.

    Formula: of the sorted values the j-th from each end, j = floor((n - z sqrt(n)) / 2).

    Source: W. J. Conover, Practical Nonparametric Statistics, "confidence interval for a quantile"
    (the sign test turned around), with the normal approximation rounded to the safe side.

    >>> median_interval([5, 1, 4, 2, 3, 9, 7, 8, 6, 10])
    (1, 5.5, 10)
    >>> median_interval([1, 2, 3]) is None
    True
    """
    n = len(values)
    rank = floor((n - z * sqrt(n)) / 2)
    if rank < 1:
        return None
    ordered = sorted(values)
    return ordered[rank - 1], median(ordered), ordered[-rank]
