"""Numbers derived from tallies when somebody reads: pure functions, nothing kept.

Sums are exact integers, so each result is computed exactly and rounded to a float once, at the
end. Without data the answer is None, never a made-up zero. `unit` names the unit of the measure
(`streams.fixedpoint.SCALES`), and results are in that unit: dollars for "usd", not billionths.
"""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

from streams.fixedpoint import scale_of
from streams.measure import Measure

__all__ = ["Z_95", "mean", "quantile", "rate", "stddev", "variance", "wilson", "wilson_low"]

Z_95 = 1.959963984540054
"""The 97.5 % point of the normal distribution: intervals hold in 95 of 100 cases."""


def mean(measure: Measure, unit: str = "count") -> float | None:
    """Return the arithmetic mean, None without values.

    Formula: total / n.

    >>> mean(Measure()) is None
    True
    >>> mean(_of(2, 4, 9))
    5.0
    >>> mean(_of(500_000_000, 1_500_000_000), "usd")
    1.0
    """
    if not measure.n:
        return None
    return measure.total / (measure.n * scale_of(unit))


def variance(measure: Measure, unit: str = "count") -> float | None:
    """Return the sample variance, None with fewer than two values.

    Formula: (n squares - total^2) / (n (n - 1)), in integers, with one division at the end; so
    the cancellation that spoils this formula in floating point does not happen.

    Source: the computational formula with Bessel's correction, e.g. D. Knuth, The Art of Computer
    Programming 2, 4.2.2 (14), where its danger in floating point is described.

    >>> variance(_of(2, 4, 9))  # 9 + 1 + 16, halved
    13.0
    >>> variance(_of(7)) is None
    True
    """
    n = measure.n
    if n <= 1:
        return None
    spread = n * measure.squares - measure.total**2
    return spread / (n * (n - 1) * scale_of(unit) ** 2)


def stddev(measure: Measure, unit: str = "count") -> float | None:
    """Return the sample standard deviation, None with fewer than two values.

    Formula: the square root of the sample variance.

    >>> stddev(_of(1, 4, 7))
    3.0
    """
    square = variance(measure, unit)
    return None if square is None else sqrt(square)


def quantile(measure: Measure, p: float | Fraction, unit: str = "count") -> float | None:
    """Return the value at share `p` of the sorted values to 0.79 %, None without values.

    Formula: element ceil(p n) of the sorted values (the first for p = 0), as the middle of its
    histogram bucket, but never outside of the minimum and the maximum, which are exact.

    Source: the inverse of the empirical distribution function, definition 1 of R. Hyndman and
    Y. Fan, "Sample Quantiles in Statistical Packages", 1996.

    >>> quantile(_of(10, 20, 30, 40), 0.5)
    20.0
    >>> quantile(_of(1_000_001), 0.5)
    1000001.0
    """
    middle = measure.histogram.quantile(p)
    if middle is None or measure.minimum is None or measure.maximum is None:
        return None
    return min(max(middle, measure.minimum), measure.maximum) / scale_of(unit)


def rate(successes: int, n: int) -> float | None:
    """Return the share of successes, None without trials.

    >>> rate(3, 4)
    0.75
    >>> rate(0, 0) is None
    True
    """
    _refuse_impossible(successes, n)
    return successes / n if n else None


def wilson(successes: int, n: int, z: float = Z_95) -> tuple[float, float] | None:
    """Return the score interval of a success rate, None without trials.

    Formula, with p = successes / n:
    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    Journal of the American Statistical Association 22 (1927), 209-212.

    >>> wilson(0, 1, z=1)  # no success in one trial says little
    (0.0, 0.5)
    >>> wilson(2, 2, z=1)[1]
    1.0
    >>> wilson(0, 0) is None
    True
    """
    _refuse_impossible(successes, n)
    if not n:
        return None
    square = z * z
    # All terms times 2n, so that whole numbers stay whole for as long as possible.
    middle = 2 * successes + square
    margin = z * sqrt(square + 4 * successes * (n - successes) / n)
    whole = 2 * (n + square)
    # The ends are known where all trials agree; rounding must not move them.
    low = (middle - margin) / whole if successes else 0.0
    high = (middle + margin) / whole if successes < n else 1.0
    return max(0.0, low), min(1.0, high)


def wilson_low(successes: int, n: int, z: float = Z_95) -> float | None:
    """Return the lower end of the score interval, by which patterns are ranked.

    >>> wilson_low(1, 1, z=1)
    0.5
    >>> wilson_low(0, 0) is None
    True
    """
    interval = wilson(successes, n, z)
    return None if interval is None else interval[0]


def _refuse_impossible(successes: int, n: int) -> None:
    """Raise `ValueError` unless there can be so many successes in `n` trials."""
    if not 0 <= successes <= n:
        raise ValueError(f"{n} trials cannot have {successes} successes")


def _of(*values: int) -> Measure:
    """Return the measure of some values, for the examples above."""
    measure = Measure()
    for value in values:
        measure.add(value)
    return measure
