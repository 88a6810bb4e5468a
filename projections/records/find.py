"""Finds records: one by its id, and pages of those that fit, newest first.

A page goes down the partitions side by side and takes of each what was first spoken of last. That
moment never changes, so whoever walks all pages meets every record once, whatever is stated,
revised or deleted meanwhile.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from projections.records import file
from projections.records.entries import entry_of
from projections.records.places import LANE_BITS, Cursor, cursor_of, lane_of, span_of
from projections.records.question import Question, Wanted, question_of, text_of
from projections.remote import Readable, RemoteStore
from schemas.clock import from_us
from schemas.errors import WrongUse

LIMIT_MAX: Final = 10_000
"""Records of one page, at most."""

FEW: Final = 5_000
"""Records in a range of time up to which they are sorted, and not met while going down."""

Answer = TypeVar("Answer")


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
    question = question_of(wanted)
    below = None if after is None else cursor_of(after)
    return _asked(store, lambda connection: _page(connection, question, limit, below))


def load(store: Readable, subject: str, source: str | None = None) -> list[Record]:
    """The records of this id, mostly one; of several sources or types there may be more."""
    where = "subject = ?" if source is None else "subject = ? AND source = ?"
    query = (
        f"SELECT {_COLUMNS} FROM record INDEXED BY by_subject"
        f" WHERE {where} AND data IS NOT NULL ORDER BY place"
    )
    bound = (text_of("id", subject), *(() if source is None else (text_of("source", source),)))
    return _asked(store, lambda connection: list(map(_record, connection.execute(query, bound))))


def path_of(store: Readable) -> Path:
    """The file of records beside a projection."""
    folder = store.folder if isinstance(store, RemoteStore) else store.path.parent
    return folder / file.RECORDS


_ROW: Final = 'place, appended_us, type, source, subject, revision, "offset", happened_us, data'
_COLUMNS: Final = ", ".join(f"record.{name.strip()}" for name in _ROW.split(","))
_Row = tuple[int, int, str, str, str, int | None, int, int | None, bytes]


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
    connection: sqlite3.Connection, question: Question, limit: int, below: Cursor | None
) -> Page:
    with ExitStack() as reading:
        sorted_rows = _rows(connection, question, limit + 1, below)
        for rows in sorted_rows:
            reading.enter_context(closing(rows))
        found = list(islice(merge(*sorted_rows, key=_key, reverse=True), limit + 1))
    shown = found[:limit]
    more = len(found) > limit
    return Page([_record(row) for row in shown], str(Cursor(*_key(shown[-1]))) if more else None)


def _rows(
    connection: sqlite3.Connection, question: Question, limit: int, below: Cursor | None
) -> list[Generator[_Row]]:
    """The records that fit, in several parts, each newest first, and `limit` long at least."""
    spans = None if question.first_us is None else _spans_of_few(connection, question)
    if spans is not None and question.match is None:
        return [_sorted(connection, question, limit, below)]
    if spans is None:
        lanes = connection.execute('SELECT topic, "partition" FROM lane').fetchall()
        spans = [span_of(*lane) for lane in lanes]
    match = _match(connection, question) if spans else None
    return [_down(connection, question, match, span, below) for span in spans]


def _spans_of_few(
    connection: sqlite3.Connection, question: Question
) -> list[tuple[int, int]] | None:
    """Where few records are in the range of time, the first and the last of each partition."""
    during = f"FROM record INDEXED BY by_time WHERE {question.during}"
    (count,) = connection.execute(
        f"SELECT count(*) FROM (SELECT 1 {during} LIMIT {FEW + 1})", question.range
    ).fetchone()
    if count > FEW:
        return None
    query = f"SELECT min(place), max(place) {during} GROUP BY place >> {LANE_BITS}"
    return connection.execute(query, question.range).fetchall()


def _sorted(
    connection: sqlite3.Connection, question: Question, limit: int, below: Cursor | None
) -> Generator[_Row]:
    """The first of the few records in a range of time, sorted by the index before they are read."""
    chosen = f"SELECT place AS chosen FROM record INDEXED BY by_time WHERE {question.during}"
    bound: list[Any] = list(question.range)
    if below is not None:
        chosen += " AND (appended_us, place) < (?, ?)"
        bound += below
    order = "ORDER BY appended_us DESC, place DESC"
    yield from connection.execute(
        f"SELECT {_COLUMNS} FROM ({chosen} {order} LIMIT ?)"
        f" CROSS JOIN record ON record.place = chosen {order}",
        (*bound, limit),
    )


def _match(connection: sqlite3.Connection, question: Question) -> str | None:
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
    question: Question,
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
