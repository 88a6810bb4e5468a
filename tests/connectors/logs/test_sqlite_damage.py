"""What the SQLite log does about bytes that are not those that were written."""

import random
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest

from connectors.logs import SqliteLog
from connectors.logs.sqlite_file import FILE_NAME
from schemas.errors import LogDamaged, LogError, LogIncompatible
from schemas.log import Outgoing, Record
from schemas.topics import AGENT_EVENTS, PATTERNS

RETAINED: Final = AGENT_EVENTS.name
COMPACTED: Final = PATTERNS.name


def everything(folder: Path) -> list[list[Record]]:
    """All records, read in pieces from the start and once more from the middle."""
    read: list[list[Record]] = []
    with SqliteLog.open(folder, read_only=True) as log:
        for topic in (RETAINED, COMPACTED):
            for partition in range(log.partitions):
                offset = 0
                while piece := log.read(topic, partition, offset, 100):
                    offset = piece[-1].offset + 1
                    read.append(piece)
                read.append(log.read(topic, partition, log.end(topic, partition) // 2, 10_000))
    return read


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small log with superseded records and values of many sizes."""
    folder = tmp_path_factory.mktemp("healthy")
    sizes = random.Random(1)
    with SqliteLog.create(folder, partitions=2, clock=lambda: 7) as log:
        for number in range(20):
            log.append(
                Outgoing(topic, key % 2, b"%d" % key, b"%d" % number * sizes.randrange(200))
                for key in sizes.sample(range(60), 30)
                for topic in (RETAINED, COMPACTED)
            )
        log.append([Outgoing(RETAINED, 0, None, bytes(60_000))])
    return folder


@pytest.mark.parametrize("seed", range(8))
def test_a_flipped_bit_is_noticed_or_did_not_matter(
    seed: int, healthy: Path, tmp_path: Path
) -> None:
    """Whatever is read is what was appended, wherever in the file the bit stands."""
    original = everything(healthy)
    intact = (healthy / FILE_NAME).read_bytes()
    place = random.Random(seed)
    noticed = 0

    for _ in range(40):
        damaged = bytearray(intact)
        damaged[place.randrange(len(intact))] ^= 1 << place.randrange(8)
        (tmp_path / FILE_NAME).write_bytes(damaged)
        try:
            assert everything(tmp_path) == original
        except (LogDamaged, LogIncompatible) as error:
            noticed += 1
            assert str(error)  # noqa: PT017  # noticing is the exception here, not the rule
        for side in ("-wal", "-shm"):
            (tmp_path / f"{FILE_NAME}{side}").unlink(missing_ok=True)

    assert noticed


@pytest.mark.parametrize("seed", range(4))
def test_a_bit_flipped_before_an_append_loses_nothing_unnoticed(
    seed: int, healthy: Path, tmp_path: Path
) -> None:
    """The append looks its keys up and deletes by what it finds there, in damaged pages, too."""
    more = [Outgoing(COMPACTED, key % 2, b"%d" % key, b"new") for key in range(0, 70, 3)]
    original = latest_of(everything(healthy)) | {record.key: record.value for record in more}
    intact = (healthy / FILE_NAME).read_bytes()
    place = random.Random(seed)

    for _ in range(30):
        damaged = bytearray(intact)
        damaged[place.randrange(len(intact))] ^= 1 << place.randrange(8)
        (tmp_path / FILE_NAME).write_bytes(damaged)
        with suppress(LogDamaged, LogIncompatible):
            with SqliteLog.open(tmp_path) as log:
                log.append(more)
            assert latest_of(everything(tmp_path)) == original
        for side in ("-wal", "-shm"):
            (tmp_path / f"{FILE_NAME}{side}").unlink(missing_ok=True)


def latest_of(pieces: list[list[Record]]) -> dict[bytes | None, bytes | None]:
    """What one who reads a compacted topic in order ends up with."""
    records = [record for piece in pieces for record in piece if record.topic == COMPACTED]
    return {record.key: record.value for record in records}


def test_damage_to_a_record_names_topic_partition_and_offset(healthy: Path, tmp_path: Path) -> None:
    shutil.copy(healthy / FILE_NAME, tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(f'UPDATE "{RETAINED}/1" SET crc = crc + 1 WHERE offset = 17')
        connection.commit()

    with SqliteLog.open(tmp_path) as log:
        with pytest.raises(LogDamaged, match=f"topic {RETAINED}, partition 1, offset 17: its CRC"):
            log.read(RETAINED, 1, 0, 100)
        assert len(log.read(RETAINED, 1, 0, 17)) == 17


@pytest.mark.parametrize("topic", [RETAINED, COMPACTED])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
def test_a_record_that_vanished_is_noticed_wherever_the_read_begins(
    topic: str, share: float, healthy: Path, tmp_path: Path
) -> None:
    """A lost row leaves no wrong CRC behind; only its neighbours and the ledger know of it."""
    shutil.copy(healthy / FILE_NAME, tmp_path)
    offsets = [record.offset for record in _read_all(healthy, topic)]
    lost = offsets[round(share * (len(offsets) - 1))]
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(f'DELETE FROM "{topic}/0" WHERE offset = {lost}')
        connection.commit()

    with SqliteLog.open(tmp_path) as log:
        for offset in (0, lost // 2, lost):
            with pytest.raises(LogDamaged, match=r"missing|another record"):
                log.read(topic, 0, offset, 10_000)


def _read_all(folder: Path, topic: str) -> list[Record]:
    with SqliteLog.open(folder, read_only=True) as log:
        return log.read(topic, 0, 0, 10_000)


def test_a_damaged_ledger_names_the_folder(healthy: Path, tmp_path: Path) -> None:
    shutil.copytree(healthy, tmp_path / "log")
    with closing(sqlite3.connect(tmp_path / "log" / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE ledger SET crc = crc + 1")

    with pytest.raises(LogDamaged, match="put that folder back") as caught:
        SqliteLog.open(tmp_path / "log")

    assert str(tmp_path / "log") in str(caught.value)


def test_a_record_moved_to_another_place_is_noticed(healthy: Path, tmp_path: Path) -> None:
    """Its bytes are right; where it stands is not."""
    for partition, offset in ((0, 4), (1, 5)):
        shutil.copy(healthy / FILE_NAME, tmp_path)
        other = f'SELECT crc, frame FROM "{RETAINED}/{partition}" WHERE offset = {offset}'
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
            connection.execute(
                f'UPDATE "{RETAINED}/0" SET (crc, frame) = ({other}) WHERE offset = 5'
            )
            connection.commit()

        with SqliteLog.open(tmp_path) as log, pytest.raises(LogDamaged, match="offset 5"):
            log.read(RETAINED, 0, 0, 10)


def test_a_key_that_names_another_record_deletes_nothing(healthy: Path, tmp_path: Path) -> None:
    shutil.copy(healthy / FILE_NAME, tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(f'UPDATE "{COMPACTED}/0 keys" SET offset = offset + 1')
        connection.commit()
    before = _read_all(tmp_path, COMPACTED)

    with SqliteLog.open(tmp_path) as log, pytest.raises(LogDamaged, match="not the record its key"):
        log.append([Outgoing(COMPACTED, 0, before[0].key, b"new")])

    assert _read_all(tmp_path, COMPACTED) == before


@pytest.mark.parametrize("share", [0.0, 0.001, 0.4, 0.9])
def test_a_truncated_file_is_noticed(share: float, healthy: Path, tmp_path: Path) -> None:
    intact = (healthy / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(intact[: int(len(intact) * share)])

    with pytest.raises(LogError):
        everything(tmp_path)
