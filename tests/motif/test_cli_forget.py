"""`motif forget`: a receipt of what is gone, and a sentence for whatever cannot be meant."""

from pathlib import Path

import pytest

import motif
from schemas.events import TaskCompleted
from tests.motif.conftest import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which two sessions completed three tasks."""
    with motif.open(tmp_path / "node") as node:
        for number, session in enumerate(("ann", "ann", "bob")):
            done = TaskCompleted(agent="a", task_type="x", success=True, session_id=session)
            node.publish(motif.Event("test", f"{number}", done))
    return tmp_path / "node"


def test_it_gives_a_receipt(run: Run, folder: Path) -> None:
    ran = run("forget", "--session", "ann", "--data", folder)
    again = run("forget", "--session", "ann", "--json", "--data", folder)
    shown = run("show", "task:a:x", "--json", "--data", folder)

    assert ran.code == again.code == 0
    assert "Forgot session ann: 2 events and 0 refused records, at 20" in ran.out
    assert '"events": 0' in again.out
    assert '"occurrences": 1,' in shown.out


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
