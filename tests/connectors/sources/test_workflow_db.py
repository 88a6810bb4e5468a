"""A database of runs is read whichever columns it has, and nothing in it is written."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import LABEL, Options, Report, Unnumbered, Unreadable
from connectors.sources import foreign_db
from connectors.sources.workflow_db import WorkflowDatabase
from schemas.envelope import Event, time_us
from schemas.errors import SourceUnreadable, WrongUse
from schemas.workflows import WorkflowRunFinished
from tests.connectors.sources.workflow_databases import WHOLE, changed, database, insert, run


def read(path: Path, options: Options | None = None) -> tuple[list[Event], Report]:
    """The runs of a database, and what the reading met."""
    source = WorkflowDatabase() if options is None else WorkflowDatabase().configured(options)
    report = Report()
    found = list(source.read([path], report))
    assert not any(isinstance(one, Unreadable) for one in found)
    return [one.event if isinstance(one, Unnumbered) else one for one in found], report  # type: ignore[misc]  # checked above


def stated(events: Sequence[Event]) -> list[WorkflowRunFinished]:
    runs = [event.data for event in events]
    assert all(isinstance(one, WorkflowRunFinished) for one in runs)
    return runs  # type: ignore[return-value]  # checked above


def test_the_six_columns_of_the_first_program(tmp_path: Path) -> None:
    """There is neither a status nor an end: every row has ended, at no known time."""
    row = {
        "workflow_id": "wf-1",
        "error_count": 0,
        "duration_seconds": 120,
        "retry_count": 1,
        "total_tokens": 5000,
        "actual_cost_total": 0.5,
    }
    (event,), _ = read(database(tmp_path / "w.db", [row]))
    (known,) = stated([event])

    assert (event.id, event.time_us, known.run_id) == ("wf-1", None, "wf-1")
    assert (known.error_count, known.retry_count, known.total_tokens) == (0, 1, 5000)
    assert (known.duration_us, known.cost_usd) == (120_000_000, Decimal("0.5"))
    assert (known.outcome, known.input_text) == (None, None)


def test_the_columns_of_the_real_program(tmp_path: Path) -> None:
    path = database(tmp_path / "w.db", [run(0), run(1, actual_cost_total=None)], WHOLE)
    events, report = read(path)
    first, second = stated(events)

    assert [event.id for event in events] == ["adw-0", "adw-1"]
    assert events[0].time_us == time_us("2025-11-01T10:02:00Z")
    assert (first.input_text, first.model) == ("Run backend tests with pytest", "opus")
    assert (first.status, first.outcome, first.error_count) == ("completed", "success", 0)
    assert (first.cost_usd, first.cost_provenance) == (Decimal("0.5"), "reported")
    assert (second.cost_usd, second.cost_provenance) == (Decimal("0.4"), "estimated")
    assert first.duration_us == 120_500_000
    assert report.assumed_times == 2
    assert "78167" not in repr(events)


@pytest.mark.parametrize(
    ("zone", "text", "utc"),
    [
        ("UTC", "2025-07-01T10:00:00", "2025-07-01T10:00:00Z"),
        ("Europe/Rome", "2025-07-01 10:00:00", "2025-07-01T08:00:00Z"),
        ("Europe/Rome", "2025-07-01T10:00:00+00:00", "2025-07-01T10:00:00Z"),
        ("Europe/Rome", "2025-07-01", "2025-07-01T00:00:00Z"),
        ("UTC", 1_751_364_000, "2025-07-01T10:00:00Z"),
        ("UTC", "2025-07-01T10:00:00.123456Z", "2025-07-01T10:00:00.123456Z"),
    ],
)
def test_times_are_what_they_say(tmp_path: Path, zone: str, text: Any, utc: str) -> None:
    path = database(tmp_path / "w.db", [run(0, end_time=text)], WHOLE | {"end_time": ""})
    (event,), _ = read(path, Options(timezone=zone))

    assert event.time_us == time_us(utc)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("completed", "success"),
        ("FAILED", "failure"),
        ("done", "success"),
        ("Complete", "success"),
        ("finished", "success"),
        ("passed", "success"),
        ("errored", "failure"),
        ("cancelled", None),
        ("running", "left"),
        ("pending", "left"),
    ],
)
def test_only_what_has_ended_is_read(tmp_path: Path, status: str, outcome: str | None) -> None:
    row = run(0, status=status, start_time=None, end_time=None)
    events, report = read(database(tmp_path / "w.db", [row], WHOLE))

    assert report.unfinished_runs == (outcome == "left")
    assert [one.outcome for one in stated(events)] == ([] if outcome == "left" else [outcome])


def test_a_run_without_status_has_ended_when_it_says_when(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"workflow_id": "a", "end_time": "2025-07-01"},
        {"workflow_id": "b", "end_time": None},
    ]
    events, report = read(database(tmp_path / "w.db", rows))

    assert ([event.id for event in events], report.unfinished_runs) == (["a"], 1)


@pytest.mark.parametrize(
    ("status", "ended", "counts"),
    [
        ("merged", "2025-07-01", True),
        (3, "2025-07-01", True),
        ("merged", None, False),
        ("", "2025-07-01", True),
        (None, "", False),
        (None, " ", False),
        ("In_Progress", "2025-07-01", False),
    ],
)
def test_a_status_that_is_none_that_is_known_leaves_it_to_the_end(
    tmp_path: Path, status: Any, ended: str | None, counts: bool
) -> None:
    row = {"workflow_id": "a", "status": status, "end_time": ended}
    events, report = read(database(tmp_path / "w.db", [row]))

    assert (len(events), report.unfinished_runs) == (counts, not counts)


def test_it_ended_as_long_after_its_beginning_as_it_took(tmp_path: Path) -> None:
    (event,), _ = read(database(tmp_path / "w.db", [run(0, end_time=None)], WHOLE))

    assert event.time_us == time_us("2025-11-01T10:02:00.5Z")


def test_an_error_text_is_one_error_where_none_are_counted(tmp_path: Path) -> None:
    failed = run(0, status="failed", error_message="pytest failed")
    path = database(tmp_path / "w.db", [failed], WHOLE)

    assert [one.error_count for one in stated(read(path)[0])] == [1]


def test_rows_with_a_number_only_need_a_label(tmp_path: Path) -> None:
    path = database(tmp_path / "w.db", [{"id": 7, "status": "completed"}])

    with pytest.raises(WrongUse, match=r"named by a number only.*--label NAME"):
        read(path)
    (event,), report = read(path, Options(label="farm"))
    assert (event.id, event.extensions[LABEL], report.present) == ("farm/7", "farm", {"farm/7"})


@pytest.mark.parametrize("columns", [{"id": ""}, {"id": "", "workflow_id": ""}])
def test_a_label_names_one_database(tmp_path: Path, columns: dict[str, str]) -> None:
    """The seventh run of one is not the seventh of the other."""
    for name in ("a.db", "b.db"):
        database(tmp_path / name, [{"id": 7, "status": "completed"}], columns | {"status": ""})
    source, report = WorkflowDatabase().configured(Options(label="farm")), Report()

    with pytest.raises(WrongUse, match=r"a\.db and .*b\.db are named by a number only"):
        list(source.read(source.files(tmp_path), report))
    assert report.events.total() == 0


def test_a_label_for_several_databases_does_where_one_at_most_needs_it(tmp_path: Path) -> None:
    database(tmp_path / "a.db", [{"id": 7, "status": "completed"}])
    database(tmp_path / "b.db", [{"id": 7, "adw_id": "x", "status": "completed"}])
    source, report = WorkflowDatabase().configured(Options(label="farm")), Report()

    list(source.read(source.files(tmp_path), report))

    assert report.present == {"farm/7", "x"}


def test_the_number_0_is_a_name(tmp_path: Path) -> None:
    path = database(tmp_path / "w.db", [{"id": 0, "status": "completed"}])

    (event,), _ = read(path, Options(label="farm"))

    assert event.id == "farm/0"


def test_a_file_may_be_called_what_is_no_text(tmp_path: Path) -> None:
    path = database(tmp_path / "plain.db", [run(0)], WHOLE)
    odd = path.rename(tmp_path / os.fsdecode(b"n\xff.db"))

    assert len(read(odd)[0]) == 1


def test_a_mirror_needs_a_label() -> None:
    with pytest.raises(WrongUse, match="--mirror needs --label"):
        WorkflowDatabase().configured(Options(mirror=True))


def test_a_zone_that_is_none_is_named() -> None:
    with pytest.raises(WrongUse, match="no time zone 'Mars/Olympus'"):
        WorkflowDatabase().configured(Options(timezone="Mars/Olympus"))


def test_a_row_that_says_when_it_was_updated_states_its_revision(tmp_path: Path) -> None:
    row = run(0) | {"updated_at": "2025-11-02T00:00:00Z"}
    path = database(tmp_path / "w.db", [row], WHOLE | {"updated_at": "TEXT"})
    (event,), _ = read(path)

    assert event.revision == time_us("2025-11-02T00:00:00Z")
    assert event.id == f"adw-0@{event.revision}"
    assert event.extensions["amendedtime"] == "2025-11-02T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("column", "odd"),
    [
        ("total_tokens", -5),
        ("total_tokens", "many"),
        ("total_tokens", 2**63 - 0.5),
        ("duration_seconds", float("inf")),
        ("actual_cost_total", -1),
        ("retry_count", 1.5),
        ("end_time", "yesterday"),
    ],
)
def test_what_makes_no_sense_is_not_known_and_is_counted(
    tmp_path: Path, column: str, odd: Any
) -> None:
    rows = [run(0, estimated_cost_total=None, **{column: odd}), run(1)]
    events, report = read(database(tmp_path / "w.db", rows, dict.fromkeys(WHOLE, "")))

    known, _ = stated(events)
    names = {"duration_seconds": "duration_us", "actual_cost_total": "cost_usd"}
    assert getattr(known, names.get(column, column), None) is None
    assert (report.broken, len(events)) == (1, 2)
    [fault] = report.faults
    assert fault.reason.startswith(f"has a row of adw-0 in which {column} is ")


@pytest.mark.parametrize("tokens", [5000, 5000.0, "5000", " 5000.0 ", "5e3"])
def test_a_number_is_one_however_it_is_stored(tmp_path: Path, tokens: Any) -> None:
    rows = [run(0, total_tokens=tokens, duration_seconds="1.5", actual_cost_total="0.25")]
    events, report = read(database(tmp_path / "w.db", rows, dict.fromkeys(WHOLE, "")))

    (known,) = stated(events)
    assert (known.total_tokens, known.duration_us) == (5000, 1_500_000)
    assert (known.cost_usd, report.broken) == (Decimal("0.25"), 0)


@pytest.mark.parametrize("empty", [None, "", " "])
def test_what_is_not_said_is_not_odd(tmp_path: Path, empty: Any) -> None:
    rows = [run(0, total_tokens=empty, start_time=empty)]
    events, report = read(database(tmp_path / "w.db", rows, dict.fromkeys(WHOLE, "")))

    assert ([one.total_tokens for one in stated(events)], report.broken) == ([None], 0)


def test_a_time_outside_all_years_is_handed_back(tmp_path: Path) -> None:
    beyond = "9999-12-31T23:59:59-10:00"
    rows = [run(0, end_time=beyond), run(1) | {"updated_at": beyond}, run(2)]
    path = database(tmp_path / "w.db", [], WHOLE | {"updated_at": "TEXT"})
    with closing(sqlite3.connect(path)) as made, made:
        insert(made, rows)
    found = list(WorkflowDatabase().read([path], Report()))

    letters = [one for one in found if isinstance(one, Unreadable)]
    assert [one.reason for one in letters] == ["bad_time", "bad_time"]
    assert all("outside the years" in one.detail or "no year" in one.detail for one in letters)


def test_a_row_that_nothing_names_is_handed_back(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"workflow_id": None, "total_tokens": 5},
        {"workflow_id": "", "total_tokens": 6},
    ]
    report = Report()
    found = list(WorkflowDatabase().read([database(tmp_path / "w.db", rows)], report))

    assert [one.reason for one in found if isinstance(one, Unreadable)] == ["invalid_payload"] * 2
    assert report.unreadable == 2


def test_a_database_of_another_program_is_said_to_be_one(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE songs (title TEXT)")

    with pytest.raises(SourceUnreadable, match=r"other.db has no table workflow_history.*songs"):
        read(tmp_path / "other.db")


def test_of_several_databases_as_many_are_read_as_can_be(tmp_path: Path) -> None:
    for name in ("a.db", "z.db"):
        database(tmp_path / name, [run(ord(name[0]) % 20)], WHOLE)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    for options in (Options(), Options(label="farm")):
        source, report = WorkflowDatabase().configured(options), Report()

        found = list(source.read(source.files(tmp_path), report))

        assert (len(found), report.files, report.unreadable_files) == (2, 3, 1)
        [fault] = report.faults
        assert str(fault).startswith(f"{tmp_path}/other.db has no table workflow_history: ")


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough" * 99])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.db").write_bytes(content)

    with pytest.raises(SourceUnreadable, match=r"w\.db"):
        read(tmp_path / "w.db")


def test_a_torn_database_says_so(tmp_path: Path) -> None:
    path = database(tmp_path / "w.db", [run(n % 28, adw_id=f"a{n}") for n in range(900)], WHOLE)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(SourceUnreadable, match=r"w.db cannot be read as a SQLite database"):
        read(path)


def test_a_locked_database_is_waited_for_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_db, "BUSY_S", 0.05)
    path = database(tmp_path / "w.db", [run(0)], WHOLE)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")

        with pytest.raises(SourceUnreadable, match="locked by another program"):
            read(path)


def test_a_database_that_is_written_meanwhile_is_read(tmp_path: Path) -> None:
    path = database(tmp_path / "w.db", [run(0)], WHOLE)
    changed(path, "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE workflow_history SET total_tokens = 1")

        assert [one.total_tokens for one in stated(read(path)[0])] == [5000]


def test_nothing_is_written(tmp_path: Path) -> None:
    path = database(tmp_path / "w.db", [run(0)], WHOLE)
    path.chmod(0o444)
    before, beside = path.read_bytes(), sorted(tmp_path.iterdir())

    read(path)

    assert (path.read_bytes(), sorted(tmp_path.iterdir())) == (before, beside)
