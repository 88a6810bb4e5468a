"""How an installation fares, and what stalls: what waits for a minute, and what nobody has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from connectors.generate import sessions
from connectors.logs.memory import MemoryLog
from motif import standing
from motif.following import FollowingNode
from motif.standing import Learned, Sight, Standing, standing_of
from projections import queries, wire
from projections.reading import Place
from schemas.topics import AGENT_EVENTS, LEARNED_TOPICS
from streams.identity import found
from tests.motif.workers import Worker

PARTITIONS = 2
SECOND_US = 1_000_000
LEARNED = AGENT_EVENTS.name
ALL = {
    (topic.name, number): f"worker-{number}"
    for topic in LEARNED_TOPICS
    for number in range(PARTITIONS)
}


@dataclass
class World:
    """A log under a clock of its own, and a node that follows it."""

    folder: Path
    now_us: int = 1_780_000_000_000_000
    owners: Mapping[Place, str] | None = field(default_factory=lambda: dict(ALL))

    def __post_init__(self) -> None:
        self.log = MemoryLog(PARTITIONS, clock=self.clock, lazy=True)
        identity = found(self.log, "farm")
        self.node = FollowingNode(self.folder, self.log, identity)
        self.worker = Worker(self.log, identity)

    def clock(self) -> int:
        return self.now_us

    def later(self, seconds: float) -> None:
        self.now_us += round(seconds * SECOND_US)

    def sight(self) -> Sight:
        return Sight(
            name="a log",
            folder=self.folder,
            identity=self.node.identity,
            held=self.node.ask(queries.status),
            rows_behind=self.node.ask(queries.rows_behind),
            log=self.log,
            owners=self.owners,
            clock=self.clock,
        )

    def look(self) -> Standing:
        return standing_of(self.sight())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(standing, "RECHECK_PAUSE_S", 0.01)
    monkeypatch.setattr(standing, "RECHECK_S", 0.03)
    world = World(tmp_path)
    yield world
    world.node.close()


def fed(found: Standing) -> list[Learned]:
    """The partitions that events were published to."""
    return [one for one in found.partitions if one.topic == AGENT_EVENTS.name]


def about(world: World, **changes: object) -> wire.About:
    identity = world.node.identity
    known = wire.About(
        pid=7,
        log="a log",
        site_id=identity.site_id,
        log_id=identity.log_id,
        label=identity.label,
        allowed_servers=[],
        settings_changes=0,
        caught_up_at_us=world.now_us,
        looked_at_us=world.now_us,
        trouble=None,
        ends=[wire.End(AGENT_EVENTS.name, 0, 9, 4)],
    )
    for name, value in changes.items():
        setattr(known, name, value)
    return known


def test_a_new_log_is_well(world: World) -> None:
    found = world.look()

    assert found.stalled == []
    assert {(one.lag, one.checkpoint_age_s) for one in found.partitions} == {(0, None)}


def test_what_was_learned_is_known_with_its_age_and_owner(world: World) -> None:
    world.node.publish(sessions(5, 4))
    world.worker.step()
    world.later(7)

    found = world.look()

    assert found.stalled == []
    assert [one.owner for one in fed(found)] == ["worker-0", "worker-1"]
    assert [one.checkpoint_age_s for one in fed(found)] == [7.0, 7.0]
    assert [one.lag for one in found.partitions] == [0] * len(ALL)
    assert all(one.end > one.learned > 0 for one in fed(found)), "there is a marker"
    assert (found.rows_behind, found.projector.behind, found.projector.pid) == (0, 0, None)


def test_what_came_just_now_after_a_long_rest_is_no_stall(world: World) -> None:
    world.node.publish(sessions(5, 4))
    world.worker.step()
    world.later(3600)
    world.node.publish(sessions(6, 4))
    world.later(30)

    found = world.look()

    assert all(one.lag for one in fed(found))
    assert [one.waiting_s for one in fed(found)] == [30.0, 30.0]
    assert found.stalled == []


def test_what_waits_for_a_minute_and_has_an_old_checkpoint_stalls(world: World) -> None:
    world.node.publish(sessions(5, 4))
    world.worker.step()
    world.later(10)
    world.node.publish(sessions(6, 4))
    world.later(90)

    first, second = world.look().stalled

    assert first.startswith(f"{AGENT_EVENTS.name}/0 stalls: ")
    assert "the first for 90 s, and its last checkpoint is 100 s old" in first
    assert second.startswith(f"{AGENT_EVENTS.name}/1 stalls: ")


def test_a_partition_that_was_never_learned_stalls_too(world: World) -> None:
    world.node.publish(sessions(5, 4))
    world.later(61)

    assert "and it has no checkpoint" in world.look().stalled[0]


def test_a_partition_that_nobody_has_is_named_at_once(world: World) -> None:
    world.node.publish(sessions(5, 4))
    world.owners = {place: owner for place, owner in ALL.items() if place != (LEARNED, 1)}

    (said,) = world.look().stalled

    assert said.startswith(f"no worker has {AGENT_EVENTS.name}/1, of which ")
    assert said.endswith("start one with: motif worker")


def test_where_owners_are_not_known_nobody_is_missed(world: World) -> None:
    world.node.publish(sessions(5, 4))
    world.owners = None

    assert world.look().stalled == []


def test_rows_that_nobody_writes_stall(world: World) -> None:
    world.node.publish(sessions(5, 4))
    world.worker.step()
    world.later(100)
    world.node.publish(sessions(6, 4))
    Worker(world.log, world.node.identity, federates=False).step()

    (said,) = world.look().stalled

    assert said.startswith(f"the rows of {world.node.ask(queries.rows_behind):,} patterns are behi")
    assert "none was written for 100 s" in said


def test_rows_that_were_written_a_moment_ago_do_not(world: World) -> None:
    world.node.publish(sessions(5, 4))
    world.worker.step()
    world.later(5)
    world.node.publish(sessions(6, 4))
    Worker(world.log, world.node.identity, federates=False).step()

    found = world.look()

    assert found.rows_behind > 0
    assert found.stalled == []


@pytest.mark.parametrize(
    ("trouble", "caught_up_s_ago", "words"),
    [
        (None, 0, []),
        ("the broker is gone", 0, ["process 7, waits: the broker is gone"]),
        (None, 90, ["process 7, has not caught up for 90 s; "]),
        (None, None, ["process 7, has not caught up yet; "]),
    ],
)
def test_a_projector_that_does_not_keep_up_stalls(
    world: World, trouble: str | None, caught_up_s_ago: int | None, words: list[str]
) -> None:
    sight = world.sight()
    world.node.publish(sessions(5, 4))
    world.worker.step()
    at_us = None if caught_up_s_ago is None else world.now_us - caught_up_s_ago * SECOND_US
    sight = replace(sight, about=about(world, trouble=trouble, caught_up_at_us=at_us))

    found = standing_of(sight)

    assert found.projector.behind > 0
    assert len(found.stalled) == len(words)
    assert all(word in said for word, said in zip(words, found.stalled, strict=True))


def test_without_the_log_the_projector_says_what_it_saw_last(world: World) -> None:
    world.node.publish(sessions(5, 4))
    world.worker.step()
    sight = replace(
        world.sight(), log=None, owners=None, about=about(world), trouble="the broker is gone"
    )

    found = standing_of(sight)

    (partition,) = found.partitions
    assert (partition.end, partition.lag, partition.owner) == (9, 4, None)
    assert partition.learned > 0
    assert found.stalled == ["the broker is gone"]
    assert found.patterns["tool"] > 0
