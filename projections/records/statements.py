"""Statements about records, out of the rows that the raw tables take and the log's own bytes."""

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Final, NamedTuple

from projections.facts import Found
from projections.records.entries import DELETED, READERS_OF_ROWS, RECORDED, RUN, Indexed
from projections.tables.events import BY_TYPE
from schemas.envelope import data_bytes, decode
from schemas.log import Record
from schemas.tuples import maker

_JSON: Final = b"application/json"
_AT_OF = itemgetter(0, 1)
_PARTITION, _OFFSET, _SOURCE, _ID, _HAPPENED, _SUBJECT, _REVISION, _RUN = 1, 2, 3, 4, 5, 7, 8, 9
"""Where a row of a raw table has what all have; of a run, the first field is its id."""


class Statement(NamedTuple):
    """One statement about a thing; `data` and `indexed` None say that it is gone.

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
    indexed: Indexed | None


def stated(rows: Mapping[str, Found]) -> list[Statement]:
    """The statements about records among these rows, in the order of the log."""
    found: list[Statement] = []
    for event_type in RECORDED.keys() & rows.keys():
        found += _statements(event_type, rows[event_type])
    found.sort(key=_AT_OF)
    return found


def _statements(event_type: str, found: Found) -> Iterator[Statement]:
    type_name, gone = RECORDED[event_type], event_type == DELETED
    is_run, indexed_of = type_name == RUN, READERS_OF_ROWS.get(event_type)
    for row, record, is_quick in zip(found.rows, found.records, found.quick, strict=True):
        revision = row[_REVISION]
        yield _statement(
            (
                row[_PARTITION],
                row[_OFFSET],
                type_name,
                row[_SOURCE],
                row[_RUN if is_run else _ID if revision is None else _SUBJECT],
                revision,
                None if gone else row[_HAPPENED],
                record.appended_at_us,
                None if gone else record.value if is_quick else _data(record),
                None if indexed_of is None else indexed_of(row),
            )
        )


_statement: Final = maker(Statement)


def _data(record: Record) -> bytes:
    """The data as it was stated; of another version or form, as this version writes it."""
    head = dict(record.headers)
    if head.get("ce_type") in BY_TYPE and head.get("content-type") == _JSON and record.value:
        return record.value
    return data_bytes(decode(record).data)
