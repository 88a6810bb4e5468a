"""A copied log: the same truths learned to the same rows, by contributors of its own."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from connectors.logs import MemoryLog, SqliteLog
from motif import copying, deadletters
from motif.copying import Copied, copy
from motif.federation import contributions, take_in
from schemas.clock import DAY_US
from schemas.envelope import STRUCTURED, Event, decode, outgoing, to_structured
from schemas.errors import LogDamaged, LogIncompatible, MotifError, WrongUse
from schemas.events import ModelCalled, ToolCalled, ToolFinished
from schemas.ids import partition_of
from schemas.log import Log, Outgoing
from schemas.topics import (
    AGENT_EVENTS,
    DEAD_LETTERS,
    DEVICE_PROBES,
    LEARNER_CHECKPOINTS,
    PATTERN_CONTRIBUTIONS,
    PATTERN_DEFINITIONS,
    TOPICS,
)
from streams.contribution import RETIRED, Contributor, contributor_of
from streams.contribution import decode as decode_contribution
from streams.federator import Federator
from streams.identity import Identity, allow_servers, found, identity_of
from streams.intake import content_hash
from streams.learner import Learner, Rules
from tests.streams.worlds import NOW, append, disorder, records, rows, world

PARTITIONS: Final = 4
LATER: Final = NOW + 400 * DAY_US
"""When copies are made: anything dated by it would be late."""

Make = Callable[[Path, int, Callable[[], int]], Log]

HOSTS: Final[dict[str, Make]] = {
    "memory": lambda _, partitions, clock: MemoryLog(partitions, clock=clock),
    "lazy": lambda _, partitions, clock: MemoryLog(partitions, clock=clock, lazy=True),
    "sqlite": lambda folder, partitions, clock: SqliteLog.create(
        folder, partitions=partitions, clock=clock
    ),
}
"""The logs that are copied from and to; a further one joins by one more entry."""

POISON: Final = b"no event at all"


@pytest.fixture(params=HOSTS)
def make(request: pytest.FixtureRequest) -> Make:
    return HOSTS[request.param]


@pytest.fixture
def source() -> Log:
    """A small log of everything a log may hold."""
    return filled(MemoryLog(PARTITIONS, clock=ticking()))


def ticking() -> Callable[[], int]:
    """A clock that goes on by hours, so that some of what belongs together is late."""
    hours = count()
    return lambda: NOW - 100 * DAY_US + next(hours) * DAY_US // 2


def filled(log: Log, seed: int = 1) -> Log:
    """Disorder, structured records, poison, misplaced ones, late ones, a tool of a server."""
    identity = found(log, "here")
    for number, event in enumerate(disorder(seed, world(seed, sessions=12), most=2)):
        record = outgoing(event, log.partitions)
        if number % 3 == 0:
            headers = (("content-type", STRUCTURED),)
            record = record._replace(value=to_structured(event), headers=headers)
        log.append([record])
    call = Event("me", "served", ToolCalled(session_id="x", agent="a", tool="mcp__acme__list"))
    other = Event("me", "elsewhere", ToolCalled(session_id="y", agent="a", tool="Read"))
    right = outgoing(other, log.partitions)
    wrong = right._replace(partition=(right.partition + 1) % log.partitions)
    bad = [Outgoing(AGENT_EVENTS.name, at, b"k", POISON) for at in range(log.partitions)]
    again = Event("me", "second", ToolFinished(session_id="x", call_id="served", ok=True))
    first = Event("me", "first", ToolFinished(session_id="x", call_id="served", ok=False))
    append(log, [call, first, again])
    log.append([wrong, *bad, *late_statement(log)])
    log.append([Outgoing(DEVICE_PROBES.name, 1, b"probe", b"of a later version")])
    allow_servers(log, identity, frozenset({"acme"}))
    return log


def late_statement(log: Log) -> list[Outgoing]:
    """A statement, and in structured mode one that comes too late to amend it."""
    said = ModelCalled(session_id="z", agent="a", message_id="m", model="opus")
    late = NOW - 300 * DAY_US
    first = Event("me", "m@0", said, None, "m", 0, recorded_us=late)
    again = outgoing(Event("me", "m@1", said, None, "m", 1), log.partitions)
    structured = to_structured(Event("me", "m@1", said, None, "m", 1))
    headers = (("content-type", STRUCTURED),)
    return [outgoing(first, log.partitions), again._replace(value=structured, headers=headers)]


def learn(log: Log) -> dict[str, bytes]:
    """Learn and federate all; the rows of all patterns, without what speaks of contributors."""
    identity = identity_of(log)
    assert identity is not None
    for partition in range(log.partitions):
        name = Contributor(identity.site_id, identity.log_id, AGENT_EVENTS.name, partition)
        rules = Rules(identity.epoch, identity.allowed_servers)
        learner = Learner(log, name, rules, label=identity.label)
        while learner.step():
            continue
    for federator in federators(log):
        while federator.step():
            continue
    return rows(log)


def federators(log: Log) -> list[Federator]:
    return [Federator(log, partition) for partition in range(log.partitions)]


def bring(here: Log, there: Log) -> None:
    """Take the contributions of the first log into the second."""
    identity = identity_of(there)
    assert identity is not None
    of = federators(there)
    take_in(there, of, identity, contributions(here))
    for federator in federators(there):
        federator.step()


def copied_to(source: Log, partitions: int) -> Log:
    target = MemoryLog(partitions, clock=lambda: LATER)
    copy(source, target, clock=lambda: LATER)
    return target


@pytest.mark.parametrize("partitions", [1, 3, 8])
def test_the_same_is_learned_in_another_number_of_partitions_and_back(
    make: Make, tmp_path: Path, partitions: int
) -> None:
    with (
        make(tmp_path / "a", PARTITIONS, ticking()) as old,
        make(tmp_path / "b", partitions, lambda: LATER) as new,
        make(tmp_path / "c", PARTITIONS, lambda: LATER) as back,
    ):
        filled(old)
        expected = learn(old)

        copy(old, new, clock=lambda: LATER)
        assert learn(new) == expected
        copy(new, back, clock=lambda: LATER)
        assert learn(back) == expected


@pytest.mark.parametrize("to", HOSTS)
def test_the_same_is_learned_on_another_host(make: Make, tmp_path: Path, to: str) -> None:
    with (
        make(tmp_path / "a", PARTITIONS, ticking()) as old,
        HOSTS[to](tmp_path / "b", 3, lambda: LATER) as new,
    ):
        filled(old, seed=2)

        copied = copy(old, new, clock=lambda: LATER)

        assert learn(new) == learn(old), "the old one was not learned before"
        assert copied.counts.retired == 0


def test_events_are_as_they_were_and_say_when_they_were_recorded(source: Log) -> None:
    target = copied_to(source, 3)

    def facts(log: Log) -> list[tuple[object, ...]]:
        found = []
        for record in records(log, AGENT_EVENTS):
            try:
                event = decode(record)
            except MotifError:
                continue
            if partition_of(event.key, log.partitions) == record.partition:
                appended_us = min(record.appended_at_us, event.recorded_us or LATER)
                content = content_hash(event, event.key)
                found.append((event.source, event.id, content, appended_us, record.value))
        return sorted(found, key=repr)

    assert facts(target) == facts(source)
    assert any(STRUCTURED in dict(one.headers).values() for one in records(target, AGENT_EVENTS))


def test_the_copy_is_the_same_site_under_the_same_settings_as_another_log(source: Log) -> None:
    allow_servers(source, found(source, ""), frozenset())
    allow_servers(source, found(source, ""), frozenset({"acme", "other"}))
    old = found(source, "")

    target = copied_to(copied_to(source, 8), 3)
    new = found(target, "another label")

    assert (new.site_id, new.label) == (old.site_id, "here")
    assert (new.epoch, new.allowed_servers) == (old.epoch, old.allowed_servers)
    assert new.settings_changes == 3
    assert new.log_id != old.log_id
    assert not [one for one in records(target, LEARNER_CHECKPOINTS) if one.value is not None]


def test_each_refused_content_has_one_letter_and_what_was_decided_stays(source: Log) -> None:
    learn(source)
    open_letters = {one.reason: one for one in deadletters.letters(source)}
    assert set(open_letters) == {
        "not_cloudevent",
        "misplaced",
        "already_finished",
        "amended_too_late",
    }
    deadletters.discard(source, [open_letters["already_finished"].letter_id])
    deadletters.retry(source, [open_letters["misplaced"].letter_id])
    expected = learn(source)

    target = copied_to(copied_to(source, 3), 8)

    assert learn(target) == expected
    assert letters(target) == letters(source)
    old = found(source, "").log_id
    origins = {one.origin for one in deadletters.letters(target, open_only=False)}
    assert all(origin.startswith(f"{old}/{AGENT_EVENTS.name}/") for origin in origins)


def test_what_no_learner_has_seen_yet_has_its_letter_too(source: Log) -> None:
    target = copied_to(source, 1)
    learn(target)
    learn(source)

    assert letters(target) == letters(source)


def letters(log: Log) -> list[tuple[str, str, bytes, str | None, int]]:
    return [
        (one.letter_id, one.reason, one.value, one.decided, one.refused_at_us)
        for one in deadletters.letters(log, open_only=False)
    ]


def test_what_this_version_does_not_read_is_carried_byte_for_byte(source: Log) -> None:
    (probe,) = records(copied_to(source, 1), DEVICE_PROBES)

    assert (probe.key, probe.value) == (b"probe", b"of a later version")


def test_nobody_who_says_who_the_old_log_is_stands_in_the_copy(source: Log) -> None:
    target = copied_to(source, 3)
    new = found(target, "")

    ids = [decode(one).id for one in records(target, PATTERN_DEFINITIONS)]

    assert ids == [f"log/{new.log_id}", f"settings/{new.log_id}/1"]


def test_old_contributions_that_come_late_are_passed_over(source: Log) -> None:
    expected = learn(source)
    target = copied_to(source, 3)

    bring(source, target)
    assert learn(target) == expected
    bring(source, target)
    assert learn(target) == expected


def test_a_peer_of_the_old_log_retires_it_when_it_takes_in_the_new_one(source: Log) -> None:
    peer = MemoryLog(2, clock=lambda: LATER)
    found(peer, "peer")
    expected = learn(source)
    bring(source, peer)
    assert rows(peer) == expected
    target = copied_to(source, 8)
    learn(target)

    for brought in (target, source, target):
        bring(brought, peer)
        assert rows(peer) == expected


def test_what_other_sites_contributed_is_carried(source: Log) -> None:
    peer = MemoryLog(2, clock=lambda: NOW)
    found(peer, "peer")
    append(peer, world(9))
    learn(peer)
    learn(source)
    bring(peer, source)
    expected = learn(source)

    target = copied_to(source, 3)

    assert learn(target) == expected
    bring(peer, target)
    assert learn(target) == expected


def test_retired_versions_fit_into_the_tables(source: Log) -> None:
    learn(source)
    old = found(source, "").log_id
    target = copied_to(source, 3)

    retired = [
        decode_contribution(record.value or b"")
        for record in records(target, PATTERN_CONTRIBUTIONS)
        if old in contributor_of(record)
    ]

    assert len(retired) == len(records(source, PATTERN_CONTRIBUTIONS)) > 0
    assert all(one.is_empty and one.epoch == RETIRED for one in retired)
    assert max(RETIRED) < 2**63


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
    make: Make, source: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(source)
    clean = MemoryLog(3, clock=lambda: LATER)
    with small_batches(monkeypatch):
        whole = copy(source, clean, clock=lambda: LATER)
    expected = held(clean)

    for step in count():
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


class Pruned(MemoryLog):
    """A log from which the beginning was taken."""

    def start(self, topic: str, partition: int) -> int:
        """Not zero."""
        return 5 if topic == AGENT_EVENTS.name else super().start(topic, partition)


def test_a_log_without_its_beginning_cannot_be_copied() -> None:
    source = filled(Pruned(PARTITIONS, clock=ticking()))

    with pytest.raises(LogDamaged, match="starts at 5: what was pruned cannot be copied"):
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
    copied = copy(source, MemoryLog(2, clock=lambda: LATER), clock=lambda: NOW - 99 * DAY_US)

    assert copied.counts.ahead > 0
    assert isinstance(copied.made, Identity)
