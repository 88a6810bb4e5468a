"""A copy that is ended at any step goes on where it was; what is no place for it is refused."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from connectors.logs import MemoryLog
from motif import copying
from motif.copying import Copied, copy
from schemas.clock import DAY_US
from schemas.errors import LogDamaged, LogIncompatible, WrongUse
from schemas.log import Log, Outgoing
from schemas.topics import (
    AGENT_EVENTS,
    DEAD_LETTERS,
    LEARNER_CHECKPOINTS,
    PATTERN_DEFINITIONS,
    TOPICS,
)
from streams.identity import Identity, found, identity_of
from tests.motif.copies import (
    LATER,
    PARAMS,
    PARTITIONS,
    Make,
    copied_to,
    filled,
    host,
    learn,
    ticking,
)
from tests.streams.worlds import CAMPAIGN, NOW, append, records, world


@pytest.fixture(params=PARAMS.values())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(request: pytest.FixtureRequest, name: str) -> Make:
    return host(request, name)


@pytest.fixture
def source() -> Log:
    """A small log of everything a log may hold."""
    return filled(MemoryLog(PARTITIONS, clock=ticking()))


class PowerCut(BaseException):
    """Stands for the end of a process, where the process is this one."""


@contextmanager
def small_batches(monkeypatch: pytest.MonkeyPatch, ends_at: Iterable[int] = ()) -> Iterator[None]:
    """Every batch is small, and the process ends when it gets to these steps, one after another."""
    steps = count()
    ends = set(ends_at)

    def reached(name: str) -> None:
        if next(steps) in ends:
            raise PowerCut(name)

    with monkeypatch.context() as patch:
        patch.setattr(copying, "BATCH_RECORDS", 25)
        patch.setattr(copying, "reach", reached)
        yield


def test_ended_at_any_step_and_started_again_nothing_is_doubled_or_lost(
    name: str, make: Make, source: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = 5 if name == "kafka" and not CAMPAIGN else 1  # a step takes more than a second there
    learn(source)
    clean = MemoryLog(3, clock=lambda: LATER)
    with small_batches(monkeypatch):
        whole = copy(source, clean, clock=lambda: LATER)
    expected = held(clean)

    for step in count(0, every):
        with make(tmp_path / str(step), 3, lambda: LATER) as target:
            with small_batches(monkeypatch, [step]):
                copied = run(source, target)
                if copied is not None:
                    break
                if identity_of(target) is None:
                    with pytest.raises(LogIncompatible, match="run the same 'motif copy' again"):
                        found(target, "")
                    copied = run(source, target)
                    assert copied is not None
                    assert (copied.counts, copied.resumed) == (whole.counts, True)
            assert held(target) == expected, step
    assert step > 30


def test_ended_at_every_step_it_still_comes_to_its_end(
    source: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(source)
    expected = held(copied_to(source, 3))
    target = MemoryLog(3, clock=lambda: LATER, lazy=True)
    ends = 0
    with small_batches(monkeypatch, range(0, 10_000, 2)):
        while identity_of(target) is None:
            ends += run(source, target) is None

    assert ends > 10
    assert held(target) == expected


def run(source: Log, target: Log) -> Copied | None:
    """Copy, unless the power is cut."""
    try:
        return copy(source, target, clock=lambda: LATER)
    except PowerCut:
        return None


def held(log: Log) -> dict[str, list[tuple[object, ...]]]:
    """What stands in a log, of a key the last where that is all that counts."""
    held: dict[str, list[tuple[object, ...]]] = {}
    for topic in TOPICS:
        if topic in {PATTERN_DEFINITIONS, LEARNER_CHECKPOINTS}:
            continue
        found = [(one.partition, one.key, one.value, one.headers) for one in records(log, topic)]
        if topic.compacted:
            found = list({one[1]: one for one in found}.values())
        held[topic.name] = sorted(found, key=repr) if topic.compacted else list(found)
    return held


def test_what_was_recorded_meanwhile_is_carried_when_it_is_started_again(
    source: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = MemoryLog(3, clock=lambda: LATER)
    with small_batches(monkeypatch, [8]):
        assert run(source, target) is None
    append(source, world(77))
    learn(source)

    copied = copy(source, target, clock=lambda: LATER)

    assert copied.resumed
    assert learn(target) == learn(source)


def test_a_copy_is_of_one_log_only(source: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    other = MemoryLog(2, clock=lambda: NOW)
    found(other, "other")
    target = MemoryLog(3, clock=lambda: LATER)
    with small_batches(monkeypatch, [3]):
        assert run(source, target) is None

    with pytest.raises(WrongUse, match=f"an unfinished copy of log {found(source, '').log_id}"):
        copy(other, target)


def test_a_log_is_no_target(source: Log) -> None:
    with pytest.raises(WrongUse, match="already holds a log"):
        copy(source, source)
    target = copied_to(source, 2)
    with pytest.raises(WrongUse, match="already holds a log"):
        copy(source, target)


def test_other_records_are_no_target(source: Log) -> None:
    target = MemoryLog(2)
    target.append([Outgoing(DEAD_LETTERS.name, 1, b"k", b"v")])

    with pytest.raises(WrongUse, match="already holds records"):
        copy(source, target)
    with pytest.raises(LogIncompatible, match="does not say who it is"):
        found(target, "")


def test_a_log_that_does_not_say_who_it_is_cannot_be_copied() -> None:
    with pytest.raises(LogIncompatible, match="does not say who it is"):
        copy(MemoryLog(2), MemoryLog(2))


def test_a_log_without_its_beginning_cannot_be_copied() -> None:
    source = MemoryLog(PARTITIONS, clock=ticking())
    filled(source)
    source.prune_before(AGENT_EVENTS.name, 0, 5)

    with pytest.raises(
        LogDamaged, match="is not whole below offset 5: what was pruned cannot be copied"
    ):
        copy(source, MemoryLog(2))


def test_a_log_that_lost_its_end_meanwhile_is_not_gone_on_with(
    source: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = MemoryLog(3, clock=lambda: LATER)
    with small_batches(monkeypatch, [20]):
        assert run(source, target) is None
    for partition in range(PARTITIONS):
        stream = source._streams[AGENT_EVENTS.name, partition]  # type: ignore[attr-defined]
        del stream.slots[3:]

    with pytest.raises(LogDamaged, match="the log lost its end"):
        copy(source, target)


def test_events_of_the_future_are_counted(source: Log) -> None:
    copied = copy(source, MemoryLog(2, clock=lambda: LATER), clock=lambda: NOW - 699 * DAY_US)

    assert copied.counts.ahead > 0
    assert isinstance(copied.made, Identity)
