"""Keeps the records one transaction behind the projection, whatever happens in between.

The projection commits first; then the statements that it took come here, each partition with the
position that it has reached, in a transaction of this file's own. Killed between the two, or fallen
behind for another reason, a partition reads from the log what the projection has already, leaving
out the same repeats. It begins anew where the projection began it anew or took out what was
pruned, and with a new file of the projection all do.
"""

import logging
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from duckdb import DuckDBPyConnection

from projections.facts import Rows, collect
from projections.reading import Place as Partition
from projections.records import file
from projections.records.entries import indexed_of
from projections.records.places import span_of
from projections.records.statements import Statement, stated
from projections.store import identity_of
from projections.tables import duplicates
from schemas.failpoint import reach
from schemas.log import Log
from schemas.tuples import maker

_LOGGER: Final = logging.getLogger(__name__)

RENEWED_MAX: Final = 3
"""How often one writer makes a file anew that it finds damaged; a disk that fails does not end."""

_BETWEEN: Final = "place BETWEEN ? AND ?"


class Lane(NamedTuple):
    """Up to where a partition is kept; how often it was begun anew, and its latest time.

    `latest_us` never goes back, so that the order of a partition is the order of its times.
    """

    position: int
    restarts: int = 0
    latest_us: int = 0


class Taken(NamedTuple):
    """What the projection took of a partition, from one position to another."""

    begin: int
    end: int
    statements: Sequence[Statement]


class Reached(NamedTuple):
    """Up to where the projection has a partition, and a number that grows when it is another.

    It grows when the partition is begun anew, and when records of it are pruned.
    """

    position: int
    restarts: int


_Key = tuple[str, str, str]
"""The type, the source and the subject of a thing."""


class _Known(NamedTuple):
    """The row of a thing, as far as a statement may change it."""

    place: int
    revision: int
    happened_us: int | None
    data: bytes | None


class _Thing(NamedTuple):
    """A thing spoken of: where first, when that was appended, and the greatest statement."""

    place: int
    appended_us: int
    last: Statement


_thing: Final = maker(_Thing)


class Following:
    """The only writer of a file of records."""

    def __init__(self, log: Log, path: Path, notices: list[str]) -> None:
        """Bind to a log; the file is opened by `begin`, and `notices` hear when it is made anew."""
        self._log = log
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._projection = ""
        self._lanes: dict[Partition, Lane] = {}
        self._taken: dict[Partition, Taken] = {}
        self._renewed = 0
        self._notices = notices

    def begin(self, cursor: DuckDBPyConnection) -> None:
        """Open the file of this projection, or load again how far it is.

        Raises:
            LogUnavailable: it can be neither opened nor made.
        """
        self._taken.clear()
        projection = identity_of(cursor)
        if self._connection is None or projection != self._projection:
            self.close()
            self._projection = projection
            self._connection, reason = file.opened(self._path, projection)
            if reason is not None:
                self._say(reason)
        try:
            self._load()
        except sqlite3.Error as error:
            self._renew(error)

    def take(
        self,
        topic: str,
        spans: Mapping[int, tuple[int, int]],
        statements: Iterable[Statement],
    ) -> None:
        """Hear what the projection takes in the transaction that is under way, by partition.

        The statements stand in the order of the log; a span goes from a position to another.
        """
        said: dict[int, list[Statement]] = {number: [] for number in spans}
        for one in statements:
            said[one.partition].append(one)
        for number, span in spans.items():
            self._taken[topic, number] = Taken(*span, said[number])

    def follow(
        self, cursor: DuckDBPyConnection, reached: Mapping[Partition, Reached], limit: int
    ) -> int:
        """Go to where the projection is now, or by about `limit` records in its direction.

        Returns how many records were read again for that.

        Raises:
            LogUnavailable: the file cannot be written at the moment.
        """
        if file.distrusted(self._path):
            self._make("they were found damaged")
        taken = self._taken.copy()
        self._taken.clear()
        try:
            return self._follow(cursor, reached, taken, limit)
        except sqlite3.Error as error:
            if self._writing.in_transaction:
                self._writing.execute("ROLLBACK")
            self._renew(error)
            return 1

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @property
    def _writing(self) -> sqlite3.Connection:
        assert self._connection is not None, "it has begun"
        return self._connection

    def _load(self) -> None:
        rows = self._writing.execute(
            'SELECT topic, "partition", position, restarts, latest_us FROM lane'
        )
        self._lanes = {(topic, partition): Lane(*rest) for topic, partition, *rest in rows}

    def _renew(self, error: sqlite3.Error) -> None:
        self._renewed += 1
        if file.is_for_the_operator(error) or self._renewed > RENEWED_MAX:
            self._load_or_leave()
            raise file.unavailable(self._path, error) from error
        self._make(file.sentence(error))

    def _load_or_leave(self) -> None:
        """After an error nothing of the step is kept: begin from the file, now or when it opens."""
        try:
            self._load()
        except sqlite3.Error:
            self.close()
            self._projection = ""

    def _make(self, reason: str) -> None:
        self.close()
        self._connection = file.made(self._path, self._projection)
        self._lanes = {}
        self._say(reason)

    def _say(self, reason: str) -> None:
        self._notices.append(f"the records are made anew: {reason}")
        _LOGGER.warning("%s", self._notices[-1])

    def _follow(
        self,
        cursor: DuckDBPyConnection,
        reached: Mapping[Partition, Reached],
        taken: Mapping[Partition, Taken],
        limit: int,
    ) -> int:
        done = 0
        moved: dict[Partition, Lane] = {}
        for of in sorted(reached, key=_first_place):
            at = reached[of]
            known = lane = self._lanes.get(of) or Lane(self._log.start(*of))
            if at == lane[:2]:
                continue
            if not self._writing.in_transaction:
                self._writing.execute("BEGIN IMMEDIATE")
            if at.restarts != lane.restarts or lane.position > at.position:
                self._drop(of)
                lane = Lane(self._log.start(*of), at.restarts)
            new = taken.get(of)
            if new is None or new.begin != lane.position:
                new = self._read(cursor, of, lane.position, at.position, limit - done)
                done += max(1, new.end - new.begin) if new.end != lane.position else 0
            lane = self._add(of, lane, new)
            if lane != known:
                moved[of] = lane
        if self._writing.in_transaction:
            self._commit(moved)
        return done

    def _commit(self, moved: Mapping[Partition, Lane]) -> None:
        self._writing.executemany(
            "INSERT OR REPLACE INTO lane VALUES (?, ?, ?, ?, ?)",
            [(*of, *lane) for of, lane in moved.items()],
        )
        reach("records.before_commit")
        self._writing.execute("COMMIT")
        reach("records.after_commit")
        self._lanes.update(moved)

    def _read(
        self, cursor: DuckDBPyConnection, of: Partition, begin: int, end: int, limit: int
    ) -> Taken:
        """What the projection took earlier, read from the log a second time."""
        if limit <= 0:
            return Taken(begin, begin, ())
        records = [one for one in self._log.read(*of, begin, limit) if one.offset < end]
        if not records:
            return Taken(begin, end, ())
        topic, partition = of
        span = {partition: (records[0].offset, records[-1].offset)}
        skipped = duplicates.offsets_between(cursor, topic, span)[partition]
        rows: Rows = {}
        collect(records, skipped, rows)
        return Taken(begin, records[-1].offset + 1, stated(rows))

    def _drop(self, of: Partition) -> None:
        """Take out everything of a partition."""
        span = span_of(*of)
        rows = self._writing.execute(
            "SELECT place, type, source, happened_us, data FROM record"
            f" WHERE {_BETWEEN} AND data IS NOT NULL",
            span,
        )
        with file.stored():
            self._writing.executemany(_TAKE_OUT, (_indexed(*row) for row in rows))
        self._writing.execute(f"DELETE FROM record WHERE {_BETWEEN}", span)

    def _add(self, of: Partition, lane: Lane, taken: Taken) -> Lane:
        """Put in what was said; of each thing what is greatest."""
        latest_us = lane.latest_us
        first_place = span_of(*of)[0]
        alone: list[_Thing] = []
        things: dict[_Key, _Thing] = {}
        for said in taken.statements:
            latest_us = max(latest_us, said.appended_us)
            thing = _thing((first_place + said.offset, latest_us, said))
            if said.revision is None:
                alone.append(thing)
                continue
            key = said[2:5]
            known = things.setdefault(key, thing)
            if said.revision > (known.last.revision or 0):
                things[key] = known._replace(last=said)
        self._write(alone + self._amended(of, things))
        return Lane(taken.end, lane.restarts, latest_us)

    def _amended(self, of: Partition, things: Mapping[_Key, _Thing]) -> list[_Thing]:
        """Amend the rows of the things that are there; the others."""
        rows = self._known(of, [subject for _, _, subject in things])
        there = [(rows[key], thing.last) for key, thing in things.items() if key in rows]
        for known, said in sorted(there, key=itemgetter(0)):
            if (said.revision or 0) > known.revision:
                self._amend(known, said)
        return [thing for key, thing in things.items() if key not in rows]

    def _write(self, new: list[_Thing]) -> None:
        """Add rows in the order of their places.

        Where places go up, the index takes everything at once, and else a piece for each step back.
        """
        new.sort(key=itemgetter(0))
        self._writing.executemany(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, new)
        )
        self._writing.executemany(
            _PUT_IN,
            [(place, *said.indexed) for place, _, said in new if said.indexed is not None],
        )

    def _amend(self, known: _Known, said: Statement) -> None:
        place = known.place
        if known.data is not None:
            with file.stored():
                out = _indexed(place, said.type, said.source, known.happened_us, known.data)
            self._writing.execute(_TAKE_OUT, out)
        self._writing.execute(
            'UPDATE record SET revision = ?, "offset" = ?, happened_us = ?, data = ?'
            " WHERE place = ?",
            (said.revision, said.offset, said.happened_us, said.data, place),
        )
        if said.indexed is not None:
            self._writing.execute(_PUT_IN, (place, *said.indexed))

    def _known(self, of: Partition, subjects: Sequence[str]) -> dict[_Key, _Known]:
        """The rows of things with these subjects, by type, source and subject."""
        span = span_of(*of)
        found: dict[_Key, _Known] = {}
        for start in range(0, len(subjects), _AT_ONCE):
            some = subjects[start : start + _AT_ONCE]
            # A null is equal to nothing, so that one statement serves groups of any size.
            rows = self._writing.execute(_FIND, (*some, *[None] * (_AT_ONCE - len(some)), *span))
            found |= {(row[0], row[1], row[2]): _Known(*row[3:]) for row in rows}
        return found


_AT_ONCE: Final = 250
"""Things that are looked up together."""

_FIND: Final = (
    "SELECT type, source, subject, place, revision, happened_us, data"
    f" FROM record INDEXED BY by_subject WHERE subject IN ({', '.join('?' * _AT_ONCE)})"
    f" AND revision IS NOT NULL AND {_BETWEEN}"
)
_PUT_IN: Final = "INSERT INTO entry (rowid, body, terms) VALUES (?, ?, ?)"
_TAKE_OUT: Final = "INSERT INTO entry (entry, rowid, body, terms) VALUES ('delete', ?, ?, ?)"


def _first_place(of: Partition) -> int:
    return span_of(*of)[0]


def _row(thing: _Thing) -> tuple[int | str | bytes | None, ...]:
    """A new row of a thing."""
    place, appended_us, said = thing
    return place, appended_us, *_of_row(said)


_of_row = itemgetter(2, 3, 4, 5, 1, 6, 8)
"""Of a statement the values of a row: type, source, subject, revision, offset, time, data."""


def _indexed(
    place: int, type_name: str, source: str, happened_us: int | None, data: bytes
) -> tuple[int, str, str]:
    """What the index holds of a row."""
    return place, *indexed_of(type_name, source, happened_us, data)
