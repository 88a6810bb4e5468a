"""Counts by day, for the latest 35 days."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Self

import msgspec
import numpy as np

from streams.columns import Ints, keys_of, pairs_of, ranges, summed
from streams.reducer import Reducer

__all__ = ["DAY_US", "KEPT_DAYS", "Days"]

DAY_US = 86_400_000_000
"""Microseconds in a day; day 0 is 1970-01-01, UTC."""

KEPT_DAYS = 35
"""How many days are kept, up to and with the greatest."""


class Days(Reducer):
    """Occurrences, successes and failures of each day, for the 35 days up to its own greatest.

    Formula: with g the greatest day ever added, day d is kept while g - 35 < d <= g. What is too
    old is dropped when it is added and when states merge, so the result depends on no order.

    >>> days = Days()
    >>> days.add(100, occurrences=2, successes=1)
    >>> days.add(134, occurrences=1)
    >>> days.to_json()
    [[100, 2, 1, 0], [134, 1, 0, 0]]
    >>> days.add(135, occurrences=1)
    >>> days.to_json()
    [[134, 1, 0, 0], [135, 1, 0, 0]]
    """

    __slots__ = ("_cells",)

    # Four columns one after the other in one packed array: days, occurrences, successes, failures.
    _cells: array[int]

    def __init__(self) -> None:
        """Start with no day."""
        self._cells = array("q")

    def add(self, day: int, occurrences: int = 0, successes: int = 0, failures: int = 0) -> None:
        """Count on a day; nothing but zeros is nothing at all."""
        if occurrences < 0 or successes < 0 or failures < 0:
            raise ValueError(f"counts must not be negative: {(occurrences, successes, failures)}")
        cells = self._cells
        held = len(cells) >> 2
        at = bisect_left(cells, day, 0, held)
        if at < held and cells[at] == day:
            at += held
            cells[at] += occurrences
            if successes:
                cells[at + held] += successes
            if failures:
                cells[at + 2 * held] += failures
        elif occurrences or successes or failures:
            self._insert(at, (day, occurrences, successes, failures))

    def remove(self, day: int, occurrences: int = 0, successes: int = 0, failures: int = 0) -> bool:
        """Take counts out again and return True, or change nothing and return False.

        False means that the greatest day would vanish: the days that it pushed out are not known
        here any more, and the caller has to rebuild. A day too old to be kept is out already.
        Counts that were never added raise `ValueError`.
        """
        cells = self._cells
        held = len(cells) >> 2
        if held and day <= cells[held - 1] - KEPT_DAYS:
            return True
        taken = (occurrences, successes, failures)
        at = bisect_left(cells, day, 0, held)
        had = cells[at + held :: held].tolist() if at < held and cells[at] == day else [0, 0, 0]
        left = [have - take for have, take in zip(had, taken, strict=True)]
        if min(taken) < 0 or min(left) < 0:
            raise ValueError(f"day {day} holds {tuple(had)} and cannot give up {taken}")
        if any(left):
            for column, count in enumerate(left, start=1):
                cells[at + column * held] = count
        elif any(taken):
            if at == held - 1:
                return False
            del cells[at::held]
        return True

    @property
    def greatest(self) -> int | None:
        """The greatest day counted, None without any."""
        cells = self._cells
        return cells[(len(cells) >> 2) - 1] if cells else None

    def __iter__(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (day, occurrences, successes, failures) in rising order of days."""
        cells = self._cells
        held = len(cells) >> 2
        return zip(
            cells[:held],
            cells[held : 2 * held],
            cells[2 * held : 3 * held],
            cells[3 * held :],
            strict=True,
        )

    def __add__(self, other: Days) -> Self:
        """Return the counts of both, cut to the 35 days up to the greater of both."""
        merged = type(self)()
        if not self._cells or not other._cells:
            merged._cells = (self._cells or other._cells)[:]
            return merged
        rows = {row[0]: row for row in self}
        for day, *counts in other:
            old = rows.get(day, (day, 0, 0, 0))
            rows[day] = (day, old[1] + counts[0], old[2] + counts[1], old[3] + counts[2])
        oldest = max(rows) - KEPT_DAYS
        kept = [rows[day] for day in sorted(rows) if day > oldest]
        merged._cells = _columns(kept)
        return merged

    def __eq__(self, other: object) -> bool:
        """Tell whether both hold the same counts of the same days."""
        if not isinstance(other, Days):
            return NotImplemented
        return self._cells == other._cells

    __hash__ = None  # It changes in place.

    def __bool__(self) -> bool:
        """Tell whether any day is counted."""
        return bool(self._cells)

    def to_json(self) -> list[list[int]]:
        """Return [day, occurrences, successes, failures] in rising order of days."""
        return [list(row) for row in self]

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the days that `to_json` wrote, or raise `ValueError`."""
        days = cls()
        try:
            rows = msgspec.convert(value, list[tuple[int, int, int, int]])
            days._cells = _columns(rows)
        except (msgspec.ValidationError, OverflowError) as exc:
            raise ValueError(f"not days: {exc}") from exc
        for day, *counts in rows:
            if min(counts) < 0 or not any(counts):
                raise ValueError(f"day {day} needs counts from 0 on, not all 0: {counts}")
        numbers = [row[0] for row in rows]
        if numbers != sorted(set(numbers)):
            raise ValueError(f"days must rise: {numbers}")
        if numbers and numbers[0] <= numbers[-1] - KEPT_DAYS:
            raise ValueError(f"days must lie within {KEPT_DAYS}: {numbers[0]} to {numbers[-1]}")
        return days

    @staticmethod
    def count_all(
        all_days: Sequence[Days], places: Ints, days: Ints, counts: Sequence[Ints]
    ) -> None:
        """Count on every day of the days at its place in the sequence; no row may be zeros only.

        `counts` are occurrences, successes and failures. No two of the sequence may be the
        same object.
        """
        lengths = np.array([len(one._cells) >> 2 for one in all_days], np.int64)  # noqa: SLF001  # of its own class
        cells = np.frombuffer(b"".join([one._cells for one in all_days]), np.int64)  # noqa: SLF001  # of its own class
        rows = _rows_of(lengths)
        old = keys_of(np.repeat(np.arange(len(all_days)), lengths), cells[rows[0]])
        keys, sums = summed(
            np.concatenate((old, keys_of(places, days))),
            [
                np.concatenate((cells[row], added))
                for row, added in zip(rows[1:], counts, strict=True)
            ],
        )
        places, days = pairs_of(keys)
        every = np.arange(len(all_days))
        lasts = np.searchsorted(places, every, side="right") - 1
        kept = days > days[lasts][places] - KEPT_DAYS
        places = places[kept]
        ends = np.searchsorted(places, every, side="right")
        lengths = np.diff(ends, prepend=0)
        packed = np.empty(4 * len(places), np.int64)
        for row, column in zip(_rows_of(lengths), (days, *sums), strict=True):
            packed[row] = column[kept]
        content = packed.tobytes()
        start = 0
        for one, end in zip(all_days, (32 * ends).tolist(), strict=True):
            one._cells = array("q", content[start:end])  # noqa: SLF001  # of its own class
            start = end

    def _insert(self, at: int, row: tuple[int, int, int, int]) -> None:
        """Put a new day in its place and drop the days that are then too old."""
        cells = self._cells
        held = len(cells) >> 2
        greatest = max(row[0], cells[held - 1]) if held else row[0]
        if row[0] <= greatest - KEPT_DAYS:
            return
        cut = bisect_right(cells, greatest - KEPT_DAYS, 0, held)
        # Rebuilt to its exact size: growing in place would reserve room that is never used.
        columns = array("q")
        for column, number in enumerate(row):
            start = column * held
            columns += cells[start + cut : start + at]
            columns.append(number)
            columns += cells[start + at : start + held]
        self._cells = columns[:]


def _rows_of(lengths: Ints) -> list[Ints]:
    """Where the four columns of many tables stand that are packed one behind the other."""
    widths = np.repeat(lengths, lengths)
    first = np.repeat(4 * (np.cumsum(lengths) - lengths), lengths) + ranges(lengths)
    return [first + column * widths for column in range(4)]


def _columns(rows: list[tuple[int, int, int, int]]) -> array[int]:
    """Return rows as one array, column after column."""
    return array("q", [number for column in zip(*rows, strict=True) for number in column])
