"""The file of records follows its projection whatever happens to either of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from projections.projector import Projector
from projections.records import RECORDS, load, page
from projections.records.following import RENEWED_MAX
from schemas.envelope import Event, to_structured
from schemas.errors import LogUnavailable, ProjectionDamaged
from schemas.log import Outgoing
from schemas.records import TaskCompleted
from schemas.topics import AGENT_EVENTS
from tests.projections.world import NOON_US, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, records=tmp_path / RECORDS)
    yield made
    made.close()


def task(name: str, revision: int | None = None, text: str | None = None) -> Event:
    data = TaskCompleted(task_type="t", agent="a", success=True, error_message=text)
    identity = name if revision is None else f"{name}@{revision}"
    return Event("test", identity, data, NOON_US, None if revision is None else name, revision)


def found(world: World) -> list[str]:
    return [one.subject for one in page(world.store, {}, limit=1000)]


def break_it(world: World) -> None:
    """Take the rows away behind its back."""
    with closing(sqlite3.connect(world.folder / RECORDS)) as other, other:
        other.execute("DROP TABLE record")


def test_repeats_and_refused_records_are_none(world: World) -> None:
    world.append(task("a"), task("a"), task("b"), task("c"))
    world.learn(repeats=[1], refused=[2])
    world.project()

    assert found(world) == ["c", "a"]


def test_what_is_not_learned_yet_is_not_found(world: World) -> None:
    world.append(task("a"), task("b"))
    world.learn(upto=1)
    world.project()

    assert found(world) == ["a"]


def test_a_partition_that_is_projected_again_has_each_record_once(world: World) -> None:
    world.state(task("a"), task("b", 0, "first"), task("b", 1, "second"))
    world.append(task("c"))
    world.learn(repeats=[0], epoch=(2, 0))
    world.project()

    assert found(world) == ["c", "b"]
    assert page(world.store, {"text": "second"}).records
    assert not page(world.store, {"text": "first"}).records


def test_a_smaller_revision_that_comes_later_changes_nothing(world: World) -> None:
    world.state(task("a", 5, "now"))
    world.state(task("a", 3, "before"), task("b"))

    assert [one.revision for one in load(world.store, "a")] == [5]
    assert not page(world.store, {"text": "before"}).records


def test_one_that_fell_behind_reads_the_log_again_in_steps(world: World) -> None:
    world.close()
    without = World(world.folder)
    without.append(*(task(f"{number}") for number in range(95)))
    without.learn(repeats=[7])
    without.project()
    without.projector.close()

    projector = Projector(without.log, without.store, world.folder / RECORDS)
    steps = 0
    while projector.step(limit=10):
        steps += 1
    projector.close()

    assert len(found(without)) == 94
    assert steps >= 9
    without.store.close()
    world.reopen()


def test_a_record_in_another_form_is_kept_as_this_version_writes_it(world: World) -> None:
    structured = to_structured(task("a", None, "marker"))
    headers = (("content-type", b"application/cloudevents+json"),)
    world.log.append([Outgoing(AGENT_EVENTS.name, 0, b"k", structured, headers)])
    world.learn()
    world.project()

    (one,) = page(world.store, {"text": "marker", "agent": "a"})
    assert one.data["task_type"] == "t"


def test_what_was_broken_is_made_anew_and_said(world: World) -> None:
    world.state(task("a"))
    break_it(world)
    with pytest.raises(ProjectionDamaged):
        found(world)

    world.state(task("b"))

    assert found(world) == ["b", "a"]
    assert "the records are made anew: " in world.projector.notices[0]


def test_where_it_breaks_again_and_again_the_writer_gives_up_with_a_sentence(world: World) -> None:
    for number in range(RENEWED_MAX):
        world.state(task(f"{number}"))
        break_it(world)
    world.state(task("last"))
    break_it(world)

    with pytest.raises(LogUnavailable, match="no such table: record"):
        world.state(task("too many"))
