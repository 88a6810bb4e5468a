"""Old events are archived and pruned: what was learned stays, whatever happens meanwhile."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

import motif
from connectors.generate import sessions, task_completions
from connectors.generate_runs import workflow_runs
from connectors.logs.archive_file import FOLDER
from connectors.logs.sqlite import SqliteLog
from motif.copying import copy
from motif.erasing import forget
from motif.exporting import into_file
from motif.forgetting import Forgetting
from motif.node import Node
from motif.upkeep import EVERY_US, Upkeep
from schemas.clock import DAY_US, monotonic_s, to_us
from schemas.envelope import Event
from schemas.errors import LogDamaged, WrongUse
from schemas.events import TaskCompleted
from schemas.topics import AGENT_EVENTS
from schemas.workflows import WorkflowRunDeleted
from streams.contribution import Contributor
from streams.learner import Learner
from streams.rules import Rules
from tests.integration.processes import KEEP_FAILPOINTS, KILLED, Command
from tests.integration.rows import assert_same, learned, rows_of, stored

MIDDLE = to_us(datetime(2026, 1, 16, tzinfo=UTC))
"""About half of what is generated happened before."""

RAW = ("tool_called", "task_completed", "workflow_run", "workflow_runs", "pattern_occurrences")


def events() -> list[Event]:
    made = [*sessions(3, 6), *workflow_runs(3, 90), *task_completions(3, 40, patterns=5)]
    Random(7).shuffle(made)
    undated = TaskCompleted(agent="a", task_type="undated", success=True, duration_us=5)
    return [*made, *made[:50], Event("test", "undated", undated)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything is learned, to be copied and not to be touched."""
    folder = tmp_path_factory.mktemp("filled") / "node"
    with motif.open(folder, partitions=3) as node:
        node.publish(events())
        node.settle()
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "node"))


def raw(node: Node) -> Mapping[str, list[str]]:
    return rows_of(node, dict.fromkeys(RAW, ()))


def files_in(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER).rglob("*.parquet"))


def test_archived_events_are_asked_for_as_before(folder: Path) -> None:
    with motif.open(folder) as node:
        before, taught = stored(node), learned(node)
        would = node.archive(0, as_of_us=MIDDLE, dry_run=True)
        assert not files_in(folder)
        outcome = node.archive(0, as_of_us=MIDDLE)

        assert (would.records, would.first_day) == (outcome.records, outcome.first_day)
        assert 0 < outcome.total < len(events())
        assert outcome.last_day == "2026-01-15"
        assert outcome.bytes_after < outcome.bytes_before
        assert len(files_in(folder)) == outcome.files
        assert_same(stored(node), before)
        assert node.archive(0, as_of_us=MIDDLE).total == 0
        assert not node.verify()
        node.rebuild()
        assert_same(stored(node), before)
        node.relearn()
        assert_same(stored(node), before)
    with motif.open(folder) as node:
        node.publish(events())
        assert_same(learned(node), taught)


def test_a_copy_of_an_archived_log_is_whole(folder: Path, tmp_path: Path) -> None:
    with motif.open(folder) as node:
        before = learned(node)
        node.archive(0, as_of_us=MIDDLE)
    with (
        SqliteLog.open(folder, read_only=True) as old,
        SqliteLog.create(tmp_path / "copy", partitions=2) as new,
    ):
        copy(old, new)
    with motif.open(tmp_path / "copy") as node:
        assert_same(learned(node), before)


def test_pruned_events_are_gone_and_what_they_taught_is_not(folder: Path) -> None:
    with motif.open(folder) as node:
        before, rows = learned(node), raw(node)
        would = node.prune(0, as_of_us=MIDDLE, dry_run=True)
        assert_same(raw(node), rows)
        outcome = node.prune(0, as_of_us=MIDDLE)

        assert (would.records, would.last_day) == (outcome.records, outcome.last_day)
        left = node.sql("SELECT count(*) AS n FROM tool_called").to_pylist()
        assert 0 < left[0]["n"] < len(rows["tool_called"])
        oldest = node.sql("SELECT min(happened_at) AS at FROM tool_called").to_pylist()[0]["at"]
        assert to_us(oldest) >= MIDDLE
        assert sum(one.pruned for one in node.status().partitions) == outcome.total
        assert_same(learned(node), before)
        assert not node.verify()
        node.rebuild()
        assert_same(learned(node), before)
        node.publish(events())
        assert_same(learned(node), before)
        assert node.prune(0, as_of_us=MIDDLE).total == len([*_old_repeats()])


def _old_repeats() -> list[Event]:
    """What is published again is a repeat, and as old as it was."""
    return [event for event in events() if event.time_us is not None and event.time_us < MIDDLE]


def test_the_archive_is_pruned_by_its_days(folder: Path) -> None:
    with motif.open(folder) as node:
        before = learned(node)
        archived = node.archive(0, as_of_us=MIDDLE)
        pruned = node.prune(5, as_of_us=MIDDLE + DAY_US // 2)

        assert 0 < pruned.total < archived.total
        days = {path.parent.name for path in files_in(folder)}
        assert min(days) == "date=2026-01-11"
        assert_same(learned(node), before)
        assert not node.verify()


@pytest.mark.parametrize("command", ["archive", "prune"])
def test_what_comes_later_is_learned_as_if_all_were_there(
    folder: Path, tmp_path: Path, command: str
) -> None:
    """Other sessions, and runs that are taken back although their events are not there any more."""
    shutil.copytree(folder, tmp_path / "whole")
    runs = [event for event in events() if event.type == "motif.workflow.run.finished.v1"]
    gone = [
        Event(
            event.source,
            f"{event.thing}@{10**9}",
            WorkflowRunDeleted(workflow_id=event.data.workflow_id, run_id=event.thing),  # type: ignore[attr-defined]  # a run
            None,
            event.thing,
            10**9,
        )
        for event in runs[::3]
    ]
    found = []
    for place in (folder, tmp_path / "whole"):
        with motif.open(place) as node:
            if place == folder:
                node.archive(0, as_of_us=MIDDLE)
            if place == folder and command == "prune":
                node.prune(0, as_of_us=MIDDLE)
            node.publish([*sessions(5, 4), *gone])
            found.append(learned(node))

    assert_same(*found)


def test_a_lost_checkpoint_is_made_again_from_what_was_sealed(folder: Path) -> None:
    with motif.open(folder) as node:
        before = learned(node)
        node.prune(0, as_of_us=MIDDLE)
        identity = node.identity
        for partition in range(node.log.partitions):
            mine = Contributor(identity.site_id, identity.log_id, AGENT_EVENTS.name, partition)
            Learner(node.log, mine, Rules.of(identity)).forget()
    with motif.open(folder) as node:
        assert_same(learned(node), before)
        assert any("is learned again from what was known at" in said for said in node.notices)
        assert not node.verify()


def test_what_needs_all_that_was_learned_from_is_refused_in_a_sentence(
    folder: Path, tmp_path: Path
) -> None:
    with motif.open(folder) as node:
        before = learned(node)
        node.prune(0, as_of_us=MIDDLE)
        with pytest.raises(WrongUse, match="were pruned, and nothing can be learned again"):
            node.relearn()
    with pytest.raises(WrongUse, match="its settings cannot change any more"):
        motif.open(folder, mcp_servers=["other"])
    with (
        SqliteLog.open(folder, read_only=True) as old,
        SqliteLog.create(tmp_path / "copy") as new,
        pytest.raises(LogDamaged, match="what was pruned cannot be copied"),
    ):
        copy(old, new)
    with pytest.raises(WrongUse, match="no session can be forgotten here, as events were pruned"):
        forget(folder, Forgetting(session_id="s"))
    with motif.open(folder, mcp_servers=[]) as node:
        assert_same(learned(node), before)


def test_who_is_forgotten_is_gone_from_the_archive(folder: Path) -> None:
    done = TaskCompleted(agent="a", task_type="x", success=True, user_id="ann-4711")
    with motif.open(folder) as node:
        before = learned(node)
        node.publish(Event("test", "anns", done, MIDDLE - DAY_US))
        node.archive(0, as_of_us=MIDDLE)
    assert len(files_in(folder)) > 0

    receipt = forget(folder, Forgetting(user_id="ann-4711"))

    assert receipt.events == 1
    with motif.open(folder) as node:
        assert_same(learned(node), before)
        assert not files_in(folder)


def test_a_damaged_file_is_named_by_verify_and_by_a_rebuild(folder: Path) -> None:
    with motif.open(folder) as node:
        node.archive(0, as_of_us=MIDDLE)
        files_in(folder)[2].write_bytes(b"something else")
        with pytest.raises(LogDamaged, match="restore it from a backup"):
            node.verify()
        with pytest.raises(LogDamaged, match="restore it from a backup"):
            node.rebuild()
        assert node.patterns(limit=1), "the tables are as they were"


def test_a_file_that_the_log_does_not_name_is_named_by_verify(folder: Path) -> None:
    """It may hold what was deleted, as when a folder is put together from backups."""
    with motif.open(folder) as node:
        node.archive(0, as_of_us=MIDDLE)
        stray = files_in(folder)[0].with_name("77.parquet")
        stray.write_bytes(b"something old")
        assert not node.verify()
        assert f"does not name 1 file in its archive, such as {stray}" in node.notices[-1]
        assert node.archive(0, as_of_us=MIDDLE + DAY_US).total
        assert not stray.exists()


SEEDS = [0, *(pytest.param(n, marks=pytest.mark.campaign) for n in range(1, 50))]

CASES = [
    (command, f"{name}:{time}")
    for name, times in KEEP_FAILPOINTS.items()
    for command in ("archive", "prune")
    if name.startswith(command)
    for time in times
]


@pytest.mark.parametrize(("what", "failpoint"), CASES)
def test_killed_between_two_steps_it_is_as_if_it_had_not_been(
    folder: Path, what: str, failpoint: str
) -> None:
    with motif.open(folder) as node:
        before = learned(node)
        if what == "prune":
            node.archive(8, as_of_us=MIDDLE)
    command = Command(folder, (what, "--older-than", "1d", "--as-of", "2026-01-16"))
    assert command.ends(failpoint=failpoint) == KILLED
    with motif.open(folder) as node:
        assert_same(learned(node), before)
    assert command.ends() == 0
    with motif.open(folder) as node:
        assert getattr(node, what)(0, as_of_us=MIDDLE).total == 0
    _assert_kept(folder, before)


def _assert_kept(folder: Path, before: Mapping[str, list[str]]) -> None:
    with motif.open(folder) as node:
        assert_same(learned(node), before)
        assert not node.verify()
        node.publish(events())
        assert_same(learned(node), before)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("what", ["archive", "prune"])
def test_killed_at_any_moment_nothing_is_lost_or_doubled(
    folder: Path, what: str, seed: int
) -> None:
    with motif.open(folder) as node:
        before = learned(node)
    command = Command(folder, (what, "--older-than", "1d", "--as-of", "2026-01-16"))
    shutil.copytree(folder, folder.with_name("timed"))
    began_s = monotonic_s()
    assert Command(folder.with_name("timed"), command.words).ends() == 0
    whole_s = monotonic_s() - began_s

    rng = Random(f"{what}/{seed}")
    for _ in range(2):
        command.killed_after(whole_s * rng.uniform(0.3, 1.0))
    _assert_kept(folder, before)


def test_a_node_that_records_does_it_once_a_day(folder: Path) -> None:
    now = [MIDDLE + DAY_US]
    upkeep = Upkeep(archive_after=5, prune_after=10, clock=lambda: now[0])
    with motif.open(folder, upkeep=upkeep) as node:
        before = learned(node)
        assert len(node.notices) == 2
        assert "were deleted, as is set; what these events taught is kept" in node.notices[0]
        assert "or without somebody who is to be forgotten" in node.notices[0]
        assert "were archived, as is set" in node.notices[1]
        days = [path.parent.name for path in files_in(folder)]
        now[0] += EVERY_US - 1
        done = TaskCompleted(agent="a", task_type="more", success=True)
        node.publish(Event("test", "more", done, MIDDLE))
        assert learned(node) != before
        assert len(node.notices) == 2
        now[0] += DAY_US - EVERY_US + 1
        node.patterns()
        assert len(node.notices) == 4
        assert min(path.parent.name for path in files_in(folder)) > min(days)
    with motif.open(folder, upkeep=upkeep) as node:
        node.settle()
        assert node.notices == []


def test_whoever_comes_a_little_early_every_day_does_it_every_day(folder: Path) -> None:
    now = [MIDDLE]
    for _ in range(4):
        with motif.open(folder, upkeep=Upkeep(archive_after=5, clock=lambda: now[0])) as node:
            node.settle()
            assert any("were archived" in said for said in node.notices)
        now[0] += DAY_US - 5_000_000


def test_settings_that_changed_are_due_at_once(folder: Path) -> None:
    def clock() -> int:
        return MIDDLE

    with motif.open(folder, upkeep=Upkeep(archive_after=10, clock=clock)) as node:
        node.settle()
        before = len(files_in(folder))
    for times in (1, 0):
        with motif.open(folder, upkeep=Upkeep(archive_after=5, clock=clock)) as node:
            node.settle()
            assert len(node.notices) == times
    assert len(files_in(folder)) > before


def test_what_is_old_when_it_first_comes_is_deleted_then(folder: Path, tmp_path: Path) -> None:
    """A log that was empty is not done for the day, and an import ends with it."""
    with motif.open(folder) as node:
        into_file(node.log, tmp_path / "events.jsonl")
    upkeep = Upkeep(prune_after=5, clock=lambda: MIDDLE)
    with motif.open(tmp_path / "new", upkeep=upkeep) as node:
        node.settle()
        node.import_files("jsonl", [tmp_path / "events.jsonl"])
        oldest = node.sql("SELECT min(happened_at) AS at FROM tool_called").to_pylist()[0]["at"]
        assert to_us(oldest) >= MIDDLE - 5 * DAY_US


def test_jsonl_of_what_was_archived_is_what_it_was(folder: Path, tmp_path: Path) -> None:
    with motif.open(folder) as node:
        into_file(node.log, tmp_path / "before")
        node.archive(0, as_of_us=MIDDLE)
        into_file(node.log, tmp_path / "after")

    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()
