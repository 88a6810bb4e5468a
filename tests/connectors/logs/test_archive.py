"""Records that were archived are read as before, pruned ones are gone, whatever the order."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as some

from connectors.logs import SqliteLog
from connectors.logs.archive import MANIFEST, check
from connectors.logs.archive_file import FOLDER
from connectors.logs.frame import decode
from schemas.errors import LogDamaged
from schemas.log import Outgoing, Pruned, Record
from schemas.topics import AGENT_EVENTS

TOPIC = AGENT_EVENTS.name
DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")


def filled(log: SqliteLog, count: int, first: int = 0) -> None:
    log.append(
        Outgoing(
            TOPIC,
            0,
            None if number % 3 else b"key",
            None if number % 7 == 6 else b"%d" % number,
            (("a", b"1"), ("a", bytes([number % 256]))) * (number % 3),
        )
        for number in range(first, first + count)
    )


def read(log: SqliteLog, at_once: int = 3) -> list[Record]:
    found: list[Record] = []
    offset = 0
    while records := log.read(TOPIC, 0, offset, at_once):
        assert len(records) <= at_once
        found += records
        offset = records[-1].offset + 1
    return found


def archive(log: SqliteLog, records: Iterable[Record]) -> None:
    moved = list(records)
    if moved:
        log.archive(moved, [DAYS[record.offset % 3] for record in moved])


STEP = some.tuples(
    some.sampled_from(["append", "archive", "prune", "prune file", "tidy", "reopen"]),
    some.sets(some.integers(0, 40), max_size=20),
)


@given(steps=some.lists(STEP, max_size=12))
def test_any_order_reads_as_a_list_from_which_some_were_taken(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, set[int]]]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = SqliteLog.create(folder, partitions=1, clock=lambda: 7)
    filled(log, 20)
    expected = {record.offset: record for record in read(log)}
    gone: set[int] = set()
    moved: set[int] = set()
    for what, chosen in steps:
        match what:
            case "append":
                filled(log, len(chosen), log.end(TOPIC, 0))
                new = log.read(TOPIC, 0, log.end(TOPIC, 0) - len(chosen), 100) if chosen else []
                expected |= {record.offset: record for record in new}
            case "archive":
                live = [at for at in sorted(chosen) if at in expected and at not in moved]
                archive(log, [expected[at] for at in live])
                moved |= set(live)
            case "prune":
                offsets = [at for at in sorted(chosen) if at in expected]
                log.prune(TOPIC, 0, offsets)
                gone |= set(offsets)
            case "prune file" if log.files():
                file = log.files()[0]
                gone |= {
                    at
                    for at in set(expected) & moved
                    if DAYS[at % 3] == file.day and file.number in _numbers(log, at)
                }
                log.prune_file(file)
            case "tidy":
                log.tidy()
                assert not check(folder / FOLDER, log.files())
            case "reopen":
                log.close()
                log = SqliteLog.open(folder)
        expected = {at: record for at, record in expected.items() if at not in gone}
        assert read(log) == list(expected.values())
        assert log.pruned(TOPIC, 0).records == len(gone)
        assert log.pruned(TOPIC, 0).below == max(gone, default=-1) + 1
        assert log.start(TOPIC, 0) <= min(expected, default=log.end(TOPIC, 0))
    log.close()


def _numbers(log: SqliteLog, offset: int) -> set[int]:
    """The file into which an offset was moved, found out by pruning nothing."""
    with sqlite3.connect(log._folder / "log.sqlite") as connection:
        (frame,) = connection.execute(
            f'SELECT frame FROM "{TOPIC}/0" WHERE offset = ?', (offset,)
        ).fetchone()
    stub = decode(frame)
    return set() if stub.topic else {stub.partition}


def test_an_engine_reads_the_files_by_their_days(tmp_path: Path) -> None:
    with SqliteLog.create(tmp_path, partitions=1, clock=lambda: 1_700_000_000_000_000) as log:
        filled(log, 300)
        archive(log, log.read(TOPIC, 0, 0, 1_000))
        log.tidy()
        files = log.files()

    rows = duckdb.sql(
        f"SELECT date, count(*) FROM '{tmp_path}/{FOLDER}/*/*/*.parquet' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    value = duckdb.sql(
        f"SELECT decode(value), appended_at::VARCHAR FROM '{tmp_path}/{FOLDER}/*/*/*.parquet' "
        'WHERE "offset" = 17'
    ).fetchall()
    manifest = json.loads((tmp_path / FOLDER / MANIFEST).read_bytes())

    assert [(str(day), count) for day, count in rows] == [(day, 100) for day in DAYS]
    assert value[0][0] == "17"
    assert [one["sha256"] for one in manifest["files"]] == [one.sha256 for one in files]
    assert sum(one["records"] for one in manifest["files"]) == 300


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("log.sqlite*"))


def test_the_file_of_the_log_gets_smaller(tmp_path: Path) -> None:
    with SqliteLog.create(tmp_path, partitions=1) as log:
        log.append(Outgoing(TOPIC, 0, None, b"x" * 1_000) for _ in range(5_000))
        before = size(tmp_path)
        log.archive(log.read(TOPIC, 0, 0, 5_000), ["2026-01-01"] * 5_000)
        log.tidy()
        archived = size(tmp_path)
        log.prune_file(log.files()[0])
        log.tidy()
        pruned = size(tmp_path)

        assert archived < before / 10
        assert pruned < archived
        assert log.pruned(TOPIC, 0) == Pruned(5_000, 5_000)
        assert log.start(TOPIC, 0) == log.end(TOPIC, 0) == 5_000
        assert list((tmp_path / FOLDER).rglob("*.parquet")) == []
        assert log.append([Outgoing(TOPIC, 0, None, b"y")]) == [5_000]
        assert [record.value for record in read(log)] == [b"y"]


@pytest.mark.parametrize("damage", ["missing", "altered", "exchanged", "cut"])
def test_a_damaged_file_is_said_and_never_read_as_something_else(
    tmp_path: Path, damage: str
) -> None:
    with SqliteLog.create(tmp_path, partitions=1) as log:
        filled(log, 60)
        archive(log, log.read(TOPIC, 0, 0, 60))
        log.tidy()
        one, other, _ = (tmp_path / FOLDER / file.path for file in log.files())
        match damage:
            case "missing":
                one.unlink()
            case "altered":
                body = bytearray(one.read_bytes())
                body[len(body) // 3] ^= 1
                one.write_bytes(body)
            case "exchanged":
                one.write_bytes(other.read_bytes())
            case "cut":
                one.write_bytes(one.read_bytes()[:-10])

        assert len(check(tmp_path / FOLDER, log.files())) == 1

    with (
        SqliteLog.open(tmp_path) as log,
        pytest.raises(LogDamaged, match="restore it from a backup"),
    ):
        read(log)


def test_an_older_program_does_not_open_it(tmp_path: Path) -> None:
    """What it would take for records are stubs: the layout has another number."""
    with SqliteLog.create(tmp_path, partitions=1) as log:
        filled(log, 3)
        log.archive(log.read(TOPIC, 0, 0, 1), ["2026-01-01"])
    with sqlite3.connect(tmp_path / "log.sqlite") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
