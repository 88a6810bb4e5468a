"""The file of the records: opened, checked, thrown away when it cannot be trusted.

It belongs to one file of the projection, whose identity it holds: made again for whatever reason,
the projection takes its records with it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from schemas.errors import LogUnavailable, MotifError, ProjectionDamaged

RECORDS: Final = "records.sqlite"
"""The file's name, beside the projection."""

_MEANING: Final = 2
"""Rises when the same record gives another row or another entry though no table changed."""

_DDL: Final = (
    """CREATE TABLE record (
        place INTEGER PRIMARY KEY, appended_us INTEGER NOT NULL, type TEXT NOT NULL,
        source TEXT NOT NULL, subject TEXT NOT NULL, revision INTEGER, "offset" INTEGER NOT NULL,
        happened_us INTEGER, data BLOB)""",
    "CREATE INDEX by_subject ON record (subject)",
    "CREATE INDEX by_time ON record (happened_us, appended_us) WHERE happened_us IS NOT NULL",
    """CREATE VIRTUAL TABLE entry USING fts5 (
        body, terms, content='', columnsize=0, tokenize='unicode61 remove_diacritics 2')""",
    """CREATE TABLE lane (
        topic TEXT, "partition" INTEGER, position INTEGER NOT NULL, restarts INTEGER NOT NULL,
        latest_us INTEGER NOT NULL, PRIMARY KEY (topic, "partition")) WITHOUT ROWID""",
    # What a transaction adds stays in memory until it is whole, and is one piece of the index.
    "INSERT INTO entry (entry, rank) VALUES ('hashsize', 16777216)",
    "CREATE TABLE meta (schema TEXT, projection TEXT)",
)
SCHEMA: Final = blake2b("\n".join((str(_MEANING), *_DDL)).encode(), digest_size=8).hexdigest()

_WAIT_S: Final = 30.0
"""How long to wait for whoever else has the file, such as a helper that leaves."""

_WAL_PAGES: Final = 4_000
_CACHE_KB: Final = 16_384
_OPERATOR: Final = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
}
"""What a new file would not mend; all else means that the file is not what was written."""


def opened(path: Path, projection: str) -> tuple[sqlite3.Connection, str | None]:
    """The file of a projection for writing, and why another had to give way to it, if so.

    Raises:
        LogUnavailable: it can be neither opened nor made.
    """
    reason = None
    if path.exists() or _marked(path).exists():
        found = _trusted(path, projection)
        if isinstance(found, sqlite3.Connection):
            return found, None
        reason = found
    return made(path, projection), reason or None


def made(path: Path, projection: str) -> sqlite3.Connection:
    """A new, empty file in the place of whatever is there."""
    # The mark goes last: killed in between, the next opening starts over.
    for leftover in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"), path):
        leftover.unlink(missing_ok=True)
    try:
        connection = _connected(path)
        connection.execute("BEGIN IMMEDIATE")
        for statement in _DDL:
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES (?, ?)", (SCHEMA, projection))
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise unavailable(path, error) from error
    _marked(path).unlink(missing_ok=True)
    return connection


def reading(path: Path) -> sqlite3.Connection:
    """The file for reading.

    Raises:
        ProjectionDamaged: there is none, or it cannot be read.
    """
    absent = f"the records {path} are not there; the projector makes them anew"
    if not path.is_file() or distrusted(path):
        raise ProjectionDamaged(absent)
    connection = None
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=_WAIT_S
        )
        found = connection.execute("SELECT schema FROM meta").fetchall()
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            # No table is there: it is being made just now.
            raise ProjectionDamaged(absent) from error
        raise explained(path, error) from error
    if found != [(SCHEMA,)]:
        connection.close()
        message = f"the records {path} were made by another version; its projector must end first"
        raise LogUnavailable(message)
    return connection


def distrusted(path: Path) -> bool:
    """Whether somebody found the file damaged; it is made anew when it is next written."""
    return _marked(path).exists()


def explained(path: Path, error: sqlite3.Error) -> MotifError:
    """The error to raise for what SQLite says; what is damaged is marked."""
    if is_for_the_operator(error):
        return unavailable(path, error)
    with suppress(OSError):  # Who may not write there is told all the same.
        _marked(path).write_text(sentence(error), "utf-8")
    return ProjectionDamaged(
        f"the records {path} are damaged and must be made again from the log: {sentence(error)}"
    )


@contextmanager
def stored() -> Iterator[None]:
    """Where what is stored is taken apart: what cannot be is damage, as SQLite would name it."""
    try:
        yield
    except (ValueError, LookupError, ArithmeticError) as error:
        message = f"a record is not what was written: {error}"
        raise sqlite3.DatabaseError(message) from error


def unavailable(path: Path, error: sqlite3.Error) -> LogUnavailable:
    """The error to raise where a new file would meet the same obstacle."""
    return LogUnavailable(f"the records {path}: {sentence(error)}")


def is_for_the_operator(error: sqlite3.Error) -> bool:
    """Whether a new file would meet the same obstacle: no rights, no space, another owner."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return (code & 0xFF) in _OPERATOR


def sentence(error: sqlite3.Error) -> str:
    """What SQLite says, in one line."""
    return str(error).partition("\n")[0][:300]


def _trusted(path: Path, projection: str) -> sqlite3.Connection | str:
    """What is there, or why it cannot be used; "" where the projection itself is another one."""
    if distrusted(path):
        return _marked(path).read_text("utf-8") or "they were found damaged"
    connection = None
    try:
        connection = _connected(path)
        found = connection.execute("SELECT schema, projection FROM meta").fetchall()
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if is_for_the_operator(error):
            raise unavailable(path, error) from error
        return sentence(error)
    if found == [(SCHEMA, projection)]:
        return connection
    connection.close()
    if found and found[0][0] != SCHEMA:
        return "they were made by another version"
    return "" if found else "they are none"


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=_WAIT_S, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    # What is lost with the power is read from the log again: the positions say where to go on.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    return connection


def _marked(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")
