"""From records of an input topic to rows of the raw tables."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import pyarrow as pa
from duckdb import DuckDBPyConnection

from projections.tables import duplicates
from projections.tables.events import BY_TYPE, EVENT_TABLES, EventTable
from projections.tables.recognised import RECOGNISED, Recogniser
from projections.tables.table import STAGED, Row, staged
from schemas.envelope import Event, decode
from schemas.errors import Refused
from schemas.log import Log, Record, records_between
from schemas.times import moment_us


@dataclass(slots=True)
class Found:
    """Rows on their way into a raw table, and the records of which they were made.

    `quick` says of each whether its data was read as it stands, without the envelope.
    """

    rows: list[Row] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    quick: list[bool] = field(default_factory=list)


Rows = dict[str, Found]
"""What was found, by the event type's name."""

_CHUNK: Final = 4_096
"""Records read at once."""

_JSON: Final = b"application/json"
_astuple = msgspec.structs.astuple


class RawRows:
    """Puts records of input topics into the raw tables, and takes them out again."""

    def __init__(self, log: Log) -> None:
        """Bind to a log, which states the rules by which operations are recognised."""
        self._log = log
        self._recogniser = Recogniser(log)

    def insert(
        self,
        cursor: DuckDBPyConnection,
        topic: str,
        taken: Mapping[int, Sequence[Record]],
        settings: int,
    ) -> Rows:
        """Add rows for records by partition that are neither repeats nor refused.

        They were learned when the log's settings had been changed so many times. Returns the rows.
        """
        spans = {at: (read[0].offset, read[-1].offset) for at, read in taken.items()}
        skipped = duplicates.offsets_between(cursor, topic, spans)
        rows: Rows = {}
        unread: list[Row] = []
        for partition, records in taken.items():
            # What a learner took and we cannot read shows as refused: nobody looks in vain.
            unread += [
                (topic, partition, offset, False, True)
                for offset in collect(records, skipped[partition], rows)
            ]
        duplicates.add(cursor, unread)
        for of in EVENT_TABLES:
            found = rows.get(of.payload.type)
            if found:
                of.table.insert(cursor, found.rows)
                self._recogniser.insert(cursor, of, found.rows, settings)
        return rows

    def prune(self, cursor: DuckDBPyConnection, place: tuple[str, int], below: int) -> None:
        """Take out the rows below an offset whose records are not in the log any more."""
        topic, partition = place
        start = self._log.start(topic, partition)
        left = [
            record.offset
            for record in records_between(self._log, topic, partition, start, below, _CHUNK)
        ]
        with staged(cursor, pa.table({"offset": pa.array(left, pa.int64())})):
            for name in _tables(topic):
                cursor.execute(
                    f'DELETE FROM {name} WHERE topic = ? AND "partition" = ? AND "offset" < ?'
                    f' AND "offset" NOT IN (SELECT "offset" FROM {STAGED})',
                    [topic, partition, below],
                )

    @staticmethod
    def drop(cursor: DuckDBPyConnection, topic: str, partition: int) -> None:
        """Take out every row of a partition."""
        for name in _tables(topic):
            cursor.execute(
                f'DELETE FROM {name} WHERE topic = ? AND "partition" = ?', [topic, partition]
            )


def _tables(topic: str) -> tuple[str, ...]:
    """The tables with rows about records of a topic."""
    events = (one.table.name for one in EVENT_TABLES if one.payload.topic.name == topic)
    return (*events, RECOGNISED.name)


def collect(records: Iterable[Record], skipped: Container[int], rows: Rows) -> list[int]:
    """Add a row for every record that is not skipped; the offsets of those that hold no event."""
    refused = []
    for record in records:
        if record.offset in skipped:
            continue
        try:
            type_name, row, is_quick = _row(record)
        except Refused:
            refused.append(record.offset)
            continue
        found = rows.get(type_name)
        if found is None:
            found = rows[type_name] = Found()
        found.rows.append(row)
        found.records.append(record)
        found.quick.append(is_quick)
    return refused


def _row(record: Record) -> tuple[str, Row, bool]:
    topic, partition, offset, _, value, headers, appended_us = record
    head = dict(headers)
    of = BY_TYPE.get(head.get("ce_type", b""))
    if of is None or value is None or head.get("content-type") != _JSON:
        return _long_way(record)
    try:
        values = _astuple(of.decode(value))
        name = head["ce_id"].decode()
        stated = head.get("ce_time")
        recorded = head.get("ce_recordedtime")
        if recorded is not None:
            appended_us = min(appended_us, moment_us(recorded))
        common = (
            topic,
            partition,
            offset,
            head["ce_source"].decode(),
            name,
            None if stated is None else moment_us(stated),
            appended_us,
        )
        if not of.amendable:
            return of.payload.type, (*common, *values), True
        revision = head.get("ce_revision")
        if revision is None:
            statement = (None, None) if of.alone else (name, 0)
        else:
            statement = (head["ce_subject"].decode(), int(revision))
    except (msgspec.MsgspecError, KeyError, ValueError, Refused):
        return _long_way(record)
    return of.payload.type, (*common, *statement, *values), True


def _long_way(record: Record) -> tuple[str, Row, bool]:
    event = decode(record)
    of = BY_TYPE.get(event.type.encode())
    if of is None:
        raise Refused("unknown_type", f"{event.type} has no table on {record.topic}")
    return event.type, (*_common(record, event, of), *of.long_way(event)), False


def _common(record: Record, event: Event, of: EventTable) -> Row:
    appended_us = record.appended_at_us
    if event.recorded_us is not None:
        appended_us = min(appended_us, event.recorded_us)
    common = (*record[:3], event.source, event.id, event.time_us, appended_us)
    if not of.amendable:
        return common
    if event.revision is None and of.alone:
        return (*common, None, None)
    return (*common, event.thing, event.revision or 0)
