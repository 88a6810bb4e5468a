"""Table `pattern_rows`: the federated row of every live pattern, as it stands on its topic.

Measures, days and sites are nested in the row and unfolded by views: a pattern changes as a whole,
so it is taken out and put in as one row, and reading one pattern touches one row.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from typing import Any, Final

import msgspec
import pyarrow as pa
from duckdb import DuckDBPyConnection

from projections.tables.table import STAGED, Type, staged
from projections.tables.types import AMOUNT, COUNT, JSON, NUMBER, TEXT, TEXTS, TIME, Columns
from schemas.log import Record

COUNTS: Final[Columns] = {"occurrences": COUNT, "successes": COUNT, "failures": COUNT}
"""What is counted of a pattern, a day and a site alike."""

PATTERN: Final[Columns] = {
    "pattern_id": TEXT,
    "kind": TEXT,
    "signature": TEXT,
    "title": TEXT,
    "attributes": JSON,
    "status": TEXT,
    **COUNTS,
    "success_rate": NUMBER,
    "success_low": NUMBER,
    "success_high": NUMBER,
    "confidence": NUMBER,
    "score": NUMBER,
    "first_seen": TIME,
    "last_seen": TIME,
    "undated": COUNT,
    "counters": JSON,
    "site_count": COUNT,
    "contributor_count": COUNT,
    "version": TEXT,
    "forks": TEXTS,
}
"""The columns of table `patterns`."""

_DATE: Final = Type("DATE", pa.string())

NESTED: Final[dict[str, Columns]] = {
    "measures": {
        "measure": TEXT,
        "unit": TEXT,
        "n": COUNT,
        "total": AMOUNT,
        "mean": NUMBER,
        "stddev": NUMBER,
        "p50": NUMBER,
        "p90": NUMBER,
        "p99": NUMBER,
        "minimum": AMOUNT,
        "maximum": AMOUNT,
    },
    "days": {"day": _DATE, **COUNTS},
    "sites": {"site_id": TEXT, "site_label": TEXT, **COUNTS, "version": TEXT},
}
"""What is nested in a row, and the columns each nested row has."""


def _nested_type(columns: Columns) -> str:
    return "STRUCT(" + ", ".join(f'"{name}" {of.sql}' for name, of in columns.items()) + ")[]"


DDL: Final = (
    "CREATE TABLE pattern_rows (start BIGINT, "
    + ", ".join(f'"{name}" {of.sql}' for name, of in PATTERN.items())
    + "".join(f", {name} {_nested_type(columns)}" for name, columns in NESTED.items())
    + ")"
)


class Measured(msgspec.Struct):
    """One measure of a pattern, amounts as decimal text in its unit."""

    measure: str
    unit: str
    n: int
    total: str | None = None
    mean: float | None = None
    stddev: float | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    minimum: str | None = None
    maximum: str | None = None


class OfSite(msgspec.Struct):
    """What one site contributed to a pattern."""

    site_id: str
    site_label: str | None = None
    occurrences: int = 0
    successes: int = 0
    failures: int = 0
    version: str | None = None


class PatternRecord(msgspec.Struct):
    """A record of the topic `patterns`, in the order of the columns."""

    pattern_id: str
    kind: str
    signature: str
    title: str | None = None
    attributes: msgspec.Raw = msgspec.Raw(b"")
    status: str | None = None
    occurrences: int = 0
    successes: int | None = None
    failures: int | None = None
    success_rate: float | None = None
    success_low: float | None = None
    success_high: float | None = None
    confidence: float | None = None
    score: float | None = None
    first_seen_us: int | None = None
    last_seen_us: int | None = None
    undated: int = 0
    counters: msgspec.Raw = msgspec.Raw(b"")
    site_count: int | None = None
    contributor_count: int | None = None
    version: str | None = None
    forks: list[str] | None = None
    measures: list[Measured] = []
    days: list[tuple[str, int, int, int]] = []
    sites: list[OfSite] = []


def start_of(pattern_id: str) -> int:
    """The beginning of an id as a number: a quarter of the time to find a row among 100,000."""
    return int.from_bytes(pattern_id.encode()[:7], "big")


_DECODE: Final = msgspec.json.Decoder(PatternRecord).decode
_astuple = msgspec.structs.astuple
_WIDTH: Final = len(PATTERN)


def apply(cursor: DuckDBPyConnection, records: Sequence[Record]) -> None:
    """Put the newest row of every pattern in the place of the one before; tombstones remove."""
    newest = {(record.key or b"").decode(): record.value for record in records}
    # As Arrow: bound as a parameter, each element of a list costs a tenth of a millisecond.
    ids = {
        "start": pa.array(map(start_of, newest), pa.int64()),
        "pattern_id": pa.array(newest, pa.string()),
    }
    with staged(cursor, pa.table(ids)):
        cursor.execute(
            f"DELETE FROM pattern_rows USING {STAGED} b"
            " WHERE pattern_rows.start = b.start AND pattern_rows.pattern_id = b.pattern_id"
        )
    rows = [_astuple(_DECODE(value)) for value in newest.values() if value]
    if rows:
        _insert(cursor, rows)


def _insert(cursor: DuckDBPyConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    columns = list(zip(*rows, strict=True))
    arrays = [
        of.array(values) for of, values in zip(PATTERN.values(), columns[:_WIDTH], strict=True)
    ]
    arrays.append(pa.array(map(start_of, columns[0]), pa.int64()))
    measures, days, sites = columns[_WIDTH:]
    arrays += [
        _lists(measures, NESTED["measures"], _astuple),
        _lists(days, NESTED["days"], tuple),
        _lists(sites, NESTED["sites"], _astuple),
    ]
    selected = ", ".join(
        ["start", *(f'"{name}"' for name in PATTERN)]
        + [f"{name}::{_nested_type(columns)}" for name, columns in NESTED.items()]
    )
    with staged(cursor, pa.Table.from_arrays(arrays, names=[*PATTERN, "start", *NESTED])):
        cursor.execute(f"INSERT INTO pattern_rows SELECT {selected} FROM {STAGED}")


def _lists(
    nested: Sequence[Sequence[Any]], columns: Columns, as_row: Callable[[Any], tuple[Any, ...]]
) -> pa.Array:
    """An Arrow column of lists of structs, built flat: no Python object a nested value."""
    flat = [as_row(one) for one in chain.from_iterable(nested)]
    by_column = zip(*flat, strict=True) if flat else [()] * len(columns)
    fields = [of.array(values) for of, values in zip(columns.values(), by_column, strict=True)]
    offsets = pa.array([0, *accumulate(map(len, nested))], pa.int32())
    structs = pa.StructArray.from_arrays(fields, names=list(columns))
    return pa.ListArray.from_arrays(offsets, structs)
