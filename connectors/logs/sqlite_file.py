"""The SQLite log's file: its layout and every statement that touches it.

Each stream (one partition of one topic) is a table of its own, so that every append goes to the
right edge of a B-tree. A row is a record's frame (`frame.py`) and its CRC; the ledger (`ledger.py`)
says where each stream ends. A retained stream is dense, and in a compacted one each row says how
many offsets right before it are gone; the last record of a stream is never superseded. So a row
that vanished is noticed where it is missed, not only one whose bytes changed.

What a compacted stream supersedes is found by a look-up table of its keys. Before a record is
deleted, it is read and checked to be one of that key; so the worst a damaged look-up table can do
is leave a superseded record readable ahead of its successor, where it does no harm to whoever reads
in order.
"""

# the only names put into statements are those of the fixed list of topics

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import repeat
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from connectors.logs import sqlite_stubs
from connectors.logs.batch import Batch
from connectors.logs.durable import sync_folder
from connectors.logs.frame import damaged, decode, seed_of
from connectors.logs.ledger import Ledger
from schemas.errors import LogDamaged, LogIncompatible, LogUnavailable, MotifError, WrongUse
from schemas.log import Record
from schemas.topics import Topic

FILE_NAME: Final = "log.sqlite"
FORMAT: Final = 1
"""The version of the layout; it rises when an older program could misread the file."""

FORMATS: Final = (FORMAT, sqlite_stubs.FORMAT)
"""The layouts that are read."""

_APPLICATION: Final = 0x4D6F7469
"""Stands in the file's header and says that this SQLite file is a log ("Moti")."""

_WRITER_SETTINGS: Final = (
    "PRAGMA synchronous = FULL",  # an append is on the disk before it is acknowledged
    "PRAGMA wal_autocheckpoint = 4000",  # pages, 64 MB: then the side file is folded in
    "PRAGMA journal_size_limit = 67108864",  # the side file shrinks after a huge transaction
    "PRAGMA cache_size = -32000",
    "PRAGMA secure_delete = OFF",  # some builds would write zeros over every superseded record
)
_SETTINGS: Final = ("PRAGMA cell_size_check = ON", "PRAGMA trusted_schema = OFF")
_BUSY_S: Final = 30.0
_STATEMENTS: Final = 1024
"""Prepared statements a connection keeps: a few a stream."""

_KEYS_AT_ONCE: Final = (1, 8, 64, 512)
"""Look-ups are padded to one of these sizes, so that few statements are prepared."""

_OFFSET: Final = Record._fields.index("offset")

_DAMAGE: Final = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_CONSTRAINT,  # an offset or key that is there twice
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_ERROR,  # our statements are right, so a missing table or column is damage
    }
)


@dataclass(frozen=True, slots=True)
class Span:
    """What a read asks of one stream; `end` is the stream's and greater than `offset`."""

    topic: Topic
    partition: int
    offset: int
    limit: int
    end: int

    @property
    def table(self) -> str:
        """The stream's table; topics come from a fixed list, so the name is safe in a statement."""
        return _table(self.topic, self.partition)


def exists(folder: Path) -> bool:
    """Whether the folder holds a log; one whose making was interrupted is none yet.

    Raises:
        LogIncompatible: the file is something else, or in another format.
    """
    if not (folder / FILE_NAME).exists():
        return False
    with explained(folder), closing(connect_reader(folder)) as reader:
        reader.execute("BEGIN")  # One look: somebody may be making it just now.
        application = reader.execute("PRAGMA application_id").fetchone()[0]
        form = reader.execute("PRAGMA user_version").fetchone()[0]
        tables = reader.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not (application or form or tables):
        return False
    if application != _APPLICATION:
        raise LogIncompatible(f"{folder / FILE_NAME} is not a log; name another folder")
    if form not in FORMATS:
        raise LogIncompatible(
            f"the log in {folder} has format {form}, this program reads up to {FORMATS[-1]}; "
            "open it with the program that wrote it, or copy it with that into a new log"
        )
    return True


def create(folder: Path, partitions: int) -> None:
    """Write an empty log; until it is complete, `exists` says there is none."""
    with closing(_connect(folder, "rwc")) as connection:
        connection.execute("PRAGMA page_size = 16384")
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode not in ("wal", b"wal"):
            raise LogUnavailable(f"{folder} cannot hold a log: its disk does not share memory")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE ledger (only INTEGER PRIMARY KEY, crc INTEGER, body BLOB)")
        store(connection, Ledger(partitions))
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")


def connect_writer(folder: Path) -> sqlite3.Connection:
    """The connection of the one writer."""
    connection = _connect(folder, "rw")
    for setting in _WRITER_SETTINGS:
        connection.execute(setting)
    return connection


def connect_reader(folder: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    return _connect(folder, "ro")


def ledger_of(connection: sqlite3.Connection, folder: Path) -> Ledger:
    """The ledger as the connection's transaction sees it."""
    row = connection.execute("SELECT crc, body FROM ledger").fetchone()
    ledger = Ledger.from_row(*row) if row else None
    if ledger is None:
        raise LogDamaged(
            f"the ledger of the log in {folder} is not what was written; "
            "put that folder back from a backup"
        )
    return ledger


def store(connection: sqlite3.Connection, ledger: Ledger) -> None:
    """Put the ledger in the place of the former one."""
    connection.execute("INSERT OR REPLACE INTO ledger VALUES (0, ?, ?)", ledger.to_row())


def read(connection: sqlite3.Connection, span: Span) -> list[Record]:
    """The records of a span, checked one by one and for what is missing between them."""
    read_rows = _read_compacted if span.topic.compacted else _read_retained
    try:
        return read_rows(connection, span)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        # Only bytes of another type than were written get here, past no CRC.
        raise damaged(span.topic.name, span.partition, span.offset, str(error)) from error


def insert(connection: sqlite3.Connection, batch: Batch) -> None:
    """Write a batch into its stream, and delete what it supersedes."""
    table = _table(batch.topic, batch.partition)
    if batch.first == 0:
        _make_stream(connection, batch.topic, table)
    if not batch.topic.compacted:
        connection.executemany(f'INSERT INTO "{table}" VALUES (?, ?, ?)', batch.rows)
        return
    entries = sorted((_digest(key), row[0]) for key, row in batch.latest.items())
    superseded = _superseded(connection, table, batch, [digest for digest, _ in entries])
    before = [batch.first - 1, *(row[0] for row in batch.rows)]
    connection.executemany(
        f'INSERT INTO "{table}" VALUES (?, ?, ?, ?)',
        (
            (row[0], row[0] - last - 1, row[1], row[2])
            for last, row in zip(before, batch.rows, strict=False)
        ),
    )
    connection.executemany(
        f'INSERT INTO "{table} keys" VALUES (?, ?) '
        "ON CONFLICT (key) DO UPDATE SET offset = excluded.offset",
        entries,
    )
    _delete(connection, table, superseded)


def _table(topic: Topic, partition: int) -> str:
    return f"{topic.name}/{partition}"


def _connect(folder: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{(folder / FILE_NAME).absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_S,
        isolation_level=None,
        check_same_thread=False,  # the log sees to it that one thread at a time uses it
        cached_statements=_STATEMENTS,
    )
    # A blob that became text by a flipped bit must still come back as bytes, to be checked.
    connection.text_factory = bytes
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def _make_stream(connection: sqlite3.Connection, topic: Topic, table: str) -> None:
    gone = "gone INTEGER, " if topic.compacted else ""
    connection.execute(
        f'CREATE TABLE IF NOT EXISTS "{table}" '
        f"(offset INTEGER PRIMARY KEY, {gone}crc INTEGER, frame BLOB)"
    )
    if topic.compacted:
        connection.execute(
            f'CREATE TABLE IF NOT EXISTS "{table} keys" '
            "(key BLOB PRIMARY KEY, offset INTEGER) WITHOUT ROWID"
        )


def _read_retained(connection: sqlite3.Connection, span: Span) -> list[Record]:
    wanted = min(span.limit, span.end - span.offset)
    rows = connection.execute(
        f'SELECT crc, frame FROM "{span.table}" WHERE offset >= ? ORDER BY offset LIMIT ?',
        (span.offset, wanted),
    ).fetchall()
    frames = [frame for _, frame in rows]
    offsets = range(span.offset, span.offset + wanted)
    _check_crcs(span, offsets, [crc for crc, _ in rows], frames)
    records = list(map(decode, frames))
    for offset, record in zip(offsets, records, strict=False):
        if record[_OFFSET] != offset:  # by index: this loop is the hot path of every read
            raise damaged(span.topic.name, span.partition, offset, "another record stands there")
    if len(records) != wanted:
        missing = span.offset + len(records)
        raise damaged(span.topic.name, span.partition, missing, "the record is missing")
    return records


def _read_compacted(connection: sqlite3.Connection, span: Span) -> list[Record]:
    rows = connection.execute(
        f'SELECT offset, gone, crc, frame FROM "{span.table}" '
        "WHERE offset >= ? ORDER BY offset LIMIT ?",
        (span.offset, span.limit),
    ).fetchall()
    offsets = [row[0] for row in rows]
    frames = [row[3] for row in rows]
    _check_crcs(span, offsets, [row[2] for row in rows], frames)
    records = list(map(decode, frames))
    # The first row's gap may begin before the read does; every other one follows the row before.
    expected = min(span.offset, offsets[0] - rows[0][1]) if rows else span.offset
    for (offset, gone, _, _), record in zip(rows, records, strict=True):
        if record.offset != offset or offset - gone != expected:
            raise damaged(span.topic.name, span.partition, expected, "a record is missing here")
        expected = offset + 1
    if len(rows) < span.limit and expected != span.end:
        raise damaged(span.topic.name, span.partition, expected, "a record is missing here")
    return records


def _check_crcs(span: Span, offsets: Iterable[int], crcs: list[int], frames: list[bytes]) -> None:
    found = list(map(crc32, frames, repeat(seed_of(span.topic.name, span.partition))))
    if found == crcs:
        return
    for offset, crc, actual in zip(offsets, crcs, found, strict=False):
        if crc != actual:
            raise damaged(span.topic.name, span.partition, offset, "its CRC is wrong")


def _superseded(
    connection: sqlite3.Connection, table: str, batch: Batch, digests: list[bytes]
) -> list[tuple[int, int]]:
    """Offset and preceding gap of the older records of the batch's keys, ascending."""
    seed, latest = batch.seed, batch.latest
    found: dict[int, int] = {}
    for keys in _padded(digests):
        marks = ", ".join("?" * len(keys))
        rows = connection.execute(
            f'SELECT k.offset, r.gone, r.crc, r.frame FROM "{table} keys" AS k '
            f'LEFT JOIN "{table}" AS r ON r.offset = k.offset WHERE k.key IN ({marks})',
            keys,
        )
        for offset, gone, crc, frame in rows:
            # A damaged look-up table may name any record: only what this batch really supersedes
            # may be deleted.
            right = isinstance(frame, bytes) and crc32(frame, seed) == crc
            record = decode(frame) if right else None
            if record is None or record.offset != offset or record.key not in latest:
                what = "it is not the record its key was looked up for"
                raise damaged(batch.topic.name, batch.partition, offset, what)
            found[offset] = gone
    return sorted(found.items())


def _digest(key: bytes) -> bytes:
    """What stands for a key in the look-up table: long keys would make it the larger half."""
    return blake2b(key, digest_size=16).digest()


def _padded(keys: list[bytes]) -> Iterator[list[bytes | None]]:
    """The keys in groups of few different sizes, filled up with nulls, which match nothing."""
    most = _KEYS_AT_ONCE[-1]
    for start in range(0, len(keys), most):
        group: list[bytes | None] = [*keys[start : start + most]]
        size = next(size for size in _KEYS_AT_ONCE if size >= len(group))
        yield group + [None] * (size - len(group))


def _delete(connection: sqlite3.Connection, table: str, superseded: list[tuple[int, int]]) -> None:
    """Delete records; the gap a run of them leaves is handed to the next record that stays."""
    widen = (
        f'UPDATE "{table}" SET gone = gone + ? '
        f'WHERE offset = (SELECT min(offset) FROM "{table}" WHERE offset > ?)'
    )
    last, carried = -1, 0
    for offset, gone in superseded:
        if carried and offset - gone - 1 != last:
            connection.execute(widen, (carried, last))
            carried = 0
        last, carried = offset, carried + gone + 1
    if carried:
        connection.execute(widen, (carried, last))
    connection.executemany(
        f'DELETE FROM "{table}" WHERE offset = ?', ((offset,) for offset, _ in superseded)
    )


@contextmanager
def explained(folder: Path, where: str = "") -> Iterator[None]:
    """Turn what SQLite says into our errors, each with what to do about it."""
    try:
        yield
    except sqlite3.Error as error:
        raise _sentence(error, folder, where) from error
    except UnicodeDecodeError as error:
        # SQLite quotes the damaged schema in its message, and that is no text any more.
        raise LogDamaged(
            f"the log in {folder} is damaged; put its folder back from a backup"
        ) from error


def _sentence(error: sqlite3.Error, folder: Path, where: str) -> MotifError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    place = f"the log in {folder}" + (f", {where}," if where else "")
    if code in _DAMAGE:
        return LogDamaged(f"{place} is damaged ({error}); put its folder back from a backup")
    if code == sqlite3.SQLITE_TOOBIG:
        return WrongUse(f"{place}: a record is greater than SQLite can hold ({error})")
    return LogUnavailable(
        f"{place} cannot be used now ({error}); look for a full disk, missing rights "
        "or another program that has the file open, then try again"
    )


def take_place(folder: Path, beside: Path) -> None:
    """Put the log of one folder in the place of another's, in one step that may be interrupted.

    Nobody has either open, and whoever writes the first is kept out meanwhile.

    Raises:
        LogUnavailable: somebody reads one of them just now.
    """
    for place in (beside, folder):
        # What waits beside the file would be taken for changes of the new one.
        with explained(place), closing(_connect(place, "rw")) as connection:
            [busy, *_] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise LogUnavailable(f"another process reads the log in {place}; try again later")
    (beside / FILE_NAME).replace(folder / FILE_NAME)
    sync_folder(folder)
