"""MoAI-Flow's database is read as it is, with its log beside it, and never written."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Item, Report, Unnumbered, Unreadable
from connectors.sources import foreign_db
from connectors.sources.moai import Moai
from schemas.errors import SourceUnreadable
from tests.connectors.sources.moai_samples import TASK, database, row


def items(path: Path) -> tuple[list[Item], Report]:
    """All that is read, and what the reading met."""
    source, report = Moai(), Report()
    return list(source.read(source.files(path), report)), report


def test_the_rows_of_a_database_are_revisions_at_the_time_of_their_saving(tmp_path: Path) -> None:
    path = database(tmp_path / "patterns.db", [row(), row("pat-2", context=None)])
    database(path, [row(data=json.dumps({**TASK, "duration_ms": 5_000}), created_at=1_764_500_000)])
    before = path.read_bytes()

    found, report = items(tmp_path)

    by_subject = {one.event.subject: one.event for one in found if isinstance(one, Unnumbered)}
    assert set(by_subject) == {
        f"task_completion/2025-11-29T10:00:00/pat-{number}" for number in (1, 2)
    }
    first = by_subject["task_completion/2025-11-29T10:00:00/pat-1"]
    assert (first.revision, first.time_us) == (1_764_500_000_000_000, 1_764_410_400_000_000)
    assert first.data.model_dump()["duration_us"] == 5_000_000
    assert first.extensions == {}, "it may have been moved here long after it happened"
    assert (report.files, report.lines, report.assumed_times) == (1, 2, 0)
    assert path.read_bytes() == before


def test_a_row_that_does_not_say_when_it_was_saved_is_numbered_by_the_log(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", [row(created_at=None), row("b", created_at=-5)])

    found = [one.event.revision for one in items(path)[0] if isinstance(one, Unnumbered)]
    assert found == [None, None]


def test_what_a_copied_database_still_has_in_its_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "live" / "patterns.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("SELECT * FROM sqlite_master").fetchall()  # so that it stays open
        database(path, [row()])
        copied = shutil.copytree(path.parent, tmp_path / "copied")

    assert (copied / "patterns.db-wal").exists()
    assert len(items(copied)[0]) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": "{"}, "data is no JSON"),
        ({"data": b"\x00"}, "data.task_type is None"),
        ({"context": "nonsense"}, "context is no JSON"),
        ({"timestamp": "soon"}, "timestamp is 'soon'"),
        ({"timestamp": 10**18}, "timestamp is 1000000000000000000"),
        ({"pattern_type": "x"}, "pattern_type is 'x'"),
        ({"data": json.dumps({"a": "x" * 2_000_000})}, "data is no JSON"),
    ],
)
def test_a_row_that_is_no_record_is_handed_back_and_the_others_are_read(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    if changed.get("data") == b"\x00":
        changed = {"data": "{}"}
    path = database(tmp_path / "patterns.db", [row(**changed), row("pat-2")])

    found, _ = items(path)

    [bad] = [one for one in found if isinstance(one, Unreadable)]
    assert words in bad.detail
    assert json.loads(bad.value)["pattern_id"] == "pat-1"
    assert len(found) == 2


def test_the_database_of_another_program_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE bookmarks (url)")

    with pytest.raises(SourceUnreadable, match=r"no table patterns.*another program \(bookmarks\)"):
        items(path)


def test_a_table_of_the_same_name_with_other_columns_is_told_too(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE patterns (pattern_id, regex)")

    with pytest.raises(SourceUnreadable, match="no column pattern_type, timestamp, data"):
        items(path)


def test_a_damaged_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    whole = database(tmp_path / "whole", [row(f"pat-{number}") for number in range(500)])
    raw = bytearray(whole.read_bytes())
    raw[4_096 * 3 : 4_096 * 40] = b"\xff" * (4_096 * 37)
    for name, content in (("a.db", bytes(raw)), ("b.db", b"nothing of the kind"), ("c.db", b"")):
        (tmp_path / name).write_bytes(content)

        with pytest.raises(SourceUnreadable, match=rf"{name}.*(cannot be read|no table)"):
            items(tmp_path / name)


def test_a_locked_database_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_db, "BUSY_S", 0.01)
    path = database(tmp_path / "patterns.db", [row()])
    with closing(sqlite3.connect(path)) as busy:
        busy.execute("BEGIN EXCLUSIVE")

        with pytest.raises(SourceUnreadable, match="is locked by another program"):
            items(path)


def test_a_database_by_any_name_is_known_by_how_it_begins(tmp_path: Path) -> None:
    assert len(items(database(tmp_path / "export", [row()]))[0]) == 1
