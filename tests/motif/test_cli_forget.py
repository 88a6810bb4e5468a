"""`motif forget`: a receipt of what is gone, and a sentence for whatever cannot be meant."""

import json
from pathlib import Path

import pytest

import motif
from schemas.events import TaskCompleted
from tests.integration.processes import Command
from tests.motif.conftest import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which two sessions completed three tasks."""
    with motif.open(tmp_path / "node") as node:
        for number, session in enumerate(("ann", "ann", "bob")):
            done = TaskCompleted(agent="a", task_type="x", success=True, session_id=session)
            node.publish(motif.Event("test", f"{number}", done))
    return tmp_path / "node"


def names_in(folder: Path) -> list[str]:
    """What is in a folder, but for what SQLite keeps beside a file while it reads."""
    return sorted(path.name for path in folder.rglob("*") if path.name[-4:] not in {"-shm", "-wal"})


def test_it_gives_a_receipt(run: Run, folder: Path) -> None:
    ran = run("forget", "--session", "ann", "--data", folder)
    again = run("forget", "--session", "ann", "--json", "--data", folder)
    shown = run("show", "task:a:x", "--json", "--data", folder)

    assert ran.code == again.code == 0
    assert "Forgot session ann: 2 events and 0 refused records, at 20" in ran.out
    assert json.loads(again.out)["at"] in ran.out, "the receipt of then"
    assert '"occurrences": 1,' in shown.out


def test_it_says_first_what_it_would_erase(run: Run, folder: Path) -> None:
    before = (folder / "log.sqlite").read_bytes()
    ran = run("forget", "--session", "ann", "--dry-run", "--data", folder)
    as_json = run("forget", "--session", "ann", "--dry-run", "--json", "--data", folder)

    said = "Forgetting session ann would erase 2 events and 0 refused records; nothing was erased."
    assert (ran.code, ran.out) == (0, f"{said}\n")
    assert json.loads(as_json.out) == {
        "forgot": "session",
        "id": "ann",
        "events": 2,
        "records": 2,
        "letters": 0,
        "dry_run": True,
    }
    assert (folder / "log.sqlite").read_bytes() == before


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_who_is_nobody_changes_nothing(run: Run, folder: Path, more: tuple[str, ...]) -> None:
    before = names_in(folder)
    log = (folder / "log.sqlite").read_bytes()
    ran = run("forget", "--user", "typo", *more, "--data", folder)

    assert ran.code == 1
    assert ran.sentence == "nothing in the log is about user 'typo'; nothing was changed"
    assert (folder / "log.sqlite").read_bytes() == log
    assert names_in(folder) == before


def test_where_something_was_pruned_it_says_why_and_what_is_left_to_do(
    run: Run, folder: Path
) -> None:
    run("prune", "--older-than", "0d", "--as-of", "9999-12-31", "--data", folder)
    run("patterns", "--data", folder)
    before = names_in(folder)
    ran = run("forget", "--session", "ann", "--data", folder)

    assert ran.code == 2
    assert "no session can be forgotten here, as events were pruned (agent.events/" in ran.sentence
    assert "'motif prune' with an age that takes all about them" in ran.sentence
    assert names_in(folder) == before


def test_status_says_that_one_was_interrupted(run: Run, folder: Path) -> None:
    assert Command(folder, ("forget", "--session", "ann")).ends(failpoint="copy.after_batch") < 0
    ran = run("status", "--data", folder)
    as_json = run("status", "--json", "--data", folder)
    other = run("forget", "--session", "bob", "--data", folder)
    after = run("status", "--data", folder)

    assert "a 'motif forget' was interrupted, and nobody was forgotten by it" in ran.err
    assert "interrupted" in " ".join(json.loads(as_json.out)["notices"])
    assert other.code == 0
    assert "if that was for somebody else" in other.err
    assert after.err == ""


def test_an_event_that_came_again_is_one_event(run: Run, folder: Path) -> None:
    done = TaskCompleted(agent="a", task_type="x", success=True, session_id="ann")
    with motif.open(folder) as node:
        node.publish([motif.Event("test", "0", done)] * 2)
    ran = run("forget", "--session", "ann", "--data", folder)

    assert "Forgot session ann: 2 events in 4 records and 0 refused records, at 20" in ran.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "name just one to forget"),
        (["--session", "a", "--user", "b"], "name just one to forget"),
        (["--session", ""], "name just one to forget"),
        (["--session", "a", "--into", "p."], "--into is for a log on Kafka"),
    ],
)
def test_wrong_use(run: Run, folder: Path, words: list[str], sentence: str) -> None:
    ran = run("forget", *words, "--data", folder)

    assert ran.code == 2
    assert sentence in ran.sentence


def test_where_no_log_is_nothing_is_made(run: Run, tmp_path: Path) -> None:
    ran = run("forget", "--user", "ann", "--data", tmp_path / "nowhere")

    assert ran.code == 1
    assert "there is no log in" in ran.sentence
    assert not (tmp_path / "nowhere").exists()
