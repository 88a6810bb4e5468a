"""Changes that wait to be folded, so that many are folded together.

Folding is adding, and the order of additions does not matter. So what a batch brings is put into
columns and added pattern by pattern with numpy; only what numpy cannot hold exactly, and what is
too little to be worth it, is folded one by one. The tallies are the same, to the last bit.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from streams import measure
from streams.change import Bulk, Change, Pattern
from streams.columns import Ints, order_of, starts_of
from streams.days import DAY_US, Days
from streams.tally import Tally

PIECE = 8_192
"""Changes that are packed together; until then each is a handful of objects."""

FEW = 48
"""Fewer changes than this are folded one by one, which is quicker then."""

_FEW_EACH = 3
"""With fewer values a measure they are folded one by one as well."""

_ROWS_MAX = measure.VALUES_MAX // 2
"""Rows after which everything is folded before more is gathered."""

_UNDATED = -(2**63)

_FIELDS = len(Change._fields)

Name = TypeVar("Name")

TallyOf = Callable[[Pattern, int], Tally]
"""Gives the tally of a pattern that a record at this offset changes."""


class _Codes(dict[Name, int]):
    """A number for each name, from 0 on in the order in which they were first asked for."""

    def __missing__(self, name: Name) -> int:
        code = self[name] = len(self)
        return code

    def of(self, names: Sequence[Name]) -> Ints:
        """The numbers of names."""
        return np.fromiter(map(self.__getitem__, names), np.int64, len(names))


class _Piece(NamedTuple):
    """Changes as columns; rows of `extra` and `measures` are patterns, names and values."""

    patterns: Ints
    offsets: Ints
    at_us: Ints
    counts: tuple[Ints, Ints, Ints]
    extra: tuple[Ints, Ints]
    measures: tuple[Ints, Ints, Ints]


class Gathered:
    """Changes in the order they were found, until they are folded."""

    def __init__(self) -> None:
        """Start with none.

        `is_full` says that it is time to fold, so that no sum exceeds 64 bits.
        """
        self._changes: list[Change] = []
        self._ends: list[int] = []
        self._offsets: list[int] = []
        self._starts: dict[bytes, int] = {}
        self._facts: dict[Bulk, list[tuple[Any, int | None, int]]] = {}
        self._restart()

    def add(self, changes: Iterable[Change], offset: int, thing: bytes | None = None) -> None:
        """Keep the changes that a record at this offset makes; offsets do not fall.

        Those of a statement about a thing may be taken back while they are kept as they are.
        """
        held = self._changes
        if thing is not None:
            self._starts[thing] = len(held)
        held += changes
        self._ends.append(len(held))
        self._offsets.append(offset)
        if len(held) >= PIECE:
            self._pack()

    def take_back(self, thing: bytes, changes: list[Change], offset: int) -> bool:
        """Leave out what was added last of a thing, if it is this and waits still.

        Its patterns are touched nevertheless, by the record at this offset too.
        """
        start = self._starts.pop(thing, None)
        if start is None:
            return False
        end = start + len(changes)
        if self._changes[start:end] != changes:
            return False
        nothing = [Change(change.pattern, None, 0) for change in changes]
        self._changes[start:end] = nothing
        self.add(nothing, offset)
        return True

    def put_off(self, bulk: Bulk, fact: object, at_us: int | None, offset: int) -> None:
        """Keep a fact of a record at this offset, to be recognised later."""
        facts = self._facts.setdefault(bulk, [])
        facts.append((fact, at_us, offset))
        if len(facts) >= PIECE:
            self._pack_facts(bulk, facts)

    def fold_into(self, tally_of: TallyOf) -> None:
        """Fold everything and keep nothing; each pattern is asked for at least once."""
        facts = sum(map(len, self._facts.values()))
        if not self._pieces and len(self._changes) + facts < FEW:
            self._fold_singly(tally_of)
        else:
            self._pack()
            for bulk, some in self._facts.items():
                self._pack_facts(bulk, some)
            self._fold_together(tally_of)
        self._restart()

    def _restart(self) -> None:
        self._changes, self._ends, self._offsets = [], [], []
        self._starts.clear()
        self._facts.clear()
        self._patterns: _Codes[Pattern] = _Codes()
        self._names: _Codes[str] = _Codes()
        self._pieces: list[_Piece] = []
        self._large: list[tuple[int, int, int]] = []
        self._rows = 0
        self.is_full = False

    def _fold_singly(self, tally_of: TallyOf) -> None:
        start = 0
        for end, offset in zip(self._ends, self._offsets, strict=True):
            for change in self._changes[start:end]:
                put(tally_of(change.pattern, offset), change)
            start = end
        for bulk, facts in self._facts.items():
            for fact, at_us, offset in facts:
                for change in bulk.one(fact, at_us):
                    put(tally_of(change.pattern, offset), change)

    def _grow(self, rows: int) -> None:
        self._rows += rows
        self.is_full = self._rows >= _ROWS_MAX

    def _pack(self) -> None:
        """Turn the changes into columns; a column takes a tenth of the room and of the time."""
        if not self._changes:
            return
        said: list[Any] = list(chain.from_iterable(self._changes))
        patterns, at_us, *counts, extra, measures = (said[at::_FIELDS] for at in range(_FIELDS))
        codes = self._patterns.of(patterns)
        done, well, badly = (np.array(column, np.int64) for column in counts)
        named = np.repeat(codes, np.fromiter(map(len, extra), np.int64, len(extra)))
        names = self._names.of(tuple(chain.from_iterable(extra)))
        offsets = np.repeat(self._offsets, np.diff(self._ends, prepend=0))
        if min(int(column.min()) for column in (done, well, badly)) < 0:
            raise ValueError("counts must not be negative")
        values = self._values(codes, measures)
        self._pieces.append(
            _Piece(codes, offsets, _stated(at_us), (done, well, badly), (named, names), values)
        )
        self._grow(max(len(codes), len(names), len(values[0])))
        self._changes, self._ends, self._offsets = [], [], []
        self._starts.clear()

    def _pack_facts(self, bulk: Bulk, facts: list[tuple[Any, int | None, int]]) -> None:
        """Recognise facts and turn what they change into columns, without a change for each."""
        if not facts:
            return
        said, at_us, offsets = zip(*facts, strict=True)
        facts.clear()
        columns = bulk.many(said)
        codes = self._patterns.of(columns.patterns)
        well = np.array(columns.successes, np.int64)
        done = np.ones_like(well)
        none = np.empty(0, np.int64)
        measured = [self._stated_values(codes, *one) for one in columns.measures]
        values = _joined(measured) if measured else [none, none, none]
        self._pieces.append(
            _Piece(
                codes,
                np.array(offsets, np.int64),
                _stated(at_us),
                (done, well, done - well),
                (none, none),
                (values[0], values[1], values[2]),
            )
        )
        self._grow(max(len(codes), len(values[0])))

    def _stated_values(
        self, codes: Ints, name: str, column: Sequence[int | None]
    ) -> tuple[Ints, Ints, Ints]:
        """One measure of many facts, as `_values` gives it."""
        if None in column:
            codes = codes[np.array([value is not None for value in column])]
            column = [value for value in column if value is not None]
        numbers = cast("Sequence[int]", column)
        names = np.full(len(numbers), self._names[name] if numbers else 0, np.int64)
        return self._small(codes, names, numbers)

    def _values(
        self, codes: Ints, measures: Sequence[tuple[tuple[str, int], ...]]
    ) -> tuple[Ints, Ints, Ints]:
        """Patterns, names and values of all measures, what is large left out and kept apart."""
        owners = np.repeat(codes, np.fromiter(map(len, measures), np.int64, len(measures)))
        if not len(owners):
            return owners, owners, owners
        said: list[Any] = list(chain.from_iterable(chain.from_iterable(measures)))
        return self._small(owners, self._names.of(said[::2]), said[1::2])

    def _small(self, owners: Ints, names: Ints, numbers: Sequence[int]) -> tuple[Ints, Ints, Ints]:
        """What numpy can add exactly; the rest is kept apart."""
        try:
            values = np.array(numbers, np.int64)
        except OverflowError:
            fitting = [number if abs(number) < 2**63 else _UNDATED for number in numbers]
            values = np.array(fitting, np.int64)
        small = (values <= measure.SIZE_MAX) & (values >= -measure.SIZE_MAX)
        if small.all():
            return owners, names, values
        for at in np.flatnonzero(~small).tolist():
            self._large.append((int(owners[at]), int(names[at]), numbers[at]))
        return owners[small], names[small], values[small]

    def _fold_together(self, tally_of: TallyOf) -> None:
        if not self._pieces:
            return
        pieces = self._pieces
        codes = np.concatenate([piece.patterns for piece in pieces])
        order = order_of(codes)
        codes = codes[order]
        # Its greatest, not its last: changes and facts of one pattern stand in different pieces.
        offsets = np.concatenate([piece.offsets for piece in pieces])[order]
        lasts = np.maximum.reduceat(offsets, starts_of(codes)).tolist()
        tallies = list(map(tally_of, self._patterns, lasts))
        at_us = np.concatenate([piece.at_us for piece in pieces])[order]
        counts = [column[order] for column in _joined(piece.counts for piece in pieces)]
        _count(tallies, codes, at_us, counts)
        texts = list(self._names)
        _count_extra(tallies, _joined(piece.extra for piece in pieces), texts)
        _measure(tallies, _joined(piece.measures for piece in pieces), texts)
        for owner, name, value in self._large:
            tallies[owner].measure(texts[name], value)


def _stated(at_us: Iterable[int | None]) -> Ints:
    return np.array([_UNDATED if at is None else at for at in at_us], np.int64)


def _joined(parts: Iterable[tuple[Ints, ...]]) -> list[Ints]:
    """The columns of all parts, one part behind the other."""
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def put(tally: Tally, change: Change) -> None:
    """Fold one change."""
    _, at_us, occurrences, successes, failures, counts, measures = change
    tally.fold(at_us, occurrences, successes, failures)
    for name in counts:
        tally.count(name)
    for name, value in measures:
        tally.measure(name, value)


def _count(tallies: list[Tally], codes: Ints, at_us: Ints, counts: list[Ints]) -> None:
    """Fold times and counts; codes rise, and each tally has a row."""
    undated = at_us == _UNDATED
    # A time at which nothing is counted is nothing at all.
    dated = ~undated & ((counts[0] | counts[1] | counts[2]) != 0)
    starts = starts_of(codes)
    columns = [
        *(np.add.reduceat(column, starts) for column in counts),
        np.add.reduceat(np.where(undated, counts[0], 0), starts),
        np.minimum.reduceat(np.where(dated, at_us, 2**63 - 1), starts),
        np.maximum.reduceat(np.where(dated, at_us, _UNDATED), starts),
    ]
    has_day = np.logical_or.reduceat(dated, starts)
    rows = zip(tallies, *(column.tolist() for column in columns), has_day.tolist(), strict=True)
    for tally, done, well, badly, without, first_us, last_us, is_dated in rows:
        tally.add_counts(done, well, badly, without, (first_us, last_us) if is_dated else None)
    if dated.any():
        places = np.cumsum(has_day) - 1
        Days.count_all(
            [
                tally.own_days()
                for tally, is_dated in zip(tallies, has_day.tolist(), strict=True)
                if is_dated
            ],
            places[codes[dated]],
            at_us[dated] // DAY_US,
            [column[dated] for column in counts],
        )


def _count_extra(tallies: list[Tally], columns: list[Ints], texts: list[str]) -> None:
    owners, names = columns
    if not len(owners):
        return
    groups = np.bincount(owners * len(texts) + names)
    for group in np.flatnonzero(groups).tolist():
        owner, name = divmod(group, len(texts))
        tallies[owner].count(texts[name], int(groups[group]))


def _measure(tallies: list[Tally], columns: list[Ints], texts: list[str]) -> None:
    """Fold the values of all measures, those of one measure of one pattern together."""
    owners, names, values = columns
    if not len(owners):
        return
    groups = owners * len(texts) + names
    order = order_of(groups)
    groups = groups[order]
    starts = starts_of(groups)
    owned = [divmod(group, len(texts)) for group in groups[starts].tolist()]
    if len(groups) < _FEW_EACH * len(owned):
        for owner, name, value in zip(
            owners.tolist(), names.tolist(), values.tolist(), strict=True
        ):
            tallies[owner].measure(texts[name], value)
        return
    lengths = np.diff(starts, append=len(groups))
    measure.add_all(
        [tallies[owner].own_measure(texts[name]) for owner, name in owned],
        np.repeat(np.arange(len(owned)), lengths),
        values[order],
    )
