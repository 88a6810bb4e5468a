"""Small worlds of sessions out of a seed, disorder to bring them into a log, and ways to learn."""

import os
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from connectors.logs.memory import MemoryLog
from motif.federation import contributions, take_in
from schemas.clock import DAY_US
from schemas.envelope import Event, outgoing
from schemas.events import (
    AgentUsed,
    ErrorClass,
    ErrorOccurred,
    ModelCalled,
    Payload,
    TaskCompleted,
    ToolCalled,
    ToolFinished,
    UserCorrected,
    UserPrompted,
)
from schemas.log import Log, Record
from schemas.topics import (
    AGENT_EVENTS,
    EVENT_DUPLICATES,
    LEARNED_TOPICS,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
    Topic,
)
from streams.contribution import Contributor, decode
from streams.federator import Federator
from streams.identity import Identity
from streams.learner import Learner
from streams.rules import Rules
from streams.tally import Tally
from tests import oracle

NOW = 1_780_000_000_000_000
"""When everything is appended."""

YEAR_1 = -62_135_596_800_000_000
"""The first moment that a time can name."""

CAMPAIGN = os.environ.get("MOTIF_CAMPAIGN") == "1"
"""Whether to try many more cases than in an ordinary run."""

SOURCE = "worlds"
TOOLS = ("Read", "Edit", "Bash", "mcp__acme__query")
ERRORS: tuple[ErrorClass | None, ...] = (
    "rejected",
    "sibling_error",
    "exit_code",
    "tool_use_error",
    "other",
    None,
)
RULES = Rules((1, 0))
OF_CONTRIBUTORS = ("version", "sites", "site_count", "contributor_count")


def cases(ordinary: int) -> int:
    """How many cases a property is tried on."""
    return ordinary * 50 if CAMPAIGN else ordinary


def world(seed: int, sessions: int = 3, calls: int = 14) -> list[Event]:
    """Distinct events of a few sessions, in their own order, of every shape we can think of."""
    rng = Random(seed)
    events: list[Event] = []
    for number in range(sessions):
        name = f"session-{number}"
        events += _session(rng, name, rng.randint(0, calls))
        events += _model_calls(rng, name, rng.randint(0, 4))
        events += _tasks(rng, name, rng.randint(0, 3))
        events += _records(rng, name, rng.randint(0, 4))
        events.append(Event(SOURCE, f"{name}/prompt", UserPrompted(session_id=name, agent="a")))
    return events


def disorder(seed: int, events: Sequence[Event], most: int = 5) -> list[Event]:
    """The events shuffled, each one to `most` times, and some contradicted after the first."""
    rng = Random(seed)
    mixed = [event for event in events for _ in range(rng.randint(1, most))]
    rng.shuffle(mixed)
    for event in rng.sample(list(events), len(events) // 8):
        first = mixed.index(event)
        at_us = rng.choice([None, NOW - 90 * DAY_US, NOW - DAY_US // 2 + 1])
        contradiction = Event(
            event.source, event.id, event.data, at_us, event.subject, event.revision
        )
        mixed.insert(rng.randint(first + 1, len(mixed)), contradiction)
    return mixed


LAZY = ContextVar("lazy", default=False)
"""Whether logs have gaps and keep what was superseded; see the fixture `either_log`."""


def log_of(partitions: int) -> MemoryLog:
    """A log whose clock stands still."""
    return MemoryLog(partitions, clock=lambda: NOW, lazy=LAZY.get())


def contributor(site: str, partition: int, topic: Topic = AGENT_EVENTS) -> Contributor:
    """The contributor of a partition of a site's only log."""
    return Contributor(site, f"log-of-{site}", topic.name, partition)


def append(log: Log, events: Iterable[Event]) -> None:
    """Append all in one transaction."""
    log.append([outgoing(event, log.partitions) for event in events])


def learn(log: Log, site: str = "here", rules: Rules = RULES) -> list[str]:
    """Learn and federate all that is in the log; the learners' notices."""
    notices = []
    for topic in LEARNED_TOPICS:
        for partition in range(log.partitions):
            learner = Learner(log, contributor(site, partition, topic), rules, label=site)
            while learner.step():
                continue
            notices += learner.notices
    federate(log)
    return notices


def learn_in_bits(seed: int, log: Log, events: Sequence[Event], site: str = "here") -> None:
    """Append in random batches, learning in random steps and restarting at random between them."""
    rng = Random(seed)
    learners = [Learner(log, contributor(site, at), RULES) for at in range(log.partitions)]
    federators = [Federator(log, at) for at in range(log.partitions)]
    at = 0
    while at < len(events):
        size = rng.randint(1, 40)
        append(log, events[at : at + size])
        at += size
        for _ in range(rng.randint(0, 3)):
            partition = rng.randrange(log.partitions)
            if rng.random() < 0.3:
                learners[partition] = Learner(log, contributor(site, partition), RULES)
            learners[partition].step(rng.randint(1, 20))
            if rng.random() < 0.3:
                federators[partition] = Federator(log, partition)
            federators[partition].step()
    for learner in learners:
        while learner.step(rng.randint(5, 50)):
            continue
    for federator in federators:
        federator.step()


def federate(log: Log) -> None:
    """Write every row that is due."""
    for partition in range(log.partitions):
        Federator(log, partition).step()


def bring(source: Log, target: Log, site: str) -> None:
    """Take the contributions of one log into another."""
    federators = [Federator(target, partition) for partition in range(target.partitions)]
    identity = Identity(site, f"log-of-{site}", site)
    take_in(target, federators, identity, contributions(source))
    federate(target)


def records(log: Log, topic: Topic) -> list[Record]:
    """Everything that stands on a topic; of a compacted one, the last record of every key."""
    found: list[Record] = []
    for partition in range(log.partitions):
        read = log.read(topic.name, partition, 0, 1_000_000)
        last = {record.key: record.offset for record in read}
        found += [one for one in read if not topic.compacted or last[one.key] == one.offset]
    return found


def rows(log: Log) -> dict[str, bytes]:
    """The rows of all patterns by id, without what speaks of contributors."""
    found = {}
    for record in records(log, PATTERNS):
        if record.value is not None:
            row = msgspec.json.decode(record.value)
            for name in OF_CONTRIBUTORS:
                del row[name]
            found[(record.key or b"").decode()] = msgspec.json.encode(row)
    return found


def tallies(log: Log) -> dict[tuple[str, ...], Tally]:
    """The sum of all contributions by pattern, without what nobody makes any more."""
    found: dict[tuple[str, ...], Tally] = {}
    for record in records(log, PATTERN_CONTRIBUTIONS):
        if record.value is not None:
            said = decode(record.value)
            found[said.pattern] = found.get(said.pattern, Tally()) + said.learned()
    return {pattern: tally for pattern, tally in found.items() if not tally.is_empty}


def numbers(tally: Tally) -> dict[str, object]:
    """A tally as the oracle states it."""
    parts = ("n", "total", "squares", "minimum", "maximum")
    names = ("occurrences", "successes", "failures", "undated", "first_us", "last_us")
    return {
        **{name: getattr(tally, name) for name in names},
        "extra": dict(tally.extra),
        "days": tally.days.to_json(),
        "measures": {
            name: {part: getattr(measure, part) for part in parts}
            for name, measure in tally.measures.items()
        },
    }


def reached(log: Log) -> list[dict[str, Any]]:
    """What the learners say of their partitions."""
    return [
        msgspec.json.decode(record.value or b"")
        for record in records(log, EVENT_DUPLICATES)
        if (record.key or b"").endswith(b"/position")
    ]


def _session(rng: Random, session: str, calls: int) -> list[Event]:
    names = [f"{session}/call-{number}" for number in range(calls)]
    failing, forking, odd = rng.random(), rng.choice([0.0, 0.3]), rng.choice([0.0, 0.1])
    unordered = rng.random() < 0.1
    events = []
    at_us = _moment(rng)
    for number, name in enumerate(names):
        previous = names[number - 1] if number else None
        if rng.random() < forking:
            previous = rng.choice(names[: number + 1])
        if rng.random() < odd:  # itself, a cycle, one that is never seen, a second beginning
            previous = rng.choice([*names, f"{session}/missing", None])
        seq = None if unordered or rng.random() < odd / 4 else number
        call = ToolCalled(
            session_id=session,
            agent="a",
            tool=rng.choice(TOOLS),
            previous_event_id=previous,
            seq=seq,
        )
        at_us += rng.choice([0, 1_000, 5_000_000, DAY_US // 3])
        events.append(Event(SOURCE, name, call, _stated(rng, at_us)))
        if rng.random() < 0.85:
            ok = rng.random() > failing
            error = None if ok else rng.choice(ERRORS)
            result = ToolFinished(session_id=session, call_id=name, ok=ok, error_class=error)
            finished_us = at_us + rng.choice([0, 700, 6_000_000, -5])
            events.append(Event(SOURCE, f"{name}/result", result, _stated(rng, finished_us)))
    if rng.random() < 0.2:
        orphan = ToolFinished(session_id=session, call_id=f"{session}/never", ok=False)
        events.append(Event(SOURCE, f"{session}/never/result", orphan, at_us))
    return events


def _model_calls(rng: Random, session: str, calls: int) -> list[Event]:
    events = []
    for number in range(calls):
        subject = f"{session}/message-{number}"
        for revision in rng.sample(range(9), rng.randint(1, 4)):
            model = ModelCalled(
                session_id=session,
                agent="a",
                message_id=subject,
                model=rng.choice(("sonnet", "opus")),
                input_tokens=_count(rng),
                output_tokens=_count(rng),
                cache_read_tokens=_count(rng),
                total_tokens=rng.choice([None, None, 7]),
                cost_usd=rng.choice([None, Decimal("0.0000000005"), Decimal("12.25")]),
            )
            at_us = _stated(rng, _moment(rng))
            if revision == 8:
                events.append(Event(SOURCE, f"{subject}/only", model, at_us))
            else:
                name = f"{subject}@{revision}"
                events.append(Event(SOURCE, name, model, at_us, subject, revision))
    return events


def _tasks(rng: Random, session: str, count: int) -> list[Event]:
    events = []
    for number in range(count):
        name = f"{session}/task-{number}"
        events.append(Event(SOURCE, name, _task(rng, session), _stated(rng, _moment(rng))))
    return events


def _task(rng: Random, session: str) -> TaskCompleted:
    return TaskCompleted(
        session_id=session,
        agent=rng.choice(("a", "b")),
        task_type="fix",
        success=rng.random() < 0.5,
        duration_us=_count(rng),
        total_tokens=_count(rng),
        retry_count=_count(rng),
        coverage_percent=rng.choice([None, 87.5, 0.00005, 33.33335, 100.0]),
        cost_usd=rng.choice([None, Decimal("0.0000000015")]),
    )


def _records(rng: Random, session: str, count: int) -> list[Event]:
    """Agent records, each stated once or several times; also tasks, beside those without revision.

    A task without revision has the name of a thing that others revise, and is none the less alone.
    """
    events = []
    for number in range(count):
        make = rng.choice((_task, _task, _error, _usage, _correction))
        subject = f"{session}/{make.__name__}-record-{number}"
        for revision in rng.sample(range(9), rng.randint(1, 4)):
            at_us = _stated(rng, _moment(rng))
            if revision == 8:
                events.append(Event(SOURCE, f"{subject}/only", make(rng, session), at_us))
            elif revision == 7 and make is _task:
                events.append(Event(SOURCE, subject, make(rng, session), at_us))
            else:
                name = f"{subject}@{revision}"
                events.append(Event(SOURCE, name, make(rng, session), at_us, subject, revision))
    return events


def _error(rng: Random, session: str) -> Payload:
    error_type, message = rng.choice(list(oracle.ERRORS))
    return ErrorOccurred(
        session_id=session,
        error_type=error_type,
        error_message=message,
        resolution=rng.choice([None, "Cast it", "cast  IT", "Write the file"]),
        resolution_time_us=_count(rng),
        auto_resolved=rng.choice([None, True, False]),
        user_intervention=rng.choice([None, True, False]),
    )


def _usage(rng: Random, session: str) -> Payload:
    return AgentUsed(
        session_id=session,
        agent_type=rng.choice(("a", "b")),
        task_type="fix",
        success=rng.random() < 0.5,
        duration_us=_count(rng) or 0,
        tools_used=rng.choice([None, [], ["Read"], ["Read", "mcp__acme__query", "Read"]]),
        tokens_used=_count(rng),
        api_calls=_count(rng),
        memory_mb=rng.choice([None, 125.5, 0.0000005, 10.0**12]),
        cpu_percent=rng.choice([None, 45.2, 400.0, 0.00005]),
        retry_count=_count(rng),
    )


def _correction(rng: Random, session: str) -> Payload:
    return UserCorrected(
        session_id=session,
        original_output="x",
        corrected_output="y",
        correction_type=rng.choice(("type_safety", "naming")),
        agent="a",
        correction_category=rng.choice([None, "quality"]),
        severity=rng.choice([None, "minor", "moderate", "critical"]),
    )


def _moment(rng: Random) -> int:
    if rng.random() < 0.02:
        return rng.choice([0, -1, YEAR_1])  # 1970, the day before it, the first
    return NOW - rng.choice([0, 1, 20, 34, 35, 36, 60, 2_000]) * DAY_US - rng.randint(0, 3)


def _stated(rng: Random, at_us: int) -> int | None:
    return rng.choice([max(at_us, YEAR_1)] * 12 + [None, 4_080_000_000_000_000])


def _count(rng: Random) -> int | None:
    return rng.choice([None, 0, 1, 5, 5, 127, 129, 1_000, 2**63 - 1])
