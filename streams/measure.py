"""The integers learned about one number that events carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import msgspec
import numpy as np

from streams.columns import Ints, starts_of
from streams.histogram import Histogram, bucket_of
from streams.reducer import Reducer

__all__ = ["SIZE_MAX", "VALUES_MAX", "Measure", "add_all"]

_LIMB_BITS = 21
_LIMB = (1 << _LIMB_BITS) - 1

SIZE_MAX = (1 << 2 * _LIMB_BITS) - 1
"""The greatest size of a value that `add_all` takes: two limbs of 21 bits."""

VALUES_MAX = 1 << 20
"""How many values `add_all` takes at once: so many products of limbs fit into 63 bits."""

_EXACT_BELOW = 128
"""Smaller sizes have a histogram bucket each, so their number is known exactly."""


class Measure(Reducer):
    """Count, sum, sum of squares, extremes and histogram of the values of one measure.

    Formula: n, sum of x, sum of x squared, min x, max x, as integers of any size. Mean, variance
    and quantiles follow from them (`streams.statistics`) whenever somebody reads.

    Source: the sufficient statistics of mean and variance; kept as exact integers they need none
    of the care of T. Chan, G. Golub and R. LeVeque, "Updating Formulae and a Pairwise Algorithm
    for Computing Sample Variances", 1979, because nothing is rounded.

    >>> measure = Measure()
    >>> for value in (2, 4, 6):
    ...     measure.add(value)
    >>> measure.n, measure.total, measure.squares, measure.minimum, measure.maximum
    (3, 12, 56, 2, 6)
    >>> measure.remove(4), measure.remove(6)  # the next greatest is not known without the values
    (True, False)
    """

    __slots__ = ("histogram", "maximum", "minimum", "n", "squares", "total")

    n: int
    total: int
    squares: int
    minimum: int | None
    maximum: int | None
    histogram: Histogram

    def __init__(self) -> None:
        """Start without a value."""
        self.n = self.total = self.squares = 0
        self.minimum = self.maximum = None
        self.histogram = Histogram()

    def add(self, value: int) -> None:
        """Fold one value."""
        self.n += 1
        self.total += value
        self.squares += value * value
        minimum = self.minimum
        if minimum is None:
            self.minimum = self.maximum = value
        elif value < minimum:
            self.minimum = value
        elif value > self.maximum:  # type: ignore[operator]  # Set together with minimum.
            self.maximum = value
        self.histogram.add(value)

    def remove(self, value: int) -> bool:
        """Take one value out again and return True, or change nothing and return False.

        False means that an extreme would go and the next one is not known here: the caller has to
        rebuild. A value that was never added raises `ValueError`, as far as that can be seen.
        """
        held = self.histogram.count(value)
        if self.minimum is None or self.maximum is None or not held:
            raise ValueError(f"{value} was never added")
        if not self.minimum <= value <= self.maximum:
            raise ValueError(
                f"{value} was never added: values are {self.minimum} to {self.maximum}"
            )
        if value in (self.minimum, self.maximum) and not self._stays(value, held):
            return False
        self.histogram.remove(value)
        self.n -= 1
        self.total -= value
        self.squares -= value * value
        if not self.n:
            self.minimum = self.maximum = None
        return True

    def __add__(self, other: Measure) -> Self:
        """Return the measure of both sets of values."""
        merged = type(self)()
        merged.n = self.n + other.n
        merged.total = self.total + other.total
        merged.squares = self.squares + other.squares
        low = [side.minimum for side in (self, other) if side.minimum is not None]
        high = [side.maximum for side in (self, other) if side.maximum is not None]
        merged.minimum = min(low, default=None)
        merged.maximum = max(high, default=None)
        merged.histogram = self.histogram + other.histogram
        return merged

    def __eq__(self, other: object) -> bool:
        """Tell whether both hold the same integers."""
        if not isinstance(other, Measure):
            return NotImplemented
        return (
            self.n == other.n
            and self.total == other.total
            and self.squares == other.squares
            and self.minimum == other.minimum
            and self.maximum == other.maximum
            and self.histogram == other.histogram
        )

    __hash__ = None  # It changes in place.

    def __bool__(self) -> bool:
        """Tell whether any value was folded."""
        return self.n > 0

    def to_json(self) -> dict[str, Any]:
        """Return the parts; integers that may exceed 64 bits as decimal text."""
        if not self.n:
            return {}
        return {
            "histogram": self.histogram.to_json(),
            "maximum": str(self.maximum),
            "minimum": str(self.minimum),
            "n": self.n,
            "squares": str(self.squares),
            "total": str(self.total),
        }

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the measure that `to_json` wrote, or raise `ValueError`."""
        measure = cls()
        if value == {}:
            return measure
        try:
            wire = msgspec.convert(value, _Wire)
        except msgspec.ValidationError as exc:
            raise ValueError(f"not a measure: {exc}") from exc
        measure.n = wire.n
        measure.total = _integer(wire.total)
        measure.squares = _integer(wire.squares)
        measure.minimum = low = _integer(wire.minimum)
        measure.maximum = high = _integer(wire.maximum)
        measure.histogram = Histogram.from_json(wire.histogram)
        possible = (
            measure.n == measure.histogram.n > 0
            and measure.histogram.ends() == (bucket_of(low), bucket_of(high))
            and measure.n * low <= measure.total <= measure.n * high
            and measure.n * measure.squares >= measure.total**2
        )
        if not possible:
            raise ValueError(f"no values have these sums, extremes and buckets: {value!r}")
        return measure

    def _stays(self, value: int, held: int) -> bool:
        """Tell whether the extremes are still known when `value`, one of them, is taken away."""
        return self.minimum == self.maximum or (held > 1 and -_EXACT_BELOW < value < _EXACT_BELOW)


def add_all(measures: Sequence[Measure], places: Ints, values: Ints) -> None:
    """Fold every value into the measure at its place in the sequence.

    Every measure gets a value at least, places do not fall, no two of the sequence are the same
    object, and neither `SIZE_MAX` nor `VALUES_MAX` is exceeded: so no sum here leaves 63 bits.
    """
    Histogram.count_all([one.histogram for one in measures], places, values)
    starts = starts_of(places)
    sizes = np.abs(values)
    high, low = sizes >> _LIMB_BITS, sizes & _LIMB
    columns = (
        np.diff(starts, append=len(places)),
        np.add.reduceat(values, starts),
        np.add.reduceat(low * low, starts),
        np.add.reduceat(high * low, starts),
        np.add.reduceat(high * high, starts),
        np.minimum.reduceat(values, starts),
        np.maximum.reduceat(values, starts),
    )
    rows = zip(measures, *(column.tolist() for column in columns), strict=True)
    for one, n, total, lows, mixed, highs, least, greatest in rows:
        one.n += n
        one.total += total
        one.squares += lows + (mixed << (_LIMB_BITS + 1)) + (highs << 2 * _LIMB_BITS)
        if one.minimum is None or one.maximum is None:
            one.minimum, one.maximum = least, greatest
        else:
            one.minimum = min(one.minimum, least)
            one.maximum = max(one.maximum, greatest)


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    """What `Measure.to_json` writes."""

    histogram: list[Any]
    maximum: str
    minimum: str
    n: int
    squares: str
    total: str


def _integer(text: str) -> int:
    """Return the integer that `str` wrote, and refuse every other spelling of it."""
    number = int(text)
    if str(number) != text:
        raise ValueError(f"not the canonical text of an integer: {text!r}")
    return number
