"""Finds records: one by its id, and pages of those that fit, newest first.

A page goes down the partitions side by side and takes of each what was first spoken of last. That
moment never changes, so whoever walks all pages meets every record once, whatever is stated,
revised or deleted meanwhile.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date, datetime
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar

import msgspec

from projections.records import file
from projections.records.entries import TYPES, entry_of, month_term, term, year_term
from projections.records.places import Cursor, cursor_of, lane_of, span_of
from projections.records.times import moment, months_of
from projections.records.words import query_of
from projections.remote import Readable, RemoteStore
from schemas.clock import from_us
from schemas.errors import WrongUse

LIMIT_MAX: Final = 10_000
"""Records of one page, at most."""

TAGS_MAX: Final = 64
"""Tags to ask for at once, at most."""

FEW: Final = 5_000
"""Records in a range of time up to which they are sorted, and not met while going down."""

MONTHS_MAX: Final = 100
"""Months and years that a range of time is cut to; a longer one is only compared."""

Answer = TypeVar("Answer")


class Wanted(TypedDict, total=False):
    """What records are looked for: all that is said must fit.

    Of a range of time the beginning is within and the end is not; a record without a time is in
    none. `text` is words that must all be found, in whatever order; in double quotes, a phrase.
    """

    type_name: str | None
    since: datetime | date | str | None
    until: datetime | date | str | None
    tags: Sequence[str]
    agent: str | None
    session: str | None
    project: str | None
    environment: str | None
    branch: str | None
    user: str | None
    outcome: str | None
    source: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it is said now; None is not known.

    `source` and `subject` name the thing, `topic`, `partition` and `offset` the statement that
    counts. `title` is a task's type, an error's, a correction's, or a run's workflow.
    """

    type: str
    source: str
    subject: str
    revision: int | None
    happened_at: datetime | None
    title: str | None
    agent: str | None
    session_id: str | None
    user_id: str | None
    project: str | None
    environment: str | None
    branch: str | None
    outcome: str | None
    tags: Sequence[str]
    data: Mapping[str, Any]
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the records that fit; `next` is what to ask for the page `after` it, if any."""

    records: Sequence[Record]
    next: str | None

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


def page(store: Readable, wanted: Wanted, *, limit: int = 50, after: str | None = None) -> Page:
    """The records that fit, newest first by when they were first appended.

    Raises:
        WrongUse: something asked for cannot be meant.
        ProjectionDamaged: the file is not what was written; opened again, it will be new.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise WrongUse(f"limit is {limit}; it must be from 1 to {LIMIT_MAX}")
    question = _question(wanted)
    below = None if after is None else cursor_of(after)
    return _asked(store, lambda connection: _page(connection, question, limit, below))


def load(store: Readable, subject: str, source: str | None = None) -> list[Record]:
    """The records of this id, mostly one; of several sources or types there may be more."""
    where = "subject = ?" if source is None else "subject = ? AND source = ?"
    query = (
        f"SELECT {_COLUMNS} FROM record INDEXED BY by_subject"
        f" WHERE {where} AND data IS NOT NULL ORDER BY place"
    )
    bound = (_text("id", subject), *(() if source is None else (_text("source", source),)))
    return _asked(store, lambda connection: list(map(_record, connection.execute(query, bound))))


def path_of(store: Readable) -> Path:
    """The file of records beside a projection."""
    folder = store.folder if isinstance(store, RemoteStore) else store.path.parent
    return folder / file.RECORDS


@dataclass(frozen=True, slots=True)
class _Question:
    """What fits: exact values, words, and a range of time from `first_us` to before `end_us`."""

    terms: tuple[str, ...]
    words: str | None
    first_us: int | None
    end_us: int | None

    @property
    def match(self) -> str | None:
        """The query of the index, None where everything fits."""
        parts = [f'terms : "{one}"' for one in self.terms]
        if self.words is not None:
            parts.append(f"body : ({self.words})")
        return " AND ".join(parts) or None

    def within(self, earliest_us: int, latest_us: int) -> str | None:
        """The same, cut to the months that hold the range, of those that hold anything."""
        match = self.match
        if self.first_us is None or self.end_us is None:
            return match
        span = max(self.first_us, earliest_us), min(self.end_us, latest_us + 1)
        months = list(islice(months_of(*span), MONTHS_MAX + 1))
        if len(months) > MONTHS_MAX:
            return match
        either = " OR ".join(
            f'"{year_term(year) if month is None else month_term(year, month)}"'
            for year, month in months
        )
        return f"terms : ({either})" + (f" AND {match}" if match else "")

    @property
    def during(self) -> str:
        """The condition on a row's time."""
        return "true" if self.first_us is None else "happened_us >= ? AND happened_us < ?"

    @property
    def range(self) -> tuple[int, ...]:
        """What is bound in it."""
        return () if self.first_us is None or self.end_us is None else (self.first_us, self.end_us)


_EXACT: Final = {
    "agent": "agent",
    "session": "session_id",
    "project": "project",
    "environment": "environment",
    "branch": "branch",
    "user": "user_id",
    "outcome": "outcome",
    "source": "source",
}
"""The field that is asked for by each name."""

_ROW: Final = 'place, appended_us, type, source, subject, revision, "offset", happened_us, data'
_COLUMNS: Final = ", ".join(f"record.{name.strip()}" for name in _ROW.split(","))
_Row = tuple[int, int, str, str, str, int | None, int, int | None, bytes]


def _question(wanted: Wanted) -> _Question:
    unknown = set(wanted) - set(Wanted.__annotations__)
    if unknown:
        names = ", ".join(Wanted.__annotations__)
        raise WrongUse(f"records are not asked for by {', '.join(sorted(unknown))}; but by {names}")
    terms = []
    type_name = wanted.get("type_name")
    if type_name is not None:
        if type_name not in TYPES:
            message = f"there is no type {type_name!r}; it must be one of {', '.join(TYPES)}"
            raise WrongUse(message)
        terms.append(term("type", type_name))
    for name, field in _EXACT.items():
        value = wanted.get(name)
        if value is not None:
            terms.append(term(field, _text(name, value)))
    named = wanted.get("tags") or ()
    if isinstance(named, str):
        raise WrongUse(f"tags is {named!r}; it must be a list of texts")
    tags = list(dict.fromkeys(named))
    if len(tags) > TAGS_MAX:
        raise WrongUse(f"{len(tags)} tags are asked for; it may be {TAGS_MAX} at once")
    terms += [term("tag", _text("tag", tag)) for tag in tags]
    text = wanted.get("text")
    since, until = wanted.get("since"), wanted.get("until")
    ranged = since is not None or until is not None
    first_us = moment("since", since) if ranged else None
    end_us = moment("until", until) if ranged else None
    if first_us is not None and end_us is not None and first_us >= end_us:
        raise WrongUse(f"since is {since} and until {until}; until must come later")
    words = None if text is None else query_of(_text("text", text))
    return _Question(tuple(terms), words, first_us, end_us)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise WrongUse(f"{name} is {value!r}; it must be a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise WrongUse(f"{name} is {value[:80]!r}; it must be text in UTF-8") from error
    return value


def _asked(store: Readable, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """The answer of one moment."""
    path = path_of(store)
    with closing(file.reading(path)) as connection:
        try:
            connection.execute("BEGIN")
            with file.stored():
                return question(connection)
        except sqlite3.Error as error:
            raise file.explained(path, error) from error


def _page(
    connection: sqlite3.Connection, question: _Question, limit: int, below: Cursor | None
) -> Page:
    rows = _few(connection, question, below)
    with ExitStack() as reading:
        if rows is None:
            lanes = connection.execute('SELECT topic, "partition" FROM lane').fetchall()
            spans = (span_of(*lane) for lane in lanes)
            match = _match(connection, question)
            down = [_down(connection, question, match, span, below) for span in spans]
            for one in down:
                reading.enter_context(closing(one))
            rows = merge(*down, key=_key, reverse=True)
        found = list(islice(rows, limit + 1))
    shown = found[:limit]
    more = len(found) > limit
    return Page([_record(row) for row in shown], str(Cursor(*_key(shown[-1]))) if more else None)


def _few(
    connection: sqlite3.Connection, question: _Question, below: Cursor | None
) -> Iterator[_Row] | None:
    """Where few records are in the range of time, those that fit; None where there are many."""
    if question.first_us is None:
        return None
    (count,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM record INDEXED BY by_time"
        f" WHERE {question.during} LIMIT {FEW + 1})",
        question.range,
    ).fetchone()
    if count > FEW:
        return None
    query = f"SELECT {_COLUMNS} FROM record INDEXED BY by_time WHERE {question.during}"
    bound: list[Any] = list(question.range)
    if below is not None:
        query += " AND (appended_us, place) < (?, ?)"
        bound += below
    if question.terms or question.words:
        query += (
            " AND EXISTS (SELECT 1 FROM entry WHERE entry MATCH ? AND entry.rowid = record.place)"
        )
        bound.append(question.match)
    return iter(
        connection.execute(f"{query} ORDER BY appended_us DESC, place DESC", bound).fetchall()
    )


def _match(connection: sqlite3.Connection, question: _Question) -> str | None:
    """The query of the index for going down the partitions."""
    if question.first_us is None:
        return question.match
    # Each by itself, as SQLite goes to one end of an index at a time.
    earliest_us, latest_us = (
        connection.execute(
            f"SELECT {end}(happened_us) FROM record INDEXED BY by_time"
            " WHERE happened_us IS NOT NULL"
        ).fetchone()[0]
        for end in ("min", "max")
    )
    return question.within(earliest_us, latest_us)


def _down(
    connection: sqlite3.Connection,
    question: _Question,
    match: str | None,
    span: tuple[int, int],
    below: Cursor | None,
) -> Generator[_Row]:
    """The records of a partition that fit, newest first, read as they are asked for."""
    first, last = span
    if below is not None:
        last = _last_below(connection, span, below)
    if match is None:
        yield from connection.execute(
            f"SELECT {_COLUMNS} FROM record WHERE place BETWEEN ? AND ? AND data IS NOT NULL"
            f" AND {question.during} ORDER BY place DESC",
            (first, last, *question.range),
        )
        return
    yield from connection.execute(
        f"SELECT {_COLUMNS} FROM entry CROSS JOIN record ON record.place = entry.rowid"
        f" WHERE entry MATCH ? AND entry.rowid BETWEEN ? AND ? AND {question.during}"
        " ORDER BY entry.rowid DESC",
        (match, first, last, *question.range),
    )


def _last_below(connection: sqlite3.Connection, span: tuple[int, int], below: Cursor) -> int:
    """The last place of a partition that comes behind a cursor, or one before its first.

    Within a partition times go up with places, so it is found by halving.
    """
    first, last = span
    if first <= below.place <= last:
        return below.place - 1
    query = (
        "SELECT place, appended_us FROM record WHERE place BETWEEN ? AND ?"
        " ORDER BY place DESC LIMIT 1"
    )
    low, high = first - 1, last
    while low < high:
        middle = (low + high + 1) // 2
        found = connection.execute(query, (first, middle)).fetchone()
        if found is None:
            low = middle  # Nothing stands so low: it does not matter which of them it is.
        elif (found[1], found[0]) < (below.appended_us, below.place):
            low = middle
        else:
            high = found[0] - 1
    return low


def _key(row: _Row) -> tuple[int, int]:
    return row[1], row[0]


def _record(row: _Row) -> Record:
    place, _, type_name, source, subject, revision, offset, happened_us, data = row
    entry = entry_of(type_name, data)
    topic, partition = lane_of(place)
    return Record(
        type_name,
        source,
        subject,
        revision,
        None if happened_us is None else from_us(happened_us),
        *entry[:9],
        msgspec.json.decode(data),
        topic,
        partition,
        offset,
    )
