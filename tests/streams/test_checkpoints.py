"""A checkpoint is only a shortcut: restored it is the live state, damaged it is thrown away."""

from collections.abc import Callable, Iterable
from random import Random
from typing import Any
from zlib import crc32

import msgspec
import pytest

from connectors.logs.memory import MemoryLog
from schemas.errors import LogDamaged
from schemas.log import Log, Outgoing, Pruned, Record
from schemas.topics import (
    AGENT_EVENTS,
    EVENT_DUPLICATES,
    LEARNER_CHECKPOINTS,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
    TOPICS,
)
from streams import checkpoint
from streams.learner import Learner
from streams.restore import start_of
from streams.state import State
from tests.streams.faulty import Broken, Faulty, outcome
from tests.streams.worlds import (
    RULES,
    append,
    cases,
    contributor,
    disorder,
    learn,
    log_of,
    records,
    world,
)

MINE = contributor("here", 0)
EVENTS = disorder(5, world(21), most=2)
HEAD = f"{AGENT_EVENTS.name}/0/1.0/head".encode()
NOTICE = f"{AGENT_EVENTS.name}/0 is learned again from its beginning: "


def learned(partitions: int = 1) -> MemoryLog:
    """A log whose events are learned in several commits."""
    log = log_of(partitions)
    for at in range(0, len(EVENTS), 60):
        append(log, EVENTS[at : at + 60])
        learn(log)
    return log


def everything(state: State) -> dict[str, Any]:
    """All that a state knows, comparable."""
    ids = sorted(entry.tobytes() for run in state.seen._runs for entry in run)
    return {
        "position": state.position,
        "counts": state.counts,
        "patterns": {
            pattern: (known.offset, known.tally.encode())
            for pattern, known in state.patterns.items()
        },
        "facts": {key: bytes(facts) for key, facts in state.sessions.packed.items()},
        "tools": state.sessions.tools,
        "ids": ids,
        "current": state.current,
    }


def restored(log: Log) -> State:
    start = start_of(log, MINE, RULES.epoch)
    assert start.notice is None
    return start.state


def live(learner: Learner) -> State:
    assert learner._working is not None
    return learner._working.state


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize("run_bytes", [512 << 10, 4 << 10, 1 << 10])
@pytest.mark.parametrize("seed", range(cases(2)))
def test_after_every_commit_the_restored_state_is_the_live_one(
    seed: int, run_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of small commits and some large; runs are joined, also those cut into segments."""
    monkeypatch.setattr(checkpoint, "RUN_BYTES", run_bytes)
    monkeypatch.setattr(checkpoint, "SEGMENT_BYTES", 1_000)
    log = log_of(1)
    append(log, disorder(seed, world(seed, sessions=7), most=3))
    learner = Learner(log, MINE, RULES)
    number = 0
    while learner.step(25 if number % 40 == 10 else 1):
        if number % 37 == 0 or number % 16 == 15:
            assert everything(restored(log)) == everything(live(learner))
        number += 1
    assert everything(restored(log)) == everything(live(learner))
    levels = [run.level for run in checkpoint.head_of(head_value(log)).runs]
    assert max(levels) >= 1
    held = {key for key, value in checkpoints(log).items() if value is not None}
    assert len(held) == 1 + sum(run.segments for run in checkpoint.head_of(head_value(log)).runs)


def head_value(log: Log) -> bytes:
    return checkpoints(log)[HEAD] or b""


def checkpoints(log: Log) -> dict[bytes, bytes | None]:
    return {
        record.key or b"": record.value
        for record in records(log, LEARNER_CHECKPOINTS)
        if (record.key or b"").startswith(AGENT_EVENTS.name.encode())
    }


def test_one_who_restores_after_every_commit_learns_what_one_who_never_does_learns() -> None:
    log = log_of(1)
    append(log, EVENTS)
    while Learner(log, MINE, RULES, label="here").step(9):
        continue
    learn(log)
    assert outcome(log) == outcome(learned())


def altered(value: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(value))
    return value[:at] + bytes([value[at] ^ (1 << rng.randrange(8))]) + value[at + 1 :]


def of_format(value: bytes, form: int) -> bytes:
    """The head as a version with another layout would have written it."""
    head = msgspec.json.decode(value[8:]) | {"format": form, "runs": "elsewhere"}
    body = msgspec.json.encode(head)
    return b"%08x" % crc32(body) + body


Damage = Callable[[bytes, Random], bytes | None]
DAMAGES: dict[str, Damage] = {
    "missing": lambda _value, _rng: None,
    "altered": altered,
    "truncated": lambda value, rng: value[: rng.randrange(len(value))],
    "empty": lambda _value, _rng: b"",
    "longer": lambda value, _rng: value + b"\0",
}


def put(log: Log, record: Record, value: bytes | None) -> None:
    log.append([Outgoing(record.topic, record.partition, record.key, value, record.headers)])


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_any_damage_to_any_record_of_a_checkpoint_is_noticed_and_mended(damage: Damage) -> None:
    whole = outcome(learned())
    for number in range(len(checkpoints(learned()))):
        log = learned()
        mine = [
            record
            for record in records(log, LEARNER_CHECKPOINTS)
            if (record.key or b"") in checkpoints(log) and record.value is not None
        ]
        if number >= len(mine):
            continue
        put(log, mine[number], damage(mine[number].value or b"", Random(number)))
        [notice] = learn(log)
        assert notice.startswith(NOTICE)
        assert outcome(log) == whole
        assert learn(log) == []


@pytest.mark.parametrize("damage", [*DAMAGES.values(), lambda *_: b"{}"], ids=[*DAMAGES, "other"])
def test_a_contribution_that_is_lost_or_altered_is_learned_again(damage: Damage) -> None:
    whole = outcome(learned())
    for number in range(0, len(records(learned(), PATTERN_CONTRIBUTIONS)), 5):
        log = learned()
        hurt = records(log, PATTERN_CONTRIBUTIONS)[number]
        value = damage(hurt.value or b"", Random(number))
        put(log, hurt, value)
        [notice] = learn(log)
        assert notice.startswith(NOTICE)
        ours = {key: outcome(log)[key] for key in whole}
        assert ours == whole
        assert learn(log) == []


@pytest.mark.usefixtures("either_log")
def test_a_checkpoint_of_another_format_is_not_read() -> None:
    log = learned()
    head = next(one for one in records(log, LEARNER_CHECKPOINTS) if one.key == HEAD)
    put(log, head, of_format(head.value or b"", 7))
    [notice] = learn(log)
    assert notice.startswith(NOTICE + "the checkpoint is damaged: the checkpoint has format 7")
    assert outcome(log) == outcome(learned())


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize("moment", range(0, 60, 7))
def test_while_it_is_learned_again_readers_see_what_they_saw(moment: int) -> None:
    """Not even a process that dies meanwhile takes anything from them."""
    log = learned()
    before = outcome(log)
    put(log, next(one for one in records(log, LEARNER_CHECKPOINTS) if one.key == HEAD), None)
    append(log, EVENTS[:3])
    faulty = Faulty(log, moment)
    learner = Learner(faulty, MINE, RULES, label="here")
    try:
        learner.step(1)
    except Broken:
        assert outcome(log) == before
    positions = [
        msgspec.json.decode(record.value or b"")["position"]
        for record in records(log, EVENT_DUPLICATES)
        if (record.key or b"").endswith(b"/position")
    ]
    assert min(positions) >= len(EVENTS)
    learn(log)
    now = outcome(log)
    assert {key: now[key] for key in before if key[0] == PATTERNS.name} == {
        key: value for key, value in before.items() if key[0] == PATTERNS.name
    }


class Beheaded(MemoryLog):
    """A log whose first records were pruned."""

    def pruned(self, topic: str, partition: int) -> Pruned:
        """Everything but the last record is gone."""
        below = super().end(topic, partition) - 1 if topic == AGENT_EVENTS.name else 0
        return Pruned(below, below)


def copied(
    source: Log, target: MemoryLog, *, without: Iterable[str] = (), events: int
) -> MemoryLog:
    """The same log with only some events, and without some derived topics."""
    for topic in TOPICS:
        if topic.name not in without:
            kept = records(source, topic)
            for one in kept[:events] if topic is AGENT_EVENTS else kept:
                put(target, one, one.value)
    return target


def test_a_log_that_lost_its_beginning_goes_on_but_is_not_learned_again() -> None:
    log = learned()
    going = copied(log, Beheaded(1), events=len(EVENTS))
    assert learn(going) == []
    for lost in ((), (EVENT_DUPLICATES.name,), (EVENT_DUPLICATES.name, PATTERN_CONTRIBUTIONS.name)):
        gone = copied(
            log, Beheaded(1), without=(LEARNER_CHECKPOINTS.name, *lost), events=len(EVENTS)
        )
        with pytest.raises(LogDamaged, match="the snapshot of what they taught is gone"):
            learn(gone)


@pytest.mark.parametrize("without", [(), (LEARNER_CHECKPOINTS.name,), (EVENT_DUPLICATES.name,)])
def test_a_log_that_lost_its_end_is_refused(without: tuple[str, ...]) -> None:
    short = copied(learned(), log_of(1), without=without, events=len(EVENTS) - 1)
    before = outcome(short)
    with pytest.raises(LogDamaged, match="lost its end"):
        learn(short)
    assert outcome(short) == before


def test_derived_topics_that_were_deleted_are_made_again() -> None:
    """All but the input may go: what is learned again is the same."""
    derived = [topic.name for topic in TOPICS if not topic.input]
    again = copied(learned(), log_of(1), without=derived, events=len(EVENTS))
    assert learn(again) == []
    assert outcome(again) == outcome(learned())
