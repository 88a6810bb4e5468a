"""The integers learned about one pattern."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Self

import msgspec

from streams.days import DAY_US, Days
from streams.measure import Measure
from streams.reducer import Reducer

__all__ = ["Tally"]


class Tally(Reducer):
    """Everything learned about one pattern, as integers that merge by addition.

    Formula: counters add, `first_us` takes the minimum, `last_us` the maximum; days and measures
    merge by their own `+`. A count without a time is in the totals and in `undated`, but not in
    the days, `first_us` and `last_us`. Names in `extra` and `measures` appear with their first
    value; a measure's unit belongs to the kind of pattern.

    Source: tallies are a commutative monoid, which is what lets partial sums of any machines be
    added (O. Boykin et al., "Summingbird", VLDB 2014).

    >>> here, there = Tally(), Tally()
    >>> here.fold(86_400_000_000, successes=1)
    >>> here.measure("duration", 250)
    >>> there.fold(None, failures=1)
    >>> both = here + there
    >>> both.occurrences, both.successes, both.failures, both.undated
    (2, 1, 1, 1)
    >>> both.days.to_json(), both.measures["duration"].total
    ([[1, 1, 1, 0]], 250)
    """

    __slots__ = (
        "_days",
        "_extra",
        "_measures",
        "failures",
        "first_us",
        "last_us",
        "occurrences",
        "successes",
        "undated",
    )

    occurrences: int
    successes: int
    failures: int
    undated: int
    first_us: int | None
    last_us: int | None
    # Made when first needed: most patterns of a long tail have neither counters nor measures.
    _days: Days | None
    _extra: dict[str, int] | None
    _measures: dict[str, Measure] | None

    def __init__(self) -> None:
        """Start empty, which is the identity of `+`."""
        self.occurrences = self.successes = self.failures = self.undated = 0
        self.first_us = self.last_us = None
        self._days = self._extra = self._measures = None

    def fold(
        self, at_us: int | None, occurrences: int = 1, successes: int = 0, failures: int = 0
    ) -> None:
        """Count at a time, or without one; nothing but zeros is nothing at all."""
        if at_us is None:
            if occurrences < 0 or successes < 0 or failures < 0:
                raise ValueError(
                    f"counts must not be negative: {(occurrences, successes, failures)}"
                )
            self.undated += occurrences
        elif occurrences or successes or failures:
            days = self._days
            if days is None:
                days = Days()
            days.add(at_us // DAY_US, occurrences, successes, failures)  # Refuses what is negative.
            self._days = days
            last_us = self.last_us
            if last_us is None:
                self.first_us = self.last_us = at_us
            elif at_us > last_us:
                self.last_us = at_us
            elif at_us < self.first_us:  # type: ignore[operator]  # Set together with last_us.
                self.first_us = at_us
        self.occurrences += occurrences
        if successes:
            self.successes += successes
        if failures:
            self.failures += failures

    def add_counts(
        self,
        occurrences: int,
        successes: int,
        failures: int,
        undated: int,
        between: tuple[int, int] | None,
    ) -> None:
        """Add what many folds counted, the first and the last time of which is given.

        Their days are the caller's to add, to `own_days`.
        """
        self.occurrences += occurrences
        self.successes += successes
        self.failures += failures
        self.undated += undated
        if between is not None:
            first_us, last_us = between
            if self.first_us is None or first_us < self.first_us:
                self.first_us = first_us
            if self.last_us is None or last_us > self.last_us:
                self.last_us = last_us

    def measure(self, name: str, value: int) -> None:
        """Fold one value of the measure `name`."""
        self.own_measure(name).add(value)

    def own_measure(self, name: str) -> Measure:
        """The measure itself, made where there is none, for whoever adds to it now."""
        measures = self._measures
        if measures is None:
            measures = self._measures = {}
        measure = measures.get(name)
        if measure is None:
            measure = measures[name] = Measure()
        return measure

    def own_days(self) -> Days:
        """The days themselves, made where there are none, for whoever adds to them now."""
        days = self._days
        if days is None:
            days = self._days = Days()
        return days

    def count(self, name: str, n: int = 1) -> None:
        """Add to the extra counter `name`."""
        if n < 0:
            raise ValueError(f"{name} must not be counted negatively: {n}")
        if n:
            extra = self._extra
            if extra is None:
                extra = self._extra = {}
            extra[name] = extra.get(name, 0) + n

    def unfold(
        self, at_us: int | None, occurrences: int = 1, successes: int = 0, failures: int = 0
    ) -> bool:
        """Undo a `fold` and return True, or change nothing and return False.

        False means that the first or the last time, or the greatest day, would go, and what was
        next to it is not known here: the caller has to rebuild. What was never folded raises
        `ValueError`, as far as that can be seen.
        """
        taken = (occurrences, successes, failures)
        left = (
            self.occurrences - occurrences,
            self.successes - successes,
            self.failures - failures,
        )
        if min(taken) < 0 or min(left) < 0 or (at_us is None and occurrences > self.undated):
            raise ValueError(f"{taken} at {at_us} was never folded")
        if not any(taken):
            return True
        if at_us is None:
            self.undated -= occurrences
        elif not self._undate(at_us, taken):
            return False
        self.occurrences, self.successes, self.failures = left
        return True

    def unmeasure(self, name: str, value: int) -> bool:
        """Undo a `measure` and return True, or change nothing and return False.

        False means that an extreme would go: the caller has to rebuild.
        """
        measure = self.measures.get(name)
        if measure is None:
            raise ValueError(f"{name} was never measured")
        undone = measure.remove(value)
        if not measure and self._measures is not None:
            del self._measures[name]
            self._measures = self._measures or None
        return undone

    def uncount(self, name: str, n: int = 1) -> bool:
        """Undo a `count`, which is always possible, and return True."""
        left = self.extra.get(name, 0) - n
        if n < 0 or left < 0:
            raise ValueError(f"{name} is {left + n} and cannot give up {n}")
        if self._extra is not None:
            if left:
                self._extra[name] = left
            else:
                self._extra.pop(name, None)
                self._extra = self._extra or None
        return True

    @property
    def days(self) -> Days:
        """The counts by day, to be read only."""
        return Days() if self._days is None else self._days

    @property
    def extra(self) -> Mapping[str, int]:
        """The extra counters by name, none of them zero, to be read only."""
        return _NOTHING if self._extra is None else self._extra

    @property
    def measures(self) -> Mapping[str, Measure]:
        """The measures by name, none of them empty, to be read only."""
        return _NOTHING if self._measures is None else self._measures

    @property
    def is_empty(self) -> bool:
        """Whether nothing was folded, measured or counted."""
        return not self

    def __add__(self, other: Tally) -> Self:
        """Return the tally that one machine with both inputs would have."""
        merged = type(self)()
        merged.occurrences = self.occurrences + other.occurrences
        merged.successes = self.successes + other.successes
        merged.failures = self.failures + other.failures
        merged.undated = self.undated + other.undated
        first = [side.first_us for side in (self, other) if side.first_us is not None]
        last = [side.last_us for side in (self, other) if side.last_us is not None]
        merged.first_us = min(first, default=None)
        merged.last_us = max(last, default=None)
        merged._days = (self.days + other.days) or None
        if self._extra or other._extra:
            merged._extra = dict(self.extra)
            for name, count in other.extra.items():
                merged._extra[name] = merged._extra.get(name, 0) + count
        if self._measures or other._measures:
            # Added to an empty measure where one side has none, so that nothing is shared.
            merged._measures = {
                name: self.measures.get(name, _UNMEASURED) + other.measures.get(name, _UNMEASURED)
                for name in self.measures.keys() | other.measures.keys()
            }
        return merged

    def __eq__(self, other: object) -> bool:
        """Tell whether both hold the same integers."""
        if not isinstance(other, Tally):
            return NotImplemented
        return (
            self.occurrences == other.occurrences
            and self.successes == other.successes
            and self.failures == other.failures
            and self.undated == other.undated
            and self.first_us == other.first_us
            and self.last_us == other.last_us
            and self._days == other._days
            and self._extra == other._extra
            and self._measures == other._measures
        )

    __hash__ = None  # It changes in place.

    def __bool__(self) -> bool:
        """Tell whether anything was folded, measured or counted."""
        return bool(
            self.occurrences or self.successes or self.failures or self._extra or self._measures
        )

    def to_json(self) -> dict[str, Any]:
        """Return the parts that are not empty."""
        parts: dict[str, Any] = {
            "days": None if self._days is None else self._days.to_json(),
            "extra": self._extra and dict(self._extra),
            "failures": self.failures or None,
            "first_us": self.first_us,
            "last_us": self.last_us,
            "measures": self._measures
            and {name: measure.to_json() for name, measure in self._measures.items()},
            "occurrences": self.occurrences or None,
            "successes": self.successes or None,
            "undated": self.undated or None,
        }
        return {name: part for name, part in parts.items() if part is not None}

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the tally that `to_json` wrote, or raise `ValueError`."""
        try:
            wire = msgspec.convert(value, _Wire)
        except msgspec.ValidationError as exc:
            raise ValueError(f"not a tally: {exc}") from exc
        tally = cls()
        tally.occurrences, tally.successes = wire.occurrences, wire.successes
        tally.failures, tally.undated = wire.failures, wire.undated
        tally.first_us, tally.last_us = wire.first_us, wire.last_us
        tally._days = Days.from_json(wire.days) or None
        tally._extra = wire.extra or None
        tally._measures = {
            name: Measure.from_json(measure) for name, measure in wire.measures.items()
        } or None
        tally._refuse_impossible()
        return tally

    def _undate(self, at_us: int, taken: tuple[int, int, int]) -> bool:
        """Take counts at a time out of the days, if what then is first and last is known."""
        days = self.days
        if (
            self.first_us is None
            or self.last_us is None
            or not (self.first_us <= at_us <= self.last_us)
        ):
            raise ValueError(f"{taken} at {at_us} was never folded")
        if self.first_us < self.last_us:
            known = at_us not in (self.first_us, self.last_us)
            return known and days.remove(at_us // DAY_US, *taken)
        if not days.remove(at_us // DAY_US, *taken):
            # All times were this one, so no other day was ever pushed out: nothing is left.
            self.first_us = self.last_us = self._days = None
        return True

    def _refuse_impossible(self) -> None:
        """Raise `ValueError` when no folding could have led here."""
        rows = self.days.to_json()
        dated = [self.occurrences - self.undated, self.successes, self.failures]
        sums = [sum(row[column] for row in rows) for column in (1, 2, 3)]
        if self.first_us is None or self.last_us is None:
            possible = self.first_us is self.last_us and not rows and not dated[0]
        else:
            possible = (
                self.first_us <= self.last_us and self.days.greatest == self.last_us // DAY_US
            )
        if not possible or any(part > whole for part, whole in zip(sums, dated, strict=True)):
            raise ValueError(
                f"the times, days and totals of a tally contradict each other: {self!r}"
            )
        if not all(self.measures.values()):
            raise ValueError(f"a tally leaves out what is empty: {self!r}")


_INT64 = 2**63 - 1
_Count = Annotated[int, msgspec.Meta(ge=0, le=_INT64)]
_Positive = Annotated[int, msgspec.Meta(ge=1, le=_INT64)]
_Time = Annotated[int, msgspec.Meta(ge=-_INT64, le=_INT64)]
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_UNMEASURED = Measure()


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    """What `Tally.to_json` writes."""

    days: list[Any] = []
    extra: dict[str, _Positive] = {}
    failures: _Count = 0
    first_us: _Time | None = None
    last_us: _Time | None = None
    measures: dict[str, Any] = {}
    occurrences: _Count = 0
    successes: _Count = 0
    undated: _Count = 0
