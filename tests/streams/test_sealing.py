"""What was pruned stays learned: sealed before, and enough to go on from, whatever is lost then."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from connectors.logs.memory import MemoryLog, _Stream
from schemas.envelope import Event
from schemas.errors import LogDamaged, LogUnavailable
from schemas.events import TaskCompleted
from schemas.log import Log, Outgoing, Record
from schemas.topics import (
    AGENT_EVENTS,
    EVENT_DUPLICATES,
    LEARNER_CHECKPOINTS,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
    TOPICS,
    WORKFLOW_RUNS,
)
from streams.learner import Learner
from streams.rules import Rules
from streams.sealing import seal
from streams.snapshot import read_snapshot
from tests.streams.worlds import (
    NOW,
    RULES,
    append,
    cases,
    contributor,
    disorder,
    learn,
    log_of,
    numbers,
    records,
    rows,
    tallies,
    world,
)

pytestmark = pytest.mark.usefixtures("either_log")

MINE = contributor("here", 0)
LOSSES = (
    (),
    (LEARNER_CHECKPOINTS.name,),
    (PATTERN_CONTRIBUTIONS.name,),
    (EVENT_DUPLICATES.name, LEARNER_CHECKPOINTS.name),
    (LEARNER_CHECKPOINTS.name, PATTERN_CONTRIBUTIONS.name, EVENT_DUPLICATES.name, PATTERNS.name),
)


def without(source: Log, lost: tuple[str, ...]) -> MemoryLog:
    """The same log after topics were lost; of the checkpoints the snapshot is what is left."""
    target = log_of(source.partitions)
    for topic in TOPICS:
        for partition in range(source.partitions):
            start = source.start(topic.name, partition)
            stands = {
                record.offset: record for record in source.read(topic.name, partition, start, 10**6)
            }
            for offset in range(source.end(topic.name, partition)):
                record = stands.get(offset)
                is_kept = record is not None and (
                    topic.name not in lost or (record.key or b"").startswith(b"snapshot/")
                )
                _put(target, topic.name, partition, record if is_kept else None)
            if start:
                target.prune_before(topic.name, partition, start)
    return target


def _put(target: MemoryLog, topic: str, partition: int, record: Record | None) -> None:
    """At the very offset, whatever stood before it."""
    stream = target._streams.setdefault((topic, partition), _Stream())
    stream.slots.append(record)
    if record is not None and record.key is not None:
        stream.latest[record.key] = record.offset


@settings(max_examples=cases(25))
@given(
    seed=some.integers(0, 2**32),
    cut=some.integers(0, 100),
    lost=some.sampled_from(LOSSES),
    more=some.integers(0, 2**32),
)
def test_after_losses_the_rest_is_learned_as_if_nothing_had_been_pruned(
    seed: int, cut: int, lost: tuple[str, ...], more: int
) -> None:
    """The first events again, revisions of them, and new ones come after what was pruned."""
    events = disorder(seed, world(seed), most=2)
    later = disorder(more, [*world(seed), *world(seed + 1)], most=2)
    whole, pruned = log_of(1), log_of(1)
    for log in (whole, pruned):
        append(log, events)
        learn(log)
    known = seal(pruned, MINE, RULES.epoch)
    assert pruned.read(AGENT_EVENTS.name, 0, known, 1) == []
    pruned.prune_before(AGENT_EVENTS.name, 0, cut * known // 100)
    assert rows(pruned) == rows(whole)

    pruned = without(pruned, lost)
    learn(pruned)
    assert rows(pruned) == rows(whole)
    for log in (whole, pruned):
        append(log, later)
        learn(log)
    assert rows(pruned) == rows(whole)
    assert tallies(pruned) == tallies(whole)


def done(name: str, duration_us: int, revision: int | None = None) -> Event:
    data = TaskCompleted(agent="a", task_type="t", success=True, duration_us=duration_us)
    if revision is None:
        return Event("s", name, data, NOW)
    return Event("s", f"{name}@{revision}", data, NOW, name, revision)


@pytest.mark.parametrize("alone", [[], [7], [7, 90]], ids=["none", "one", "an extreme"])
def test_an_extreme_that_a_revision_takes_away_is_found_among_what_was_pruned(
    alone: list[int],
) -> None:
    """Twice pruned, so that the second snapshot has to build on the first."""
    log, whole = log_of(1), log_of(1)
    batches = [
        [done(f"{us}", us) for us in alone] + [done("amended", 99, 1), done("other", 1, 1)],
        [done("more", 50), done("again", 98, 1)],
        [done("amended", 20, 2), done("again", 30, 2), done("other", 25, 2)],
    ]
    for batch in batches:
        for one in (log, whole):
            append(one, batch)
            learn(one)
        log.prune_before(AGENT_EVENTS.name, 0, seal(log, MINE, RULES.epoch))

    found = {pattern: numbers(tally) for pattern, tally in tallies(log).items()}
    assert found == {pattern: numbers(tally) for pattern, tally in tallies(whole).items()}
    assert tallies(log)["task", "a", "t"].measures["duration"].maximum == max([50, *alone])


def test_other_rules_cannot_learn_what_was_pruned_and_say_so() -> None:
    log = pruned_log()

    with pytest.raises(LogDamaged, match=r"kept for the rules 1\.0 only, these are 1\.1: go on"):
        learn(log, rules=Rules((1, 1)))
    assert learn(log) == []


@pytest.mark.parametrize("what", ["gone", "altered", "cut"])
def test_without_its_snapshot_a_pruned_log_is_not_learned_again(what: str) -> None:
    log = without(pruned_log(), (PATTERN_CONTRIBUTIONS.name,))
    for record in records(log, LEARNER_CHECKPOINTS):
        if (record.key or b"").startswith(b"snapshot/") and what != "cut":
            value = None if what == "gone" else (record.value or b"")[:-1] + b"?"
            log.append([Outgoing(*record[:2], record.key, value)])
        elif (record.key or b"").startswith(b"snapshot/") and (record.key or b"").endswith(b"/0"):
            log.append([Outgoing(*record[:2], record.key, None)])
    before = rows(log)

    with pytest.raises(LogDamaged, match="the snapshot of what they taught is gone"):
        learn(log)
    assert rows(log) == before


def test_nothing_is_sealed_that_is_not_learned() -> None:
    log = log_of(1)
    assert seal(log, MINE, RULES.epoch) == 0
    append(log, world(3))
    learn(log)
    damaged = without(log, (PATTERN_CONTRIBUTIONS.name,))

    with pytest.raises(LogUnavailable, match="not learned by the rules of today"):
        seal(damaged, MINE, RULES.epoch)


def test_a_smaller_snapshot_leaves_no_part_of_a_larger_one() -> None:
    log = pruned_log()
    held = [
        record.key
        for record in records(log, LEARNER_CHECKPOINTS)
        if record.value is not None and (record.key or b"").startswith(b"snapshot/")
    ]
    seal(log, MINE, RULES.epoch)
    snapshot = read_snapshot(log, AGENT_EVENTS.name, 0)

    assert snapshot is not None
    assert len(held) == 2
    assert read_snapshot(log, WORKFLOW_RUNS.name, 0) is None
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(snapshot), type=type(snapshot)) == snapshot


def pruned_log() -> MemoryLog:
    """A log whose first half was pruned."""
    log = log_of(1)
    append(log, disorder(5, world(21), most=2))
    learn(log)
    seal(log, MINE, RULES.epoch)
    log.prune_before(AGENT_EVENTS.name, 0, log.end(AGENT_EVENTS.name, 0) // 2)
    return log


def test_a_learner_that_was_at_work_goes_on_behind_a_seal() -> None:
    """Sealing takes nothing from the learner, not even its place."""
    log = log_of(1)
    events = disorder(9, world(4), most=2)
    Random(1).shuffle(events)
    append(log, events[: len(events) // 2])
    learner = Learner(log, MINE, RULES)
    while learner.step():
        continue
    seal(log, MINE, RULES.epoch)
    log.prune_before(AGENT_EVENTS.name, 0, len(events) // 3)
    append(log, events[len(events) // 2 :])
    while learner.step():
        continue

    whole = log_of(1)
    append(whole, events)
    learn(whole)
    assert tallies(log) == tallies(whole)
