"""Table `duplicates`: which records are not rows, because they repeat one or were refused."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import pyarrow as pa
from duckdb import DuckDBPyConnection

from projections.tables.table import STAGED, Row, Table, staged
from projections.tables.types import FLAG, PLACE

DUPLICATES: Final = Table("duplicates", {**PLACE, "conflicting": FLAG, "refused": FLAG})


class Place(msgspec.Struct, frozen=True):
    """Which record of an input topic is spoken of."""

    topic: str
    partition: int
    offset: int


class Duplicate(msgspec.Struct):
    """What a record on `event.duplicates` says of another record."""

    topic: str
    partition: int
    offset: int
    conflicting: bool = False
    refused: bool = False


_DECODE: Final = msgspec.json.Decoder(Duplicate).decode


def place_of(key: bytes) -> Place | None:
    """The record a key speaks of; None for the key of a position."""
    topic, partition, last = key.decode().rsplit("/", 2)
    return None if last == "position" else Place(topic, int(partition), int(last))


def row_of(value: bytes) -> Row:
    """The row of a record's value."""
    return msgspec.structs.astuple(_DECODE(value))


def replace(cursor: DuckDBPyConnection, facts: Mapping[Place, Row | None]) -> list[int]:
    """State the facts anew; a place without one is a record like any other again.

    Returns the offsets that are a row now and were none before, or the other way round.
    """
    gone = [(place.topic, place.partition, place.offset, None, None) for place in facts]
    with staged(cursor, DUPLICATES.arrow(gone)):
        cursor.execute(
            f"DELETE FROM duplicates USING {STAGED} b WHERE duplicates.topic = b.topic"
            ' AND duplicates."partition" = b."partition" AND duplicates."offset" = b."offset"'
            ' RETURNING duplicates."offset"'
        )
        before = {offset for (offset,) in cursor.fetchall()}
    add(cursor, [row for row in facts.values() if row is not None])
    after = {place.offset for place, row in facts.items() if row is not None}
    return sorted(before ^ after)


def add(cursor: DuckDBPyConnection, rows: Sequence[Row]) -> None:
    """Add facts about places none was stated of."""
    if rows:
        DUPLICATES.insert(cursor, rows)


def offsets_between(
    cursor: DuckDBPyConnection, topic: str, spans: Mapping[int, tuple[int, int]]
) -> dict[int, set[int]]:
    """The offsets that are not rows, by partition; of each from a first to a last one."""
    # As Arrow: for each value that is bound DuckDB looks for a library that is not there.
    spanned = [(partition, *span) for partition, span in spans.items()]
    columns = dict(zip(("at", "first", "last"), zip(*spanned, strict=True), strict=True))
    with staged(cursor, pa.table({name: pa.array(of, pa.int64()) for name, of in columns.items()})):
        rows = cursor.execute(
            f'SELECT d."partition", d."offset" FROM duplicates d JOIN {STAGED} b'
            ' ON d."partition" = b."at" AND d."offset" BETWEEN b."first" AND b."last"'
            " WHERE d.topic = ?",
            [topic],
        ).fetchall()
    found: dict[int, set[int]] = {partition: set() for partition in spans}
    for partition, offset in rows:
        found[partition].add(offset)
    return found


def last_offset(cursor: DuckDBPyConnection, topic: str, partition: int) -> int:
    """The greatest offset a fact was stated of; -1 where there is none."""
    found = cursor.execute(
        'SELECT coalesce(max("offset"), -1) FROM duplicates WHERE topic = ? AND "partition" = ?',
        [topic, partition],
    ).fetchone()
    return int(found[0]) if found else -1
