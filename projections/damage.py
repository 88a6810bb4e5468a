"""Telling a damaged projection from a full disk, a held file and a mistaken question.

DuckDB checks every block of its file (256 KiB) and every entry of its write-ahead log against a
checksum when it reads them, and a log that was cut short ends at an earlier commit, rows and
positions together. So damage shows as one of the errors below, at the latest when the damaged part
is read, and never as a wrong row: `tests/projections/test_store.py` tries a hundred ways.
"""

import re
from typing import Final

import duckdb

_CORRUPT: Final = re.compile(
    r"corrupt|could not read enough bytes|not a valid duckdb|failure while replaying wal"
    r"|checksum|unsuccessful or closed pending query result|trying to read a database file"
    r"|serialization|failed to deserialize|cannot read from file|unexpected end",
    re.IGNORECASE,
)
_HELD: Final = re.compile(
    r"could not set lock on file.*?(?:\(PID (\d+)\))", re.IGNORECASE | re.DOTALL
)
_OPERATOR: Final = re.compile(
    r"permission denied|no space left|read-only file system|too many open files"
    r"|could not set lock|disk quota",
    re.IGNORECASE,
)


def holder(error: duckdb.Error) -> str | None:
    """The process that holds the file, where that is what went wrong."""
    found = _HELD.search(str(error))
    return None if found is None else found[1]


def is_damage(error: duckdb.Error) -> bool:
    """Whether the error means that the file is not what was written."""
    if isinstance(error, duckdb.FatalException | duckdb.InternalException):
        return True
    return isinstance(error, _FROM_THE_FILE) and bool(_CORRUPT.search(str(error)))


_FROM_THE_FILE: Final = (
    duckdb.IOException,
    duckdb.SerializationException,
    duckdb.InvalidInputException,
)


def is_for_the_operator(error: duckdb.Error) -> bool:
    """Whether a new file would meet the same obstacle: no rights, no space, another owner."""
    return isinstance(error, duckdb.OutOfMemoryException) or bool(_OPERATOR.search(str(error)))


def sentence(error: duckdb.Error) -> str:
    """The first line of what DuckDB says."""
    return str(error).strip().partition("\n")[0][:300]
