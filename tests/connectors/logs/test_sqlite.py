"""What the SQLite log promises beyond the contract: crashes, one writer, many readers."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

from connectors.logs import SqliteLog, sqlite_file
from connectors.logs.lock import LOCK_NAME
from connectors.logs.sqlite_file import FILE_NAME
from schemas.errors import (
    LogHeld,
    LogIncompatible,
    LogUnavailable,
    WrongUse,
)
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS, PATTERNS

RETAINED: Final = AGENT_EVENTS.name
COMPACTED: Final = PATTERNS.name
ROOT: Final = Path(__file__).resolve().parents[3]


def batch(number: int) -> list[Outgoing]:
    """A transaction of ten records, half of them keyed."""
    value = b"%d" % number
    kept = [Outgoing(RETAINED, 0, None, value) for _ in range(5)]
    return kept + [Outgoing(COMPACTED, 0, b"%d" % key, value) for key in range(5)]


def test_what_is_acknowledged_was_written_to_the_disk_before(tmp_path: Path) -> None:
    """Where tests keep their files in memory this is what says so: 2 is FULL."""
    sqlite_file.create(tmp_path, 1)
    with closing(sqlite_file.connect_writer(tmp_path)) as writer:
        assert writer.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert writer.execute("PRAGMA journal_mode").fetchone()[0] == b"wal"


def python(code: str, *arguments: object, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script against our packages in another process."""
    return subprocess.run(
        [sys.executable, "-c", dedent(code), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MOTIF_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


WRITER: Final = f"""
    import sys
    from pathlib import Path
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    from connectors.logs import SqliteLog, sqlite_file
    from test_sqlite import batch

    with SqliteLog.open_or_create(Path(sys.argv[1]), partitions=1) as log:
        for number in range(5):
            log.append(batch(number))
            print("acknowledged", number, flush=True)
"""


@pytest.mark.parametrize("failpoint", ["begin", "before_commit", "after_commit"])
@pytest.mark.parametrize("nth", [1, 3])
def test_a_killed_writer_leaves_what_it_acknowledged_and_nothing_half(
    failpoint: str, nth: int, tmp_path: Path
) -> None:
    killed = python(WRITER, tmp_path, failpoint=f"log.append.{failpoint}:{nth}")
    acknowledged = killed.stdout.count("acknowledged")
    written = acknowledged + (failpoint == "after_commit")

    with SqliteLog.open(tmp_path) as log:
        retained = log.read(RETAINED, 0, 0, 1_000)
        compacted = log.read(COMPACTED, 0, 0, 1_000)
        log.append(batch(9))

    assert killed.returncode == -signal.SIGKILL
    assert acknowledged == nth - 1
    expected = [b"%d" % number for number in range(written) for _ in range(5)]
    assert [record.value for record in retained] == expected
    assert [record.value for record in compacted] == expected[-5:]


def test_a_killed_creation_can_be_begun_again(tmp_path: Path) -> None:
    """The file is a log when its first transaction has been committed, and not before."""
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")

    with pytest.raises(LogUnavailable, match="there is no log"):
        SqliteLog.open(tmp_path)
    with SqliteLog.open_or_create(tmp_path, partitions=2) as log:
        assert log.partitions == 2


def test_a_second_writer_is_refused_by_the_pid_of_the_first(tmp_path: Path) -> None:
    with SqliteLog.create(tmp_path):
        with pytest.raises(LogHeld, match=f"process {os.getpid()};"):
            SqliteLog.open(tmp_path)
        other = python(WRITER, tmp_path)

    assert other.returncode == 1
    assert f"is being written by process {os.getpid()};" in other.stderr
    SqliteLog.open(tmp_path).close()


def test_readers_in_another_process_see_what_was_committed(tmp_path: Path) -> None:
    reader = """
        import sys
        from pathlib import Path
        from connectors.logs import SqliteLog, sqlite_file
        with SqliteLog.open(Path(sys.argv[1]), read_only=True) as log:
            print(len(log.read(sys.argv[2], 0, 0, 1000)), log.end(sys.argv[2], 0))
    """
    seen = []

    def records() -> Iterator[Outgoing]:
        yield from batch(1)
        # In the middle of an append: the open transaction is invisible to everybody.
        seen.append(python(reader, tmp_path, RETAINED).stdout)

    with SqliteLog.create(tmp_path) as log:
        log.append(batch(0))
        log.append(records())
        seen.append(python(reader, tmp_path, RETAINED).stdout)
        seen.append(python(reader, tmp_path, COMPACTED).stdout)

    assert seen == ["5 5\n", "10 10\n", "5 10\n"]


def test_a_read_only_log_follows_its_writer_and_cannot_write(tmp_path: Path) -> None:
    with SqliteLog.create(tmp_path) as writer, SqliteLog.open(tmp_path, read_only=True) as reader:
        writer.append(batch(0))

        assert reader.read(RETAINED, 0, 0, 10) == writer.read(RETAINED, 0, 0, 10)
        with pytest.raises(WrongUse, match="read-only"):
            reader.append(batch(1))
        with pytest.raises(WrongUse, match="read-only"):
            reader.owner("name")


def test_an_append_inside_an_append_is_refused(tmp_path: Path) -> None:
    with SqliteLog.create(tmp_path) as log:
        with pytest.raises(WrongUse, match="itself appends"):
            log.append(record for record in batch(0) if log.append(batch(1)))

        assert log.end(RETAINED, 0) == 0


def test_a_folder_that_holds_a_log_is_not_made_anew(tmp_path: Path) -> None:
    SqliteLog.create(tmp_path).close()

    with pytest.raises(WrongUse, match="already holds a log"):
        SqliteLog.create(tmp_path)


def test_a_folder_without_a_log_is_said_to_have_none(tmp_path: Path) -> None:
    for read_only in (False, True):
        with pytest.raises(LogUnavailable, match="there is no log in"):
            SqliteLog.open(tmp_path / "nothing", read_only=read_only)
    assert not (tmp_path / "nothing").exists()


def test_the_number_of_partitions_is_the_file_s(tmp_path: Path) -> None:
    SqliteLog.create(tmp_path, partitions=12).close()

    with SqliteLog.open_or_create(tmp_path) as log:
        assert log.partitions == 12
    with pytest.raises(LogIncompatible, match=r"has 12 partitions .* not 4; .* copy it"):
        SqliteLog.open_or_create(tmp_path, partitions=4)
    with pytest.raises(WrongUse, match="1 to 1024 partitions"):
        SqliteLog.create(tmp_path / "other", partitions=0)


@pytest.mark.parametrize("read_only", [False, True])
def test_another_format_is_refused_with_what_to_do(read_only: bool, tmp_path: Path) -> None:
    SqliteLog.create(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 3")

    with pytest.raises(LogIncompatible, match=r"has format 3, .* the program that wrote it, or"):
        SqliteLog.open(tmp_path, read_only=read_only)


def test_another_program_s_database_is_not_taken_for_a_log(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("CREATE TABLE theirs (a)")

    with pytest.raises(LogIncompatible, match="is not a log"):
        SqliteLog.open_or_create(tmp_path)


def test_a_disk_that_cannot_be_written_is_named_and_nothing_is_half_written(
    tmp_path: Path,
) -> None:
    with SqliteLog.create(tmp_path) as log:
        log.append(batch(0))
        assert log._writer
        pages = log._writer.execute("PRAGMA page_count").fetchone()[0]
        log._writer.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own full disk
        large = Outgoing(RETAINED, 0, None, bytes(10_000))

        with pytest.raises(LogUnavailable, match=r"is full.*look for a full disk"):
            log.append([large] * 1_000)

        assert log.end(RETAINED, 0) == 5
        log._writer.execute("PRAGMA max_page_count = 1000000")
        assert log.append([large])[0] == 5


def test_an_error_of_the_source_s_database_is_not_taken_for_damage(tmp_path: Path) -> None:
    """Workflow data comes out of SQLite files, too."""

    def records() -> Iterator[Outgoing]:
        yield from batch(0)
        raise sqlite3.DatabaseError("theirs")

    with SqliteLog.create(tmp_path) as log, pytest.raises(sqlite3.DatabaseError, match="theirs"):
        log.append(records())


def test_the_side_file_does_not_grow_without_bound(tmp_path: Path) -> None:
    with SqliteLog.create(tmp_path) as log:
        for _ in range(12):
            log.append([Outgoing(RETAINED, 0, None, bytes(100_000))] * 100)
            log.read(RETAINED, 0, 0, 10)
        size = (tmp_path / f"{FILE_NAME}-wal").stat().st_size

    assert size < 90_000_000 < 12 * 100 * 100_000
    assert not (tmp_path / f"{FILE_NAME}-wal").exists()


def test_a_lock_left_by_a_dead_process_holds_nobody_up(tmp_path: Path) -> None:
    SqliteLog.create(tmp_path).close()
    (tmp_path / LOCK_NAME).write_text("1\n")

    with SqliteLog.open(tmp_path) as log:
        assert log.append(batch(0))[:2] == [0, 1]


@pytest.mark.parametrize(
    ("where", "place"),
    [("", "the log in /x cannot"), ("topic t", "the log in /x, topic t, cannot")],
)
def test_what_sqlite_says_becomes_a_sentence_with_its_place(where: str, place: str) -> None:
    said = sqlite3.OperationalError("database or disk is full")
    said.sqlite_errorcode = sqlite3.SQLITE_FULL

    with (
        pytest.raises(LogUnavailable, match=f"^{place} be used now"),
        sqlite_file.explained(Path("/x"), where),
    ):
        raise said


def test_a_log_that_somebody_reads_does_not_give_way_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits beside it would be taken for changes of the other."""
    monkeypatch.setattr(sqlite_file, "_BUSY_S", 0.1)
    old, new = tmp_path / "old", tmp_path / "new"
    with SqliteLog.open_or_create(new, partitions=1) as log:
        log.append(batch(9))
    with SqliteLog.open_or_create(old, partitions=1) as log:
        log.append(batch(0))
        with closing(sqlite3.connect(old / FILE_NAME, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            log.append(batch(1))
            with pytest.raises(LogUnavailable, match="another process reads the log"):
                sqlite_file.take_place(old, new)
    with SqliteLog.open(old) as log:
        assert [record.value for record in log.read(RETAINED, 0, 0, 10)] == [b"0"] * 5 + [b"1"] * 5
