"""MoAI-Flow's database, `patterns.db`: SQLite, read only, with what its log beside it holds.

A row replaces the one with its id when it is saved again, and says when that was (`created_at`);
that is the revision of its statement. Its time is whole seconds since the Unix epoch.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from connectors.contract import Item, Report
from connectors.sources.foreign_db import MAGIC, reading
from connectors.sources.lines import NOT_JSON
from connectors.sources.moai_records import Reader
from schemas.errors import Refused, SourceUnreadable
from schemas.times import FIRST_US, LAST_US

TABLE: Final = "patterns"
PART_MAX: Final = 1 << 20
"""Bytes of the data or the context of a row; no event holds more."""

_NEEDED: Final = ("pattern_id", "pattern_type", "timestamp", "data")
_OPTIONAL: Final = ("context", "version", "created_at")
_TEXTS: Final = ("pattern_id", "pattern_type", "data", "context", "version")
_SECONDS = range(FIRST_US // 1_000_000, LAST_US // 1_000_000 + 1)


def is_database(path: Path) -> bool:
    """Whether a file begins as a SQLite database does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read(path: Path, reader: Reader, report: Report) -> Iterator[Item]:
    """Every record of a database.

    Raises:
        SourceUnreadable: it is no such database, damaged, or locked.
    """
    for row in _rows(path):
        report.lines += 1
        try:
            yield _stated(row, reader, report)
        except Refused as refused:
            yield report.refused(_bytes_of(row), refused.reason, refused.detail)


def _stated(row: dict[str, Any], reader: Reader, report: Report) -> Item:
    seconds = row["timestamp"]
    if seconds is not None and (not isinstance(seconds, int) or seconds not in _SECONDS):
        shown = f"timestamp is {seconds!r:.64}; it must be whole seconds since 1970"
        raise Refused("invalid_payload", shown)
    saved = row.get("created_at")
    record = {
        "pattern_id": row["pattern_id"],
        "pattern_type": row["pattern_type"],
        "data": _json("data", row["data"]),
        "context": _json("context", row.get("context")),
        "version": row.get("version"),
    }
    saved_us = None
    if isinstance(saved, int) and saved >= 0 and saved in _SECONDS:
        saved_us = saved * 1_000_000
    return reader.stated(record, report, seconds=seconds, saved_us=saved_us)


def _json(name: str, text: object) -> Any:
    if text is None:
        return None
    if not isinstance(text, str):
        raise Refused("invalid_payload", f"{name} is {text!r:.64}; it must be JSON as text")
    try:
        return msgspec.json.decode(text)
    except NOT_JSON as error:
        raise Refused("not_json", f"{name} is no JSON: {error}"[:300]) from error


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with reading(path) as database:
        columns = _columns(database, path)
        # What is too long is cut off, and then no JSON: nothing is read without a bound.
        parts = [f"substr({name}, 1, {PART_MAX})" if name in _TEXTS else name for name in columns]
        # The names of columns are our own.
        for values in database.execute(f"SELECT {', '.join(parts)} FROM {TABLE}"):  # noqa: S608
            yield dict(zip(columns, values, strict=True))


def _columns(database: sqlite3.Connection, path: Path) -> list[str]:
    """The columns that are there, of those that are read."""
    there = {row[1].lower() for row in database.execute(f"PRAGMA table_info({TABLE})")}
    missing = [name for name in _NEEDED if name not in there]
    if not missing:
        return [name for name in (*_NEEDED, *_OPTIONAL) if name in there]
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master LIMIT 20")]
    shown = ", ".join(sorted(map(str, tables))) or "none"
    what = f"no column {', '.join(missing)} in table {TABLE}" if there else f"no table {TABLE}"
    message = f"{path} has {what}: it is a database of another program ({shown})"
    raise SourceUnreadable(message)


def _bytes_of(row: dict[str, Any]) -> bytes:
    """A row that was refused, as JSON."""
    return msgspec.json.encode(row)


SCHEMA: Final = """
CREATE TABLE patterns (
    pattern_id TEXT PRIMARY KEY,
    pattern_type TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    data TEXT NOT NULL,
    context TEXT,
    version TEXT DEFAULT '1.0',
    created_at INTEGER DEFAULT (strftime('%s', 'now'))
);
CREATE INDEX idx_type_timestamp ON patterns(pattern_type, timestamp);
"""
"""The tables of a database as that program makes them."""


def write(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Make a database of rows with an id, a type, seconds, data, context and a version.

    A row is taken to have been saved when it happened, so that equal rows make equal databases.

    Raises:
        OSError: it cannot be written.
    """
    with closing(sqlite3.connect(path)) as made:
        made.executescript(SCHEMA)
        made.executemany(
            "INSERT OR REPLACE INTO patterns VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?3)", rows
        )
        made.commit()
