"""Watching goes on through trouble that passes, and says it once."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event as Signal

import pytest

import motif
from connectors.contract import Options
from connectors.sources import foreign_db
from motif.importing import Imported
from motif.node import Node
from motif.watching import Watch
from schemas.errors import WrongUse
from tests.connectors.sources.workflow_databases import WHOLE, changed, database, run

EVERY_S = 60.0


class Steps(Signal):
    """A signal whose every wait is the next step of what happens meanwhile; then it is set."""

    def __init__(self, steps: Sequence[Callable[[], object]]) -> None:
        super().__init__()
        self._steps: Iterator[Callable[[], object]] = iter(steps)

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout == EVERY_S
        step = next(self._steps, self.set)
        step()
        return self.is_set()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with motif.open(tmp_path / "node") as node:
        yield node


def nothing() -> None:
    """A while in which nothing happens."""


def told(watch: Watch, *steps: Callable[[], object]) -> list[str | int]:
    """What a watch says during these steps: sentences of trouble, and how many events it found."""
    found = watch.looks(EVERY_S, Steps(steps))
    return [
        one.appended if isinstance(one, Imported) else one.sentence.rpartition("/")[2]
        for one in found
    ]


def test_a_locked_and_a_missing_file_are_waited_for(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_db, "BUSY_S", 0.01)
    path = database(tmp_path / "w.db", [run(0)], WHOLE)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")

    said = told(
        Watch(node, "workflow-db", [path]),
        nothing,
        lambda: writer.execute("ROLLBACK"),
        lambda: path.rename(tmp_path / "away"),
        nothing,
        lambda: (tmp_path / "away").rename(path),
        lambda: changed(path, "UPDATE workflow_history SET total_tokens = 7"),
        lambda: path.write_bytes(b"no database any more"),
    )
    writer.close()

    locked, first, gone, later, damaged = said
    assert "locked by another program" in str(locked)
    assert (first, later) == (1, 1)
    assert str(gone) == "w.db; give a file or a folder that exists"
    assert "cannot be read as a SQLite database" in str(damaged)


def test_what_cannot_be_meant_ends_a_watch(node: Node, tmp_path: Path) -> None:
    path = database(tmp_path / "w.db", [{"id": 7, "status": "completed"}])

    with pytest.raises(WrongUse, match="--label NAME"):
        told(Watch(node, "workflow-db", [path]))
    assert told(Watch(node, "workflow-db", [path], Options(label="farm"))) == [1]


def test_trouble_that_comes_back_is_said_again(node: Node, tmp_path: Path) -> None:
    path = database(tmp_path / "w.db", [run(0)], WHOLE)
    away = tmp_path / "away"

    said = told(
        Watch(node, "workflow-db", [path]),
        *[lambda: path.rename(away), lambda: away.rename(path)] * 2,
    )

    assert [type(one) for one in said] == [int, str, str]


def test_what_was_read_before_trouble_is_not_lost(node: Node, tmp_path: Path) -> None:
    """It was numbered, and not appended yet."""
    path = database(tmp_path / "w.db", [run(n % 28, adw_id=f"a{n}") for n in range(99)], WHOLE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-4_096] + bytes(4_096))

    trouble, later = told(Watch(node, "workflow-db", [path]), lambda: path.write_bytes(whole))
    assert ("malformed" in str(trouble), later) == (True, 99)
    assert node.sql("SELECT run_id FROM workflow_runs").num_rows == 99


def test_of_a_folder_what_can_be_read_is_read_and_the_rest_when_it_can(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_db, "BUSY_S", 0.01)
    folder = tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate("ab"):
        database(folder / f"{name}.db", [run(number)], WHOLE)
    writer = sqlite3.connect(folder / "b.db", isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")

    said = told(
        Watch(node, "workflow-db", [folder]), nothing, nothing, lambda: writer.execute("ROLLBACK")
    )
    writer.close()

    assert said == [1, 0, 1]
