"""Whether the live projection is what the log says: made again beside it, compared row for row."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from projections.anew import made_again
from projections.projector import Projector
from projections.records import compared
from projections.store import Store
from projections.tables import NAMES, positions
from projections.tables.positions import Position
from schemas.log import Log

ROUNDS: Final = 10
"""How often both are caught up, until they stand at the same positions."""

_DIGESTS: Final = (
    "SELECT md5_number_upper(to_json(t)) AS upper, md5_number_lower(to_json(t)) AS lower FROM"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A table in which the live projection and the one made again do not have the same rows."""

    table: str
    live_only: int
    rebuilt_only: int

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.live_only} rows are in the live projection only,"
            f" {self.rebuilt_only} in the rebuilt one only"
        )


def verify(log: Log, store: Store, records: Path | None = None) -> list[Difference]:
    """Catch the store up, make another from the same log, and say where they differ.

    So it is done with its file of `records`, where one is named. No other projector may work on
    the store meanwhile. What is appended meanwhile is taken into both; a log that never rests for
    a moment cannot be compared.

    Raises:
        ProjectionDamaged: the live file is not what was written.
    """
    _catch_up(log, store, records)
    again = None if records is None else records.with_name(f"{records.name}.verify")
    with made_again(log, store, "verify", again) as made:
        for _ in range(ROUNDS):
            if _positions(store) == _positions(made):
                break
            _catch_up(log, store, records)
            _catch_up(log, made, again)
        found = compare(store, made)
        if records is not None and again is not None:
            found += [Difference(*one) for one in compared(records, again)]
        return found


def compare(store: Store, made: Store) -> list[Difference]:
    """Where the rows of a projection differ from those of another of the same log."""
    live, rebuilt = _sums(store), _sums(made)
    suspects = [table for table in NAMES if live[table] != rebuilt[table]]
    found = [_compare(table, store, made) for table in suspects]
    return [difference for difference in found if difference is not None]


def _positions(store: Store) -> list[Position]:
    with store.reading() as cursor:
        return positions.load(cursor)


def _catch_up(log: Log, store: Store, records: Path | None) -> None:
    projector = Projector(log, store, records)
    try:
        projector.catch_up()
    finally:
        projector.close()


def _sums(store: Store) -> dict[str, tuple[int | None, ...]]:
    """By table, how many rows it has and the sum of their digests: equal for equal rows only."""
    each = (
        f"SELECT '{table}', count(*), sum(upper::HUGEINT), sum(lower::HUGEINT)"
        f" FROM ({_DIGESTS} {table} t)"
        for table in NAMES
    )
    with store.reading() as cursor:
        rows = cursor.execute(" UNION ALL ".join(each)).fetchall()
    return {table: tuple(sums) for table, *sums in rows}


def _compare(table: str, store: Store, made: Store) -> Difference | None:
    """Compare 128-bit digests of whole rows, however often each stands there."""
    live, rebuilt = _digests(store, table), _digests(made, table)
    with store.reading() as cursor:
        cursor.register("live", live)
        cursor.register("rebuilt", rebuilt)
        counts = [
            cursor.execute(f"SELECT count(*) FROM (FROM {one} EXCEPT ALL FROM {other})").fetchall()[
                0
            ][0]
            for one, other in (("live", "rebuilt"), ("rebuilt", "live"))
        ]
    return Difference(table, *counts) if any(counts) else None


def _digests(store: Store, table: str) -> pa.Table:
    with store.reading() as cursor:
        return cursor.execute(f"{_DIGESTS} {table} t").to_arrow_table()
