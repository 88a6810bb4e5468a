"""What stands in a log's file where a record was archived or pruned: a stub in its place.

A stub is a frame like any other, under the same CRC, so that a record that vanished is still told
from one that was moved. It names the file of the archive that the record went into and the CRC the
record had, or says that it was pruned. Stubs at the beginning of a stream, where all was pruned,
are dropped: the ledger says where the stream starts.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from zlib import crc32

import msgspec

from connectors.logs.archive_file import File
from connectors.logs.frame import decode, encode, seed_of
from connectors.logs.ledger import Ledger
from schemas.errors import LogDamaged
from schemas.log import Record

FORMAT: Final = 2
"""The layout of a log from which something was archived or pruned; older programs leave it be."""

PRUNED: Final = -1
"""Stands where a stub names its file, when there is none any more."""

_encode_file: Final = msgspec.msgpack.Encoder().encode
_decode_file: Final = msgspec.msgpack.Decoder(File).decode


def is_stub(record: Record) -> bool:
    """Whether this stands in the place of a record."""
    return not record.topic


def file_of(stub: Record) -> int:
    """The number of the file into which a record was moved; `PRUNED` where it is gone."""
    return stub.partition


def crc_of(stub: Record) -> int:
    """The CRC that the record had."""
    return stub.appended_at_us


def is_what_was_moved(stub: Record, found: Record) -> bool:
    """Whether a record from a file is, byte for byte, the one that was moved there."""
    seed = seed_of(found.topic, found.partition)
    return crc32(encode(tuple(found)), seed) == crc_of(stub)


def begin(connection: sqlite3.Connection) -> None:
    """Make a log's file one that may hold stubs."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS archive (number INTEGER PRIMARY KEY, crc INTEGER, body BLOB)"
    )
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def files(connection: sqlite3.Connection) -> list[File]:
    """The files of the archive, by number.

    Raises:
        LogDamaged: what is said of one is not what was written.
    """
    there = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name = 'archive'"
    ).fetchone()[0]
    if not there:
        return []
    found = []
    for number, crc, body in connection.execute("SELECT * FROM archive ORDER BY number"):
        if not isinstance(body, bytes) or crc32(body) != crc:
            message = f"what the log says of file {number} of its archive is not what was written"
            raise LogDamaged(message)
        found.append(_decode_file(body))
    return found


def add_files(connection: sqlite3.Connection, made: Iterable[File]) -> None:
    """Name files of the archive."""
    for one in made:
        body = _encode_file(one)
        connection.execute("INSERT INTO archive VALUES (?, ?, ?)", (one.number, crc32(body), body))


def drop_files(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Name them no more."""
    connection.executemany(
        "DELETE FROM archive WHERE number = ?", ((number,) for number in numbers)
    )


def replace(
    connection: sqlite3.Connection,
    topic: str,
    partition: int,
    stubs: Iterable[tuple[int, int, int]],
) -> None:
    """Put stubs in the place of records: of each its offset, its file and its CRC."""
    seed = seed_of(topic, partition)
    frames = (
        (offset, encode(("", number, offset, None, None, (), crc))) for offset, number, crc in stubs
    )
    connection.executemany(
        f'UPDATE "{topic}/{partition}" SET crc = ?, frame = ? WHERE offset = ?',
        ((crc32(frame, seed), frame, offset) for offset, frame in frames),
    )


def crcs(
    connection: sqlite3.Connection, topic: str, partition: int, offsets: Sequence[int]
) -> dict[int, int]:
    """The CRCs of the rows of these ascending offsets."""
    found = connection.execute(
        f'SELECT offset, crc FROM "{topic}/{partition}" WHERE offset BETWEEN ? AND ?',
        (offsets[0], offsets[-1]),
    )
    wanted = set(offsets)
    return {offset: crc for offset, crc in found if offset in wanted}


def stubs_of(connection: sqlite3.Connection, file: File) -> Iterator[int]:
    """The offsets of the records that were moved into a file."""
    rows = connection.execute(
        f'SELECT frame FROM "{file.topic}/{file.partition}" WHERE offset BETWEEN ? AND ?',
        (file.first, file.last),
    )
    for (frame,) in rows:
        record = decode(frame)
        if is_stub(record) and file_of(record) == file.number:
            yield record.offset


def drop_beginning(
    connection: sqlite3.Connection, ledger: Ledger, topic: str, partition: int
) -> None:
    """Drop the stubs of pruned records with which a stream begins; the last record stays."""
    start, end = ledger.start(topic, partition), ledger.end(topic, partition)
    first = start
    rows = connection.execute(
        f'SELECT offset, frame FROM "{topic}/{partition}" WHERE offset >= ? ORDER BY offset',
        (start,),
    )
    for offset, frame in rows:
        record = decode(frame)
        if not (is_stub(record) and file_of(record) == PRUNED):
            break
        first = offset + 1
    first = min(first, end)
    connection.execute(f'DELETE FROM "{topic}/{partition}" WHERE offset < ?', (first,))
    ledger.begin_at(topic, partition, first)
