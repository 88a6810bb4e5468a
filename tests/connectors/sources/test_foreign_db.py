"""A database of another program is read whole or not at all, and nothing is left beside it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from connectors.contract import Report
from connectors.sources import by_name, foreign_db
from connectors.sources.foreign_db import SourceBusy, reading
from connectors.sources.workflow_db import WorkflowDatabase
from schemas.errors import SourceUnreadable
from tests.connectors.sources import moai_samples
from tests.connectors.sources.workflow_databases import WHOLE, changed, database, run

ROWS = [run(number) for number in range(14)]


def rows(path: Path) -> int:
    with reading(path) as opened:
        return len(opened.execute("SELECT * FROM workflow_history").fetchall())


def beside(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir())


def logged(path: Path) -> Path:
    """A database that keeps a log beside it, with nobody who has it open."""
    changed(database(path, ROWS, WHOLE), "PRAGMA journal_mode = WAL")
    return path


def torn_from_its_program(path: Path, copied: Path) -> Path:
    """A copy of a database and its log, made while another program has the two open."""
    with closing(sqlite3.connect(logged(path))) as live:
        live.execute("PRAGMA wal_autocheckpoint = 0")
        live.execute("UPDATE workflow_history SET nl_input = ?", ["Run all tests " * 900])
        live.commit()
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", f"{copied}{suffix}")
    return copied


@pytest.mark.parametrize("kept", [5_000, -100, -1, 4_096, 1_000])
@pytest.mark.parametrize("form", ["workflow-db", "moai"])
def test_nothing_is_read_of_a_file_that_was_cut(tmp_path: Path, form: str, kept: int) -> None:
    path = tmp_path / "a.db"
    if form == "moai":
        moai_samples.database(path, [moai_samples.row(f"pat-{n}") for n in range(14)])
    else:
        database(path, ROWS, WHOLE)
    path.write_bytes(path.read_bytes()[:kept])
    source, report = by_name(form), Report()

    with pytest.raises(SourceUnreadable, match=r"a\.db cannot be read as a SQLite database: \w+"):
        list(source.read([path], report))
    assert report.lines == 0


def test_how_much_is_missing_is_told(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db", ROWS, WHOLE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])

    with pytest.raises(
        SourceUnreadable, match=f"truncated: {len(whole) - 100:,} of {len(whole):,} bytes are there"
    ):
        rows(path)


def test_what_a_log_holds_is_not_missing(tmp_path: Path) -> None:
    path = torn_from_its_program(tmp_path / "live.db", tmp_path / "copied.db")
    with closing(sqlite3.connect(path.with_name("live.db"))) as live:
        pages = live.execute("PRAGMA page_count").fetchone()[0]

    assert path.stat().st_size < pages * 4_096
    assert rows(path) == 14


def test_a_log_that_lacks_the_pages_does_not_fill_the_gap(tmp_path: Path) -> None:
    """The log holds changed rows of the first page, and the file lacks its last ones."""
    path = database(tmp_path / "a.db", [run(n % 28, adw_id=f"a{n}") for n in range(900)], WHOLE)
    changed(path, "PRAGMA journal_mode = WAL")
    copied = tmp_path / "copied.db"
    with closing(sqlite3.connect(path)) as live:
        live.execute("UPDATE workflow_history SET total_tokens = 1 WHERE id = 1")
        live.commit()
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", f"{copied}{suffix}")
    assert rows(copied) == 900

    copied.write_bytes(copied.read_bytes()[:-100])
    with pytest.raises(SourceUnreadable, match="truncated"):
        rows(copied)


@pytest.mark.parametrize("log", [None, b""])
def test_nothing_is_left_beside_a_database_that_nobody_has_open(
    tmp_path: Path, log: bytes | None
) -> None:
    path = logged(tmp_path / "a.db")
    if log is not None:
        path.with_name("a.db-wal").write_bytes(log)
    before = beside(path)

    assert (rows(path), beside(path)) == (14, before)


def test_nothing_is_left_beside_a_log_that_nobody_has_open(tmp_path: Path) -> None:
    path = torn_from_its_program(tmp_path / "live.db", tmp_path / "copied.db")
    before = beside(path)

    assert (rows(path), beside(path)) == (14, before)


def test_a_database_that_changes_while_it_is_read_as_one_at_rest_is_told(tmp_path: Path) -> None:
    found = WorkflowDatabase().read([logged(tmp_path / "a.db")], Report())
    next(found)
    changed(tmp_path / "a.db", "UPDATE workflow_history SET total_tokens = 1")

    with pytest.raises(SourceBusy, match="changed by another program while it was read"):
        list(found)


def test_a_lock_is_told_apart_from_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_db, "BUSY_S", 0.01)
    path = database(tmp_path / "a.db", ROWS, WHOLE)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")

        with pytest.raises(SourceBusy, match="locked by another program"):
            rows(path)
