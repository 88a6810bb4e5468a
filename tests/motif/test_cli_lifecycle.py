"""`motif archive` and `motif prune`: what they say, and what they refuse."""

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

import motif
from connectors.generate_runs import workflow_runs
from schemas.clock import DAY_US, now_us
from schemas.events import TaskCompleted
from schemas.times import time_us
from schemas.topics import AGENT_EVENTS
from tests.motif.conftest import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a task of each of the last hundred days, and one without a time."""
    today = now_us()
    with motif.open(tmp_path / "node") as node:
        done = TaskCompleted(agent="a", task_type="x", success=True)
        node.publish(
            motif.Event("test", f"{day}", done, today - day * DAY_US) for day in range(100)
        )
        node.publish(motif.Event("test", "undated", done))
    return tmp_path / "node"


def test_archiving_says_what_went_where(run: Run, folder: Path) -> None:
    would = run("archive", "--older-than", "30d", "--dry-run", "--data", folder)
    did = run("archive", "--older-than", "30d", "--data", folder)
    again = run("archive", "--older-than", "30d", "--data", folder)
    status = run("status", "--data", folder)
    shown = run("show", "task:a:x", "--json", "--data", folder)

    assert would.code == did.code == again.code == 0
    assert would.out.startswith("70 events of 20")
    assert "would be archived; nothing was." in would.out
    assert did.out.startswith("Archived 70 events of 20")
    assert "into 70 files; the log has " in did.out
    assert again.out.startswith("Nothing in the log happened before 20")
    assert "archive" in status.out
    assert '"occurrences": 101,' in shown.out


def test_pruning_says_what_is_gone_and_what_that_means(run: Run, folder: Path) -> None:
    run("archive", "--older-than", "30d", "--data", folder)
    would = run("prune", "--older-than", "12w", "--dry-run", "--json", "--data", folder)
    did = run("prune", "--older-than", "12w", "--data", folder)
    status = run("status", "--data", folder)
    verified = run("verify", "--data", folder)
    shown = run("show", "task:a:x", "--json", "--data", folder)
    rows = run(
        "sql", "SELECT count(*) AS n FROM task_completed", "--format", "csv", "--data", folder
    )

    assert json.loads(would.out)["records"] == {AGENT_EVENTS.name: 15}
    assert did.out.startswith("Deleted 15 events of 20")
    assert "what these events taught is kept, but cannot be learned again" in did.err
    assert "15 records" in status.out
    assert verified.code == 0
    assert '"occurrences": 101,' in shown.out
    assert rows.out.split() == ["n", "86"]


def test_a_prune_says_before_when_and_what_of_that_day_stays(run: Run, tmp_path: Path) -> None:
    """How old they are is counted from now, and files of the archive are of whole days."""
    folder = tmp_path / "node"
    done = TaskCompleted(agent="a", task_type="x", success=True)
    now = now_us()
    with motif.open(folder) as node:
        node.publish(
            motif.Event("test", f"{hour}", done, now - hour * DAY_US // 24) for hour in range(96)
        )
    cut = now_us() - 2 * DAY_US
    would = run("prune", "--older-than", "2d", "--dry-run", "--data", folder)
    run("archive", "--older-than", "2d", "--data", folder)
    as_json = run("prune", "--older-than", "2d", "--dry-run", "--json", "--data", folder)
    did = run("prune", "--older-than", "2d", "--data", folder)
    again = run("prune", "--older-than", "2d", "--data", folder)

    found = json.loads(as_json.out)
    gone, stay = sum(found["records"].values()), found["waiting"]
    assert gone + stay == 48
    assert time_us(found["cutoff"]) >= cut
    assert re.search(r"all before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC would be", would.out)
    assert did.out.startswith(f"Deleted {gone} events of 20")
    said = f"{stay} archived event{'s' * (stay != 1)} of {found['before']} "
    assert f"{said}stay" in did.err
    assert again.out == "Deleted 0 events.\n"


def test_a_prune_after_which_more_is_taken_says_why(run: Run, tmp_path: Path) -> None:
    """An archive is compressed, and what was learned of its events is not."""
    folder = tmp_path / "node"
    with motif.open(folder, partitions=1) as node:
        node.publish(replace(run, time_us=DAY_US) for run in workflow_runs(3, 1_000))
        node.archive(0)
    ran = run("prune", "--older-than", "0d", "--data", folder)

    assert "as what was learned is sealed in the log, and takes more than they did" in ran.out


@pytest.mark.parametrize("what", ["events", "moai"])
def test_an_export_of_a_pruned_log_says_what_is_missing(
    run: Run, folder: Path, tmp_path: Path, what: str
) -> None:
    words = ["events", "--output", tmp_path / "a"] if what == "events" else ["moai", tmp_path / "a"]
    before = run("export", *words, "--data", folder)
    run("prune", "--older-than", "30d", "--data", folder)
    words[-1] = tmp_path / "b"
    ran = run("export", *words, "--data", folder)

    assert "were pruned" not in before.err
    assert ran.code == 0
    assert "70 records of the log were pruned and are not exported" in ran.err


def test_an_as_of_in_the_past_keeps_more(run: Run, folder: Path) -> None:
    ran = run("archive", "--older-than", "1d", "--as-of", "2000-01-01", "--data", folder)

    assert ran.out == "Nothing in the log happened before 2000-01-01.\n"


@pytest.mark.parametrize("command", ["archive", "prune"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "--older-than"),
        (["--older-than", "30"], "'30' must be a number of days, hours or weeks, such as 30d"),
        (["--older-than", "-3d"], "'-3d' must be a number of days"),
        (["--older-than", "30d", "--as-of", "today"], "'today' must be a day"),
    ],
)
def test_wrong_use(run: Run, folder: Path, command: str, words: list[str], sentence: str) -> None:
    ran = run(command, *words, "--data", folder)

    assert ran.code == 2
    assert sentence in ran.sentence


def test_settings_that_are_no_age_are_refused(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTIF_PRUNE_AFTER", "2h")
    ran = run("patterns", "--data", folder)

    assert ran.code == 2
    assert "MOTIF_PRUNE_AFTER is '2h'; it must be a number of days, hours or weeks" in ran.sentence


def test_an_import_archives_what_the_settings_say_and_a_question_does_not(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTIF_ARCHIVE_AFTER", "30d")
    (tmp_path / "none.jsonl").write_text("")
    asked = run("patterns", "--data", folder)
    assert not (folder / "archive").exists()
    ran = run("import", "jsonl", tmp_path / "none.jsonl", "--data", folder)

    assert asked.err == ""
    assert "70 events from before 20" in ran.err
    assert "were archived, as is set" in ran.err
    assert (folder / "archive" / "manifest.json").exists()
