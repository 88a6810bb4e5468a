"""Statements about records, out of the rows that the raw tables take and the log's own bytes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple

from projections.records.entries import DELETED, RECORDED, RUN
from projections.tables.events import BY_TYPE
from projections.tables.table import Row
from schemas.envelope import data_bytes, decode
from schemas.log import Record

_JSON: Final = b"application/json"
_PARTITION, _OFFSET, _AT, _AT_OF = 1, 2, slice(1, 3), itemgetter(0, 1)
_SOURCE, _ID, _HAPPENED, _SUBJECT, _REVISION, _RUN = 3, 4, 5, 7, 8, 9
"""Where a row of a raw table has what all have; of a run, the first field is its id."""


class Statement(NamedTuple):
    """One statement about a thing; `data` None says that it is gone.

    Without a revision it stands alone: nothing amends it.
    """

    partition: int
    offset: int
    type: str
    source: str
    subject: str
    revision: int | None
    happened_us: int | None
    appended_us: int
    data: bytes | None


def stated(
    rows: Mapping[str, Sequence[Row]], records: Iterable[Sequence[Record]]
) -> list[Statement]:
    """The statements about records among these rows, in the order of the log."""
    wanted = [(event_type, rows[event_type]) for event_type in RECORDED if event_type in rows]
    if not wanted:
        return []
    by_place = {record[1:3]: record for record in chain.from_iterable(records)}
    found: list[Statement] = []
    for event_type, said in wanted:
        found += _statements(event_type, said, by_place)
    found.sort(key=_AT_OF)
    return found


def _statements(
    event_type: str, rows: Sequence[Row], by_place: Mapping[tuple[int, int], Record]
) -> Iterator[Statement]:
    type_name, gone = RECORDED[event_type], event_type == DELETED
    for row in rows:
        record, revision = by_place[row[_AT]], row[_REVISION]
        yield Statement(
            row[_PARTITION],
            row[_OFFSET],
            type_name,
            row[_SOURCE],
            row[_RUN if type_name == RUN else _ID if revision is None else _SUBJECT],
            revision,
            None if gone else row[_HAPPENED],
            record.appended_at_us,
            None if gone else _data(record),
        )


def _data(record: Record) -> bytes:
    """The data as it was stated; of another version or form, as this version writes it."""
    head = dict(record.headers)
    if head.get("ce_type") in BY_TYPE and head.get("content-type") == _JSON and record.value:
        return record.value
    return data_bytes(decode(record).data)
