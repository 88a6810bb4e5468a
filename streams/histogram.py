"""How often which integer occurred, in buckets narrow enough for quantiles."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import Self

import msgspec
import numpy as np

from streams.columns import Ints, keys_of, pairs_of, summed
from streams.reducer import Reducer

__all__ = ["Histogram", "bucket_of", "buckets_of", "value_of"]

_EXACT_BITS = 6
"""Values below 2 to the power of 7 have a bucket each; greater ones share 64 per power of two."""

_POWERS = 1 << np.arange(63, dtype=np.int64)


def bucket_of(value: int) -> int:
    """Return the bucket of a value: zero for zero, else signed and rising with the value.

    For m = |value| and s = floor(log2(m)) - 6 the bucket is m itself while s <= 0, and
    64 s + floor(m / 2^s) above, so each power of two is split into 64 equal parts.

    >>> bucket_of(100), bucket_of(128), bucket_of(129), bucket_of(130), bucket_of(-130)
    (100, 128, 128, 129, -129)
    """
    size = value if value >= 0 else -value
    shift = size.bit_length() - (_EXACT_BITS + 1)
    if shift <= 0:
        return value
    bucket = (shift << _EXACT_BITS) + (size >> shift)
    return bucket if value >= 0 else -bucket


def value_of(bucket: int) -> int:
    """Return the middle of a bucket, which is within 0.79 % of every value in it.

    >>> value_of(100), value_of(128), value_of(bucket_of(1000))
    (100, 128, 1003)
    """
    size = abs(bucket)
    shift = (size >> _EXACT_BITS) - 1
    if shift <= 0:
        return bucket
    middle = ((size - (shift << _EXACT_BITS)) << shift) + (((1 << shift) - 1) >> 1)
    return middle if bucket >= 0 else -middle


def buckets_of(values: Ints) -> Ints:
    """Return the bucket of every value, as `bucket_of` does; -2^63, which has no size, must not be.

    >>> buckets_of(np.array([100, 128, -130, 2**63 - 1])).tolist()
    [100, 128, -129, 3711]
    """
    sizes = np.abs(values)
    # As many powers of two are no greater than a value as it has bits: nothing is rounded.
    shifts = np.searchsorted(_POWERS, sizes, side="right") - (_EXACT_BITS + 1)
    buckets = (shifts << _EXACT_BITS) + (sizes >> np.maximum(shifts, 0))
    return np.where(shifts > 0, np.where(values < 0, -buckets, buckets), values)


class Histogram(Reducer):
    """Counts integers of any size in logarithmic-linear buckets.

    Formula: sign, zero, power of two, split into 64 linear parts by integer shifts. Values up to
    127 are exact; the middle of any other bucket is off by less than 1/128 = 0.79 %. No floating
    point is involved, so every machine puts a value into the same bucket.

    Source: the layout of HdrHistogram (G. Tene, hdrhistogram.org), base 2, here with a sign.

    >>> histogram = Histogram()
    >>> for value in (3, 1, 2, 100):
    ...     histogram.add(value)
    >>> histogram.quantile(0.5), histogram.quantile(1)
    (2, 100)
    >>> (histogram + histogram).n
    8
    """

    __slots__ = ("_buckets", "_counts")

    # Two packed arrays, sorted by bucket: a million small histograms must fit in memory.
    _buckets: array[int]
    _counts: array[int]

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._buckets = array("i")
        self._counts = array("q")

    def add(self, value: int, weight: int = 1) -> None:
        """Count `value`, `weight` times."""
        # The text of `bucket_of`, because a call costs a third of this whole method.
        size = value if value >= 0 else -value
        shift = size.bit_length() - 7
        if shift <= 0:
            bucket = value
        elif value >= 0:
            bucket = (shift << 6) + (size >> shift)
        else:
            bucket = -(shift << 6) - (size >> shift)
        buckets = self._buckets
        at = bisect_left(buckets, bucket)
        if weight <= 0:
            if weight:
                raise ValueError(f"weight must not be negative: {weight}")
        elif at < len(buckets) and buckets[at] == bucket:
            self._counts[at] += weight
        else:
            self._counts.insert(at, weight)
            buckets.insert(at, bucket)

    def remove(self, value: int, weight: int = 1) -> None:
        """Take `value` out again, `weight` times; raise `ValueError` if it is not there."""
        at, held = self._find(value)
        if not 0 <= weight <= held:
            raise ValueError(
                f"{value} was counted {held} times and cannot be removed {weight} times"
            )
        if not weight:
            return
        if held == weight:
            del self._buckets[at], self._counts[at]
        else:
            self._counts[at] = held - weight

    def count(self, value: int) -> int:
        """Return how many values share the bucket of `value` (its own number below 128)."""
        return self._find(value)[1]

    @property
    def n(self) -> int:
        """How many values were counted."""
        return sum(self._counts)

    def element(self, rank: int) -> int:
        """Return the value standing for element `rank` of the sorted values, the first being 1."""
        if rank >= 1:
            at = bisect_left(list(accumulate(self._counts)), rank)
            if at < len(self._buckets):
                return value_of(self._buckets[at])
        raise ValueError(f"rank must be from 1 to {self.n}: {rank}")

    def quantile(self, p: float | Fraction) -> int | None:
        """Return the value standing for element ceil(p n) of the sorted values, None without any.

        `p` is taken as its decimal text says, so that 0.07 of 100 values is the 7th.
        """
        n = self.n
        if not n:
            return None
        share = _exact(p)
        return self.element(max(1, -(-share.numerator * n // share.denominator)))

    def __add__(self, other: Histogram) -> Self:
        """Return the histogram of both sets of values."""
        merged = type(self)()
        if not self._buckets or not other._buckets:
            only = self if self._buckets else other
            merged._buckets, merged._counts = only._buckets[:], only._counts[:]
            return merged
        counts = dict(zip(self._buckets, self._counts, strict=True))
        for bucket, count in zip(other._buckets, other._counts, strict=True):
            counts[bucket] = counts.get(bucket, 0) + count
        merged._buckets = array("i", sorted(counts))
        merged._counts = array("q", [counts[bucket] for bucket in merged._buckets])
        return merged

    def __eq__(self, other: object) -> bool:
        """Tell whether both hold the same counts."""
        if not isinstance(other, Histogram):
            return NotImplemented
        return self._buckets == other._buckets and self._counts == other._counts

    __hash__ = None  # It changes in place.

    def __bool__(self) -> bool:
        """Tell whether anything was counted."""
        return bool(self._buckets)

    def to_json(self) -> list[list[int]]:
        """Return the buckets in rising order, and the count of each."""
        return [self._buckets.tolist(), self._counts.tolist()]

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the histogram that `to_json` wrote, or raise `ValueError`."""
        try:
            buckets, counts = msgspec.convert(value, tuple[list[int], list[int]])
            histogram = cls()
            histogram._buckets = array("i", buckets)
            histogram._counts = array("q", counts)
        except (msgspec.ValidationError, OverflowError) as exc:
            raise ValueError(f"not a histogram: {exc}") from exc
        if len(buckets) != len(counts):
            raise ValueError(f"a histogram of {len(buckets)} buckets has {len(counts)} counts")
        if buckets != sorted(set(buckets)):
            raise ValueError("the buckets of a histogram must rise")
        if counts and min(counts) <= 0:
            raise ValueError(f"the counts of a histogram must be positive: {min(counts)}")
        return histogram

    @staticmethod
    def count_all(histograms: Sequence[Histogram], places: Ints, values: Ints) -> None:
        """Count every value in the histogram at its place in the sequence.

        No two may be the same object, and no value -2^63.
        """
        lengths = [len(one._buckets) for one in histograms]  # noqa: SLF001  # of its own class
        buckets = b"".join([one._buckets for one in histograms])  # noqa: SLF001
        counts = b"".join([one._counts for one in histograms])  # noqa: SLF001
        every = np.arange(len(histograms))
        held = np.frombuffer(buckets, np.int32).astype(np.int64)
        keys, (sums,) = summed(
            np.concatenate(
                (keys_of(np.repeat(every, lengths), held), keys_of(places, buckets_of(values)))
            ),
            [np.concatenate((np.frombuffer(counts, np.int64), np.ones(len(values), np.int64)))],
        )
        places, held = pairs_of(keys)
        ends = np.searchsorted(places, every, side="right").tolist()
        buckets, counts = held.astype(np.int32).tobytes(), sums.tobytes()
        start = 0
        for histogram, end in zip(histograms, ends, strict=True):
            histogram._buckets = array("i", buckets[4 * start : 4 * end])  # noqa: SLF001  # of its own class
            histogram._counts = array("q", counts[8 * start : 8 * end])  # noqa: SLF001  # of its own class
            start = end

    def ends(self) -> tuple[int, int] | None:
        """Return the least and the greatest bucket in use, None without values."""
        return (self._buckets[0], self._buckets[-1]) if self._buckets else None

    def _find(self, value: int) -> tuple[int, int]:
        """Return the place and the count of a value's bucket; the count is 0 if it is not there."""
        bucket = bucket_of(value)
        at = bisect_left(self._buckets, bucket)
        if at < len(self._buckets) and self._buckets[at] == bucket:
            return at, self._counts[at]
        return at, 0


@lru_cache(maxsize=64)
def _exact(p: float | Fraction) -> Fraction:
    """Return the share that the text of `p` names."""
    share = Fraction(str(p))
    if not 0 <= share <= 1:
        raise ValueError(f"p must be from 0 to 1: {p}")
    return share
