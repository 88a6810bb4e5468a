"""Archiving and pruning where something is in the way: a sentence, and all goes on as before."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

import motif
from connectors.generate import task_completions
from connectors.logs.archive_file import FOLDER
from connectors.logs.sqlite import SqliteLog
from motif import copying
from motif.copying import copy
from motif.erasing import forget
from motif.forgetting import Forgetting
from motif.node import Node
from motif.upkeep import AGAIN_US, MARKER, Upkeep
from schemas.clock import DAY_US, to_us
from schemas.envelope import Event
from schemas.errors import LogDamaged, LogUnavailable, WrongUse
from schemas.events import TaskCompleted
from schemas.times import LAST_US
from schemas.topics import LEARNER_CHECKPOINTS
from tests.integration.rows import learned

LATER = to_us(datetime(2027, 1, 1, tzinfo=UTC))
"""Long after all that is generated happened."""

ANN = "ann-4711"


def done(name: str, year: int, user: str | None = None) -> Event:
    task = TaskCompleted(agent="a", task_type="x", success=True, user_id=user)
    return Event("test", name, task, to_us(datetime(year, 6, 1, tzinfo=UTC)))


@contextmanager
def filled(folder: Path, upkeep: Upkeep | None = None) -> Iterator[Node]:
    with motif.open(folder, partitions=2, upkeep=upkeep) as node:
        node.publish([*task_completions(3, 40, patterns=5), done("anns", 2026, ANN)])
        yield node


def test_what_happened_before_1970_is_as_old_as_it_says(tmp_path: Path) -> None:
    as_of_us = to_us(datetime(1960, 1, 1, tzinfo=UTC))
    with motif.open(tmp_path) as node:
        node.publish([done("old", 1950), done("younger", 1965), done("new", 1980)])
        assert node.prune(200_000, dry_run=True).total == 0
        assert node.prune(1e300, dry_run=True).total == 0
        assert node.prune(1, as_of_us=as_of_us).last_day == "1950-06-01"
        assert node.archive(0, as_of_us=LAST_US + 1).total == 2, "the end of the last day there is"


@pytest.mark.parametrize("days", [-1, -1e9, float("nan")])
def test_an_age_that_is_none_is_refused(tmp_path: Path, days: float) -> None:
    with motif.open(tmp_path) as node, pytest.raises(WrongUse, match="an age is"):
        node.prune(days)


def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_moved(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with filled(tmp_path) as node:
        before = learned(node)
        with pytest.raises(LogUnavailable, match="cannot be written"):
            node.archive(0, as_of_us=LATER)
        assert learned(node) == before
        assert not node.verify()


@pytest.mark.parametrize("in_the_way", [FOLDER, MARKER])
def test_trouble_with_it_is_said_and_ends_nothing(tmp_path: Path, in_the_way: str) -> None:
    """Neither what was asked for nor that it is tried again, when an hour has passed."""
    place = tmp_path / in_the_way
    now = [LATER]
    upkeep = Upkeep(archive_after=1, clock=lambda: now[0])
    with filled(tmp_path, upkeep) as node:
        if in_the_way == FOLDER:
            place.write_text("in the way")
        else:
            place.mkdir()
        for _ in range(3):
            node.settle()
        told = [one for one in node.notices if "was not archived or deleted" in one]
        assert len(told) == 1
        if in_the_way == FOLDER:
            place.unlink()
        else:
            place.rmdir()
        now[0] += AGAIN_US
        node.settle()
        assert (tmp_path / MARKER).is_file()


def test_nothing_is_written_where_nothing_is_old(tmp_path: Path) -> None:
    with filled(tmp_path) as node:
        node.settle()
        name = LEARNER_CHECKPOINTS.name
        ends = [node.log.end(name, partition) for partition in range(2)]
        assert node.prune(36_500, as_of_us=LATER).total == 0
        assert [node.log.end(name, partition) for partition in range(2)] == ends


def test_a_log_that_is_pruned_while_it_is_copied_makes_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled(tmp_path / "node") as node:
        node.settle()

        def pruned(name: str) -> None:
            if name == "copy.after_letters":
                node.prune(0, as_of_us=LATER)

        monkeypatch.setattr(copying, "reach", pruned)
        with (
            SqliteLog.open(tmp_path / "node", read_only=True) as old,
            SqliteLog.create(tmp_path / "copy") as new,
            pytest.raises(LogDamaged, match="was pruned cannot be copied"),
        ):
            copy(old, new)


def test_who_is_forgotten_is_gone_from_an_archive_elsewhere_and_from_what_a_kill_left(
    tmp_path: Path,
) -> None:
    """The archive may be a link to a larger disk; DuckDB spills into a folder."""
    folder, elsewhere = tmp_path / "node", tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.mkdir()
    (folder / FOLDER).symlink_to(elsewhere)
    with filled(folder) as node:
        assert node.archive(0, as_of_us=LATER).total
        assert [*elsewhere.rglob("*.parquet")]
    spilled = folder / "projection.duckdb.tmp"
    spilled.mkdir()
    (spilled / "duckdb_temp_block-1.block").write_text(ANN)

    assert forget(folder, Forgetting(user_id=ANN)).events == 1

    assert not spilled.exists()
    assert not [*elsewhere.rglob("*.parquet")]
    with motif.open(folder) as node:
        assert not node.verify()
        assert node.archive(0, as_of_us=LATER + DAY_US).total


def test_who_decided_about_a_pattern_is_forgotten_with_the_decision(tmp_path: Path) -> None:
    with filled(tmp_path) as node:
        (pattern, *_) = [row.pattern_id for row in node.patterns()]
        node.review(pattern, "approved", reviewed_by=ANN, notes="said so")
        node.settle()

    assert forget(tmp_path, Forgetting(user_id=ANN)).events == 2

    with motif.open(tmp_path) as node:
        node.review(pattern, "candidate", reviewed_by="bob")
        assert not node.verify()
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        assert ANN.encode() not in path.read_bytes(), path
