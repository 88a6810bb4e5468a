"""Table `positions`: up to where each partition was projected and, for input topics, learned."""

from collections.abc import Iterable
from typing import Final

import msgspec
from duckdb import DuckDBPyConnection

from projections.tables.table import STAGED, Table, staged
from projections.tables.types import COUNT, TEXT

POSITIONS: Final = Table(
    "positions",
    {
        "topic": TEXT,
        "partition": COUNT,
        "position": COUNT,
        "learned": COUNT,
        "waiting": COUNT,
        "late": COUNT,
        "repeats": COUNT,
        "conflicting": COUNT,
        "refused": COUNT,
        "epoch": TEXT,
        "pruned": COUNT,
    },
)

RESTARTS: Final = Table("restarts", {"topic": TEXT, "partition": COUNT})
"""A row for each time a partition was begun anew. It tells of this file, and not of the log."""


class Learned(msgspec.Struct, frozen=True):
    """What a learner says of its partition: it has applied everything below `position`."""

    topic: str
    partition: int
    position: int
    epoch: tuple[int, int]
    waiting: int | None = None
    late: int | None = None
    repeats: int | None = None
    conflicting: int | None = None
    refused: int | None = None


class Position(msgspec.Struct):
    """Up to where a partition was projected: everything below `position`.

    Of it no rows are left of so many `pruned` records.
    """

    topic: str
    partition: int
    position: int
    learned: Learned | None = None
    pruned: int = 0


decode_learned: Final = msgspec.json.Decoder(Learned).decode


def store(cursor: DuckDBPyConnection, positions: Iterable[Position]) -> None:
    """Put these positions in the place of what was known."""
    rows = [_row(position) for position in positions]
    with staged(cursor, POSITIONS.arrow(rows)):
        cursor.execute(
            f"DELETE FROM positions USING {STAGED} b WHERE positions.topic = b.topic"
            ' AND positions."partition" = b."partition"'
        )
    POSITIONS.insert(cursor, rows)


def begun_anew(cursor: DuckDBPyConnection, topic: str, partition: int) -> None:
    """Note that a partition is begun anew."""
    cursor.execute(f"INSERT INTO {RESTARTS.name} VALUES (?, ?)", [topic, partition])


def restarts(cursor: DuckDBPyConnection) -> dict[tuple[str, int], int]:
    """How often each partition was begun anew, where it ever was."""
    rows = cursor.execute(
        f'SELECT topic, "partition", count(*) FROM {RESTARTS.name} GROUP BY ALL'
    ).fetchall()
    return {(topic, partition): times for topic, partition, times in rows}


def load(cursor: DuckDBPyConnection) -> list[Position]:
    """Every position that is known."""
    rows = cursor.execute('SELECT * FROM positions ORDER BY topic, "partition"').fetchall()
    return [_position(*row) for row in rows]


def _row(of: Position) -> tuple[str | int | None, ...]:
    place = (of.topic, of.partition, of.position)
    if of.learned is None:
        return (*place, None, None, None, None, None, None, None, of.pruned)
    said = of.learned
    counts = (said.waiting, said.late, said.repeats, said.conflicting, said.refused)
    return (*place, said.position, *counts, ".".join(map(str, said.epoch)), of.pruned)


def _position(
    topic: str,
    partition: int,
    position: int,
    learned: int | None,
    *rest: int | str | None,
) -> Position:
    *counts, epoch, pruned = rest
    assert isinstance(pruned, int), "it is a BIGINT, and never null"
    if learned is None or not isinstance(epoch, str):
        return Position(topic, partition, position, pruned=pruned)
    rules, settings = map(int, epoch.split("."))
    said = Learned(topic, partition, learned, (rules, settings), *counts)  # type: ignore[arg-type]  # the counts are BIGINT
    return Position(topic, partition, position, said, pruned)
