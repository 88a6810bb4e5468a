"""The types columns have: text, counts, times, money, JSON and bytes."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa

from projections.tables.table import Type
from streams.fixedpoint import nano_usd

_DOLLARS_MAX_NANO = 10**18 - 1
_PLACES = 9
_NULL = b"null"


def _money(amounts: Iterable[str | None]) -> Sequence[Decimal | None]:
    return [None if text is None else _dollars(text) for text in amounts]


def _dollars(text: str) -> Decimal:
    whole, _, part = text.partition(".")
    if len(part) <= _PLACES and whole.isdigit() and (not part or part.isdigit()):
        return Decimal(text)
    # What rounds up to a billion dollars would need a digit more than the column has.
    return Decimal(min(nano_usd(text), _DOLLARS_MAX_NANO)).scaleb(-_PLACES)


def _amount(amounts: Iterable[str | None]) -> Sequence[Decimal | None]:
    return [None if text is None else Decimal(text) for text in amounts]


def _json(documents: Iterable[msgspec.Raw | bytes | None]) -> Sequence[str | None]:
    texts = (b"" if document is None else bytes(document) for document in documents)
    return [None if not text or text == _NULL else text.decode() for text in texts]


TEXT: Final = Type("VARCHAR", pa.string())
TEXTS: Final = Type("VARCHAR[]", pa.list_(pa.string()))
COUNTS: Final = Type("BIGINT[]", pa.list_(pa.int64()))
FLAG: Final = Type("BOOLEAN", pa.bool_())
COUNT: Final = Type("BIGINT", pa.int64())
NUMBER: Final = Type("DOUBLE", pa.float64())
TIME: Final = Type("TIMESTAMPTZ", pa.timestamp("us", tz="UTC"))
"""Microseconds since the Unix epoch on the way in."""
MONEY: Final = Type("DECIMAL(18,9)", pa.decimal128(18, 9), _money)
"""Decimal text on the way in, rounded to a billionth of a dollar, half to even."""
AMOUNT: Final = Type("DECIMAL(38,9)", pa.decimal128(38, 9), _amount)
"""Decimal text on the way in; DuckDB's own cast from text takes ten times as long."""
JSON: Final = Type("JSON", pa.string(), _json)
"""JSON bytes on the way in; none, no bytes and `null` are not known."""
BYTES: Final = Type("BLOB", pa.binary())

Columns = dict[str, Type]
"""Columns by name, in order."""

PLACE: Final[Columns] = {"topic": TEXT, "partition": COUNT, "offset": COUNT}
"""Where a record stands in the log."""


FACT: Final[Columns] = {
    **PLACE,
    "source": TEXT,
    "event_id": TEXT,
    "happened_at": TIME,
    "appended_at": TIME,
}
"""What every row of a statement has: where it stands, who stated it, and when."""


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of an Arrow table as dictionaries."""
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
