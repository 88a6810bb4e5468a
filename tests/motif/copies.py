"""Logs that hold everything a log may hold, and the hosts that are copied from and to."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from connectors.logs import MemoryLog, SqliteLog, kafka_topics
from connectors.logs.kafka import KafkaLog
from connectors.logs.kafka_settings import KafkaSettings
from motif.copying import copy
from motif.federation import contributions, take_in
from schemas.clock import DAY_US, new_id
from schemas.envelope import STRUCTURED, Event, outgoing, to_structured
from schemas.events import ModelCalled, ToolCalled, ToolFinished
from schemas.log import Log, Outgoing
from schemas.topics import (
    AGENT_EVENTS,
    PATTERN_USAGES,
)
from streams.contribution import Contributor
from streams.federator import Federator
from streams.identity import allow_servers, found, identity_of
from streams.learner import Learner
from streams.rules import Rules
from tests.streams.worlds import NOW, append, disorder, rows, world

PARTITIONS: Final = 4
LATER: Final = NOW + 400 * DAY_US
"""When copies are made: anything dated by it would be late."""

Make = Callable[[Path, int, Callable[[], int]], Log]


class Passing(KafkaLog):
    """A log on Kafka whose topics are gone when it is closed."""

    def close(self) -> None:
        """Let go of connections, and delete the topics."""
        super().close()
        kafka_topics.delete(self.settings)


HOSTS: Final[dict[str, Make]] = {
    "memory": lambda _, partitions, clock: MemoryLog(partitions, clock=clock),
    "lazy": lambda _, partitions, clock: MemoryLog(partitions, clock=clock, lazy=True),
    "sqlite": lambda folder, partitions, clock: SqliteLog.create(
        folder, partitions=partitions, clock=clock
    ),
}
"""The logs of one machine that are copied from and to."""

PARAMS: Final = {
    name: pytest.param(name, marks=pytest.mark.needs_kafka if name == "kafka" else ())
    for name in (*HOSTS, "kafka")
}
"""All logs that are copied from and to, as parameters of a test."""


def host(request: pytest.FixtureRequest, name: str) -> Make:
    """How a log of that host is made; on Kafka it has topics of its own, and the broker's clock."""
    if name != "kafka":
        return HOSTS[name]
    bootstrap: str = request.getfixturevalue("kafka")

    def make(_: Path, partitions: int, __: Callable[[], int]) -> Log:
        settings = KafkaSettings(bootstrap, prefix=f"t{new_id()[:8]}.")
        kafka_topics.create(settings, partitions=partitions)
        return Passing.open(settings)

    return make


POISON: Final = b"no event at all"


def ticking() -> Callable[[], int]:
    """A clock that goes on by hours, so that some of what belongs together is late.

    It begins so long ago that it is never ahead of a broker's own.
    """
    hours = count()
    return lambda: NOW - 700 * DAY_US + next(hours) * DAY_US // 2


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
    log.append([Outgoing(PATTERN_USAGES.name, 1, b"usage", b"of a later version")])
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
        rules = Rules.of(identity)
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
