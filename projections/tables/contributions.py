"""Table `contributed`: the newest tally of every contributor to every pattern.

An empty tally says that the contributor no longer makes the pattern. Its row stays, so that an
older contribution that arrives late cannot bring the pattern back; the view `contributions` leaves
it out.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec
import pyarrow as pa
from duckdb import DuckDBPyConnection

from projections.tables.table import STAGED, Row, Table, staged
from projections.tables.types import COUNT, FLAG, JSON, TEXT, TIME
from schemas.ids import signature
from schemas.log import Record
from streams.contribution import LABEL, Contribution, Contributor
from streams.contribution import decode as decode_contribution
from streams.federated import version_text

CONTRIBUTED: Final = Table(
    "contributed",
    {
        "pattern_id": TEXT,
        "kind": TEXT,
        "signature": TEXT,
        "contributor": TEXT,
        "site_id": TEXT,
        "site_label": TEXT,
        "log_id": TEXT,
        "topic": TEXT,
        "partition": COUNT,
        "version": TEXT,
        "rules": COUNT,
        "settings": COUNT,
        "offset": COUNT,
        "occurrences": COUNT,
        "successes": COUNT,
        "failures": COUNT,
        "undated": COUNT,
        "first_seen": TIME,
        "last_seen": TIME,
        "tally": JSON,
        "made": FLAG,
    },
)

_SAME: Final = "contributed.pattern_id = b.pattern_id AND contributed.contributor = b.contributor"
_NOT_NEWER: Final = (
    '(contributed.rules, contributed.settings, contributed."offset")'
    ' <= (b.rules, b.settings, b."offset")'
)


class _Numbers(msgspec.Struct):
    """What a tally's JSON says in numbers of its own; the rest stays JSON."""

    occurrences: int = 0
    successes: int = 0
    failures: int = 0
    undated: int = 0
    first_us: int | None = None
    last_us: int | None = None


_NUMBERS: Final = msgspec.json.Decoder(_Numbers).decode


def apply(cursor: DuckDBPyConnection, records: Sequence[Record]) -> None:
    """Keep the greatest version of each; a tombstone takes the row away."""
    newest: dict[bytes | None, tuple[Contribution, Record]] = {}
    gone: set[bytes | None] = set()
    for record in records:
        if record.value is None:
            newest.pop(record.key, None)
            gone.add(record.key)
            continue
        stated = decode_contribution(record.value)
        known = newest.get(record.key)
        if known is None or stated.version >= known[0].version:
            newest[record.key] = (stated, record)
    if gone:
        _remove(cursor, [key.decode() for key in gone if key])
    if newest:
        _merge(cursor, [_row(*one) for one in newest.values()])


def _row(stated: Contribution, record: Record) -> Row:
    owner = _owner(stated.contributor)
    tally = bytes(stated.tally)
    numbers = msgspec.structs.astuple(_NUMBERS(tally))
    rules, settings = stated.epoch
    label = dict(record.headers).get(LABEL)
    return (
        stated.pattern_id,
        stated.kind,
        _signature(tuple(stated.parts)),
        stated.contributor,
        owner.site_id,
        None if label is None else label.decode(errors="replace"),
        owner.log_id,
        owner.topic,
        owner.partition,
        version_text(stated.version),
        rules,
        settings,
        stated.offset,
        *numbers,
        tally,
        not stated.is_empty,
    )


# The same patterns and contributors come again and again, as long as events do.
_owner: Final = lru_cache(1 << 10)(Contributor.parse)


@lru_cache(1 << 14)
def _signature(parts: tuple[str, ...]) -> str:
    return signature(*parts)


def _merge(cursor: DuckDBPyConnection, rows: Sequence[Row]) -> None:
    with staged(cursor, CONTRIBUTED.arrow(rows)):
        cursor.execute(f"DELETE FROM contributed USING {STAGED} b WHERE {_SAME} AND {_NOT_NEWER}")
        cursor.execute(
            f"INSERT INTO contributed SELECT b.* FROM {STAGED} b ANTI JOIN contributed ON {_SAME}"
        )


def _remove(cursor: DuckDBPyConnection, keys: Sequence[str]) -> None:
    parted = [key.partition("/") for key in keys]
    rows = {"pattern_id": [key[0] for key in parted], "contributor": [key[2] for key in parted]}
    with staged(cursor, pa.table(rows)):
        cursor.execute(f"DELETE FROM contributed USING {STAGED} b WHERE {_SAME}")
