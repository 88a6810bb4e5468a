"""The projector: reads the log and keeps the tables of the projection up to date.

Of an input topic it reads, partition by partition, first what the learner said
(`event.duplicates`: repeats, refusals, and how far it has come), then the events up to there,
leaving out what was named. So the raw rows are exactly the events that were learned. The other
topics it follows to their ends.
Rows and positions go into the file in one transaction; a crash loses both or neither.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import duckdb
import msgspec
from duckdb import DuckDBPyConnection

from projections import damage
from projections.facts import RawRows
from projections.reading import Place as Partition
from projections.reading import Reading
from projections.records.following import Following, Reached
from projections.records.statements import stated
from projections.store import Store
from projections.tables import contributions, dead_letters, duplicates, logs, patterns
from projections.tables import positions as positions_table
from projections.tables.duplicates import Place
from projections.tables.positions import Learned, Position
from projections.tables.table import Row
from schemas.collector import uncollected
from schemas.errors import ProjectionDamaged
from schemas.failpoint import reach
from schemas.log import Log, Record
from schemas.topics import (
    DEAD_LETTERS,
    EVENT_DUPLICATES,
    LEARNED_TOPICS,
    PATTERN_CONTRIBUTIONS,
    PATTERN_DEFINITIONS,
    PATTERNS,
)

CHUNK: Final = 10_000
"""Records of one transaction, at most: some 10 MB of rows on their way."""

PIECE: Final = 2_000
PIECE_BYTES: Final = 4 << 20
"""Records and bytes of one topic that is followed, in one transaction, at most.

A row of patterns may be tens of KB, and what DuckDB holds of it is a multiple.
"""

EVERY: Final = 16
"""How many full steps may pass before contributions and patterns get a turn.

They are the latest of their key: read later, there are fewer of them. A step that is not full has
caught up with the events, and then they come with it: totals are as fresh as rows.
"""

PRUNED_EVERY: Final = 512
"""How many steps may pass before it is looked whether something was pruned."""

_LOGGER: Final = logging.getLogger(__name__)
_FOLLOWED: Final[dict[str, Callable[[DuckDBPyConnection, Sequence[Record]], None]]] = {
    PATTERN_DEFINITIONS.name: logs.apply,
    DEAD_LETTERS.name: dead_letters.apply,
    PATTERN_CONTRIBUTIONS.name: contributions.apply,
    PATTERNS.name: patterns.apply,
}
"""In this order: what a learner says comes before the rows that follow from it."""

_BEFORE_ROWS: Final = tuple(topic for topic in _FOLLOWED if topic != PATTERNS.name)

_INPUTS: Final = tuple(topic.name for topic in LEARNED_TOPICS)
_SAID: Final = EVENT_DUPLICATES.name

FOLLOWED_TOPICS: Final = (_SAID, *_FOLLOWED)
"""Topics that are projected to their ends; events only as far as they were learned."""


class Projector:
    """Brings one store up to date with one log; the only writer of the store.

    `notices` holds a sentence whenever the projection had to be thrown away; `filled` says that
    the last step took as much as it may, so that there is more.
    """

    def __init__(self, log: Log, store: Store, records: Path | None = None) -> None:
        """Begin where the file is; `records` is the file of single records to keep with it."""
        self._log = log
        self._reading = Reading(log)
        self._raw = RawRows(log)
        self._store = store
        self.notices: list[str] = []
        self._records = None if records is None else Following(log, records, self.notices)
        self._steps = 0
        self._stale = False
        self.filled = False
        self._begin()

    def step(self, limit: int = CHUNK, *, rows: bool = True) -> int:
        """Project at most about `limit` records in one transaction; how many, 0 when caught up.

        Without `rows` those of `patterns` wait for another step: all else is more recent.

        Raises:
            ProjectionDamaged: the file is not what was written; opened again, it will be new.
            After any error nothing of the step is kept, and the next step starts from the file.
        """
        if self._stale:
            self._open()
        self._stale = True
        try:
            with uncollected():
                done = self._transact(limit, _FOLLOWED if rows else _BEFORE_ROWS)
                done += self._follow_with_records(limit)
        except duckdb.Error as error:
            raise self._store.explained(error) from error
        self._stale = False
        self._steps += 1
        return done

    def catch_up(self, limit: int = CHUNK) -> int:
        """Project everything the log holds now; how many records that was.

        A file that turns out to be damaged is made anew, once.
        """
        total = 0
        try:
            while done := self.step(limit):
                total += done
        except ProjectionDamaged as found:
            self._renew(str(found))
            while done := self.step(limit):
                total += done
        return total

    def learned(self, topic: str, partition: int) -> int:
        """Up to where a partition of events is learned, as far as it was read."""
        known = self._positions.get((topic, partition))
        return 0 if known is None or known.learned is None else known.learned.position

    def close(self) -> None:
        """Let go of the cursor and of the records; the store stays open."""
        self._cursor.close()
        if self._records is not None:
            self._records.close()

    def _transact(self, limit: int, topics: Iterable[str]) -> int:
        self._cursor.execute("BEGIN")
        if self._steps % PRUNED_EVERY == 0:
            self._heed_pruned()
        done = self._project(limit, topics)
        if not (done or self._moved):
            self._cursor.execute("ROLLBACK")
            return 0
        positions_table.store(self._cursor, self._moved.values())
        reach("projector.before_commit")
        self._cursor.execute("COMMIT")
        reach("projector.after_commit")
        self._moved.clear()
        return done

    def _follow_with_records(self, limit: int) -> int:
        """Bring the records to where the tables are; how many had to be read again for it."""
        if self._records is None:
            return 0
        reached = {
            of: Reached(at.position, self._restarts.get(of, 0) + at.pruned)
            for of, at in self._positions.items()
            if at.learned is not None
        }
        done = self._records.follow(self._cursor, reached, limit)
        self.filled |= done >= limit
        return done

    def _begin(self) -> None:
        """Load the positions; start over where the file or the log is not what it was."""
        try:
            self._open()
            reason = self._misplaced()
        except duckdb.Error as error:
            explained = self._store.explained(error)
            if not isinstance(explained, ProjectionDamaged):
                raise explained from error
            reason = damage.sentence(error)
        if reason is not None:
            self._renew(reason)
        elif self._store.rebuilt and self._store.reason:
            self._say(self._store.reason)

    def _renew(self, reason: str) -> None:
        self._cursor.close()
        self._store.renew(reason)
        self._open()
        self._say(reason)

    def _say(self, reason: str) -> None:
        self.notices.append(f"the projection is made anew: {reason}")
        _LOGGER.warning("%s", self.notices[-1])

    def _open(self) -> None:
        self._cursor = self._store.cursor()
        self._stale = False
        self._positions: dict[Partition, Position] = {
            (position.topic, position.partition): position
            for position in positions_table.load(self._cursor)
        }
        self._moved: dict[Partition, Position] = {}
        self._restarts = positions_table.restarts(self._cursor)
        if self._records is not None:
            self._records.begin(self._cursor)
        self._last_fact: dict[Partition, int] = {
            (topic, partition): duplicates.last_offset(self._cursor, topic, partition)
            for topic in _INPUTS
            for partition in range(self._log.partitions)
        }

    def _misplaced(self) -> str | None:
        for (topic, partition), known in self._positions.items():
            if partition >= self._log.partitions:
                return f"the log has {self._log.partitions} partitions, the projection more"
            start = self._log.start(topic, partition)
            end = self._log.end(topic, partition)
            if not start <= known.position <= end:
                return (
                    f"{topic}/{partition} was projected up to {known.position},"
                    f" and the log holds it from {start} to {end}"
                )
        return None

    def _project(self, limit: int, topics: Iterable[str]) -> int:
        partitions = self._log.partitions
        self._reading.look(
            (topic, number) for topic in FOLLOWED_TOPICS for number in range(partitions)
        )
        # Each step begins with another partition, so that a busy one does not starve the others.
        order = [(self._steps + number) % partitions for number in range(partitions)]
        done = self._take_facts(order, limit)
        for topic in _INPUTS:
            done += self._take_events([(topic, number) for number in order], limit - done)
        self.filled = done >= limit
        if self.filled and self._steps % EVERY:
            return done
        piece = min(limit, PIECE)
        self._fetch(((topic, number) for topic in topics for number in order), piece)
        return done + sum(self._follow(topic, order, piece) for topic in topics)

    def _fetch(self, places: Iterable[Partition], limit: int) -> None:
        self._reading.fetch({place: self._position(*place).position for place in places}, limit)

    def _follow(self, topic: str, order: Sequence[int], limit: int) -> int:
        """Follow all partitions of a topic; what they have to say is one statement."""
        positions = {(topic, number): self._position(topic, number).position for number in order}
        found, full = self._reading.in_turn(positions, limit, PIECE_BYTES)
        self.filled |= full
        for place, records in found.items():
            self._move(*place, records[-1].offset + 1)
        if found:
            _FOLLOWED[topic](self._cursor, [*chain.from_iterable(found.values())])
        return sum(map(len, found.values()))

    def _take_facts(self, order: Sequence[int], limit: int) -> int:
        """Read what the learners said, to its end or as far as `limit` allows."""
        done = 0
        new: list[Row] = []
        self._fetch(((_SAID, number) for number in order), limit)
        for partition in order:
            done += self._hear(partition, limit - done, new)
        duplicates.add(self._cursor, new)
        return done

    def _hear(self, partition: int, limit: int, new: list[Row]) -> int:
        """Read what the learner said of this partition; facts of which none was known are `new`."""
        at = self._position(_SAID, partition).position
        records = self._reading.read((_SAID, partition), at, limit) if limit > 0 else []
        if not records:
            return 0
        facts: dict[str, dict[Place, Row | None]] = {}
        learned: dict[str, Learned] = {}
        for record in records:
            place = duplicates.place_of(record.key or b"")
            if place is not None:
                of = facts.setdefault(place.topic, {})
                of.pop(place, None)
                of[place] = None if record.value is None else duplicates.row_of(record.value)
            elif record.value is not None:
                said = positions_table.decode_learned(record.value)
                learned[said.topic] = said
        for topic, found in facts.items():
            new += self._state_facts((topic, partition), found)
        self._move(_SAID, partition, records[-1].offset + 1)
        for topic, said in learned.items():
            self._heed((topic, partition), said)
        return len(records)

    def _state_facts(self, of: Partition, facts: dict[Place, Row | None]) -> list[Row]:
        """State anew what was stated before or is withdrawn; the facts that are to be added."""
        last = self._last_fact[of]
        known = {place: row for place, row in facts.items() if row is None or place.offset <= last}
        if known:
            changed = duplicates.replace(self._cursor, known)
            if any(offset < self._position(*of).position for offset in changed):
                self._start_over(of)
        self._last_fact[of] = max([last, *(place.offset for place in facts)])
        return [row for place, row in facts.items() if row is not None and place not in known]

    def _heed_pruned(self) -> None:
        """Take out the rows of records that were pruned since it was looked for last."""
        for topic in _INPUTS:
            for partition in range(self._log.partitions):
                of = (topic, partition)
                known, pruned = self._position(*of), self._log.pruned(*of)
                if known.pruned != pruned.records:
                    self._reading.drop(of)
                    self._raw.prune(self._cursor, of, min(pruned.below, known.position))
                    known = msgspec.structs.replace(known, pruned=pruned.records)
                    self._positions[of] = self._moved[of] = known

    def _heed(self, of: Partition, learned: Learned) -> None:
        """Note how far the learner is; under a new epoch its partition is projected again."""
        known = self._position(*of).learned
        if known is not None and learned.epoch > known.epoch:
            self._start_over(of)
        self._move(*of, self._position(*of).position, learned)

    def _start_over(self, of: Partition) -> None:
        """Drop the raw rows of a partition: what repeats what is no longer what it was."""
        RawRows.drop(self._cursor, *of)
        positions_table.begun_anew(self._cursor, *of)
        self._restarts[of] = self._restarts.get(of, 0) + 1
        self._move(*of, self._log.start(*of), self._position(*of).learned)

    def _take_events(self, order: Sequence[Partition], limit: int) -> int:
        """Read events of a topic up to where the learners are, leaving out what they named."""
        topic = order[0][0]
        taken: dict[int, list[Record]] = {}
        done = 0
        beyond = self._learned_beyond(order)
        most = max(beyond.values(), default=0)
        begun = {number: self._position(topic, number).position for _, number in beyond}
        self._fetch(beyond, min(limit, most))
        for place in beyond:
            records = self._learned_events(place, limit - done)
            if records:
                taken[place[1]] = records
                done += len(records)
        if not taken:
            return 0
        settings = max(at.learned.epoch[1] for at in self._moved.values() if at.learned)
        rows = self._raw.insert(self._cursor, topic, taken, settings)
        if self._records is not None:
            spans = {
                number: (begun[number], self._position(topic, number).position) for number in taken
            }
            self._records.take(topic, spans, stated(rows))
        return done

    def _learned_beyond(self, order: Sequence[Partition]) -> dict[Partition, int]:
        """How many offsets of each partition were learned and are not rows yet."""
        known = {place: self._position(*place) for place in order}
        return {
            place: at.learned.position - at.position
            for place, at in known.items()
            if at.learned is not None and at.position < at.learned.position
        }

    def _learned_events(self, place: Partition, limit: int) -> list[Record]:
        """Events of a partition that were learned and are not rows yet."""
        position = self._position(*place)
        learned = position.learned
        if learned is None or limit <= 0 or position.position >= learned.position:
            return []
        wanted = min(limit, learned.position - position.position)
        records = self._reading.read(place, position.position, wanted)
        records = [record for record in records if record.offset < learned.position]
        if records:
            self._move(*place, records[-1].offset + 1, learned)
        elif position.position < self._log.pruned(*place).below:
            self._move(*place, learned.position, learned)  # all that was left here was pruned
        return records

    def _position(self, topic: str, partition: int) -> Position:
        known = self._positions.get((topic, partition))
        if known is None:
            pruned = self._log.pruned(topic, partition).records if topic in _INPUTS else 0
            start = self._log.start(topic, partition)
            known = Position(topic, partition, start, pruned=pruned)
            self._positions[topic, partition] = known
        return known

    def _move(
        self, topic: str, partition: int, position: int, learned: Learned | None = None
    ) -> None:
        moved = Position(
            topic, partition, position, learned, self._position(topic, partition).pruned
        )
        self._positions[topic, partition] = self._moved[topic, partition] = moved
