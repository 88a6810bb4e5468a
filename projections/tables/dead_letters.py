"""Table `dead_letters`: refused records, one row a letter, and what was decided about each."""

from collections.abc import Sequence
from typing import Final

from duckdb import DuckDBPyConnection

from projections.tables.table import STAGED, Row, Table, staged
from projections.tables.types import BYTES, JSON, PLACE, TEXT, TIME
from schemas.log import Record

DEAD_LETTERS: Final = Table(
    "dead_letters",
    {
        **PLACE,
        "appended_at": TIME,
        "letter_id": TEXT,
        "origin": TEXT,
        "origin_topic": TEXT,
        "reason": TEXT,
        "detail": TEXT,
        "bytes": BYTES,
        "key": BYTES,
        "headers": JSON,
        "refused_at": TIME,
        "decided": TEXT,
        "decided_at": TIME,
    },
)

_DECISIONS: Final = Table("decisions", {"letter_id": TEXT, "decided": TEXT, "decided_at": TIME})


def apply(cursor: DuckDBPyConnection, records: Sequence[Record]) -> None:
    """Add letters not seen before, then note what was decided."""
    letters: dict[str, Row] = {}
    decisions: dict[str, Row] = {}
    for record in records:
        head = dict(record.headers)
        identity = head.get("letter_id", record.key or b"").decode(errors="replace")
        if record.value is None:
            decided = head.get("decision", b"").decode(errors="replace")
            decisions[identity] = (identity, decided, _moment(head, "decided_at", record))
        elif identity not in letters:
            letters[identity] = _letter(record, head, identity)
    if letters:
        _add(cursor, list(letters.values()))
    if decisions:
        _decide(cursor, list(decisions.values()))


def _letter(record: Record, head: dict[str, bytes], identity: str) -> Row:
    def text(name: str) -> str | None:
        stated = head.get(name)
        return None if stated is None else stated.decode(errors="replace")

    return (
        *record[:3],
        record.appended_at_us,
        identity,
        text("origin"),
        text("origin_topic"),
        text("reason"),
        text("detail"),
        record.value,
        head.get("key"),
        head.get("headers", b""),
        _moment(head, "refused_at", None),
        None,
        None,
    )


def _moment(head: dict[str, bytes], name: str, record: Record | None) -> int | None:
    """The moment that a header states, else that of the record."""
    stated = head.get(name, b"")
    if stated.isdigit():
        return int(stated)
    return None if record is None else record.appended_at_us


def _add(cursor: DuckDBPyConnection, rows: Sequence[Row]) -> None:
    with staged(cursor, DEAD_LETTERS.arrow(rows)):
        cursor.execute(
            f"INSERT INTO dead_letters SELECT * FROM {STAGED}"
            " WHERE letter_id NOT IN (SELECT letter_id FROM dead_letters)"
        )


def _decide(cursor: DuckDBPyConnection, rows: Sequence[Row]) -> None:
    with staged(cursor, _DECISIONS.arrow(rows)):
        cursor.execute(
            "UPDATE dead_letters SET decided = b.decided, decided_at = b.decided_at"
            f" FROM {STAGED} b WHERE dead_letters.letter_id = b.letter_id"
        )
