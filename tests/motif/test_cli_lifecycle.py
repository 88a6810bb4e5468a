"""`motif archive` and `motif prune`: what they say, and what they refuse."""

import json
from pathlib import Path

import pytest

import motif
from schemas.clock import DAY_US, now_us
from schemas.events import TaskCompleted
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
