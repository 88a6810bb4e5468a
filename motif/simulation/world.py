"""The events of a seed: sessions with forks and holes, models amended, tasks, and poison."""

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from schemas.clock import DAY_US
from schemas.envelope import Event, outgoing
from schemas.events import ErrorClass, ModelCalled, TaskCompleted, ToolCalled, ToolFinished
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS

START_US = 1_780_000_000_000_000
"""When a simulation begins."""

EVENTS_MIN = 220
SOURCE = "simulated"
SERVER = "acme"
"""The MCP server whose name the settings sometimes allow."""

_TOOLS = ("Read", "Edit", "Bash", f"mcp__{SERVER}__query")
_ERRORS: tuple[ErrorClass | None, ...] = ("exit_code", "rejected", "other", None)


@dataclass
class World:
    """What happened: events to deliver, one that never arrives, and bytes that are no event."""

    events: list[Event] = field(default_factory=list)
    hole: Event | None = None
    revised: int = 0
    poison: list[Outgoing] = field(default_factory=list)


def world(rng: Random, partitions: int) -> World:
    """Everything that happens in one simulation, in the order it happened."""
    made = World()
    number = 0
    while len(made.events) < EVENTS_MIN:
        name = f"session-{number}"
        calls = _calls(rng, name, rng.randint(4, 26))
        if made.hole is None and len(calls) > 3:
            made.hole = calls.pop(len(calls) // 2)
        results = [one for call in calls for one in _results(rng, call)]
        mixed = [*calls, *results, *_models(rng, name, made), *_tasks(rng, name)]
        made.events += sorted(mixed, key=lambda event: event.time_us or START_US)
        number += 1
    made.poison = [_poison(rng, number, partitions) for number in range(rng.randint(2, 6))]
    made.poison.append(_misplaced(made.events[0], partitions))
    return made


def _calls(rng: Random, session: str, count: int) -> list[Event]:
    names = [f"{session}/call-{number}" for number in range(count)]
    forking, odd = rng.choice([0.0, 0.2]), rng.choice([0.0, 0.0, 0.1])
    at_us = _moment(rng)
    events = []
    for number, name in enumerate(names):
        previous = names[number - 1] if number else None
        if rng.random() < forking:
            previous = rng.choice(names[: number + 1])
        if rng.random() < odd:  # itself, a cycle, one that nobody sees, a second beginning
            previous = rng.choice([*names, f"{session}/missing", None])
        at_us += rng.choice([0, 1_000, 5_000_000, DAY_US // 3])
        call = ToolCalled(
            session_id=session,
            agent="a",
            tool=rng.choice(_TOOLS),
            previous_event_id=previous,
            seq=None if rng.random() < odd / 4 else number,
        )
        events.append(Event(SOURCE, name, call, _stated(rng, at_us)))
    return events


def _results(rng: Random, called: Event) -> list[Event]:
    """Mostly one result, at times none, or one more that contradicts it."""
    assert isinstance(called.data, ToolCalled), "only calls have results"
    events = []
    for number in range(rng.choices([0, 1, 2], [15, 80, 5])[0]):
        ok = rng.random() < 0.7
        result = ToolFinished(
            session_id=called.data.session_id,
            call_id=called.id,
            ok=ok,
            error_class=None if ok else rng.choice(_ERRORS),
        )
        at_us = (called.time_us or START_US) + rng.choice([0, 700, 6_000_000, -5])
        events.append(Event(SOURCE, f"{called.id}/result{number or ''}", result, at_us))
    return events


def _models(rng: Random, session: str, made: World) -> list[Event]:
    events = []
    for number in range(rng.randint(1, 3)):
        subject = f"{session}/message-{number}"
        revisions = rng.sample(range(6), rng.randint(2, 4))
        made.revised += len(revisions) - 1
        for revision in sorted(revisions):
            model = ModelCalled(
                session_id=session,
                agent="a",
                message_id=subject,
                model=rng.choice(("sonnet", "opus")),
                input_tokens=_count(rng),
                output_tokens=_count(rng),
                cost_usd=rng.choice([None, Decimal("0.000000001"), Decimal("12.25")]),
            )
            name, at_us = f"{subject}@{revision}", _stated(rng, _moment(rng))
            events.append(Event(SOURCE, name, model, at_us, subject, revision))
    return events


def _tasks(rng: Random, session: str) -> list[Event]:
    events = []
    for number in range(rng.randint(1, 5)):
        task = TaskCompleted(
            session_id=session,
            agent=rng.choice(("a", "b")),
            task_type=rng.choice(("fix", "test")),
            success=rng.random() < 0.5,
            duration_us=_count(rng),
            total_tokens=_count(rng),
            retry_count=_count(rng),
            cost_usd=rng.choice([None, Decimal("0.000000002")]),
        )
        events.append(Event(SOURCE, f"{session}/task-{number}", task, _stated(rng, _moment(rng))))
    return events


def _poison(rng: Random, number: int, partitions: int) -> Outgoing:
    value = rng.choice([b"no event %d", b'{"specversion":"1.0","id":"%d"}', b"\xff%d"]) % number
    return Outgoing(AGENT_EVENTS.name, rng.randrange(partitions), b"k", value)


def _misplaced(event: Event, partitions: int) -> Outgoing:
    """A valid event, unlike any other, in a partition that its key does not name."""
    record = outgoing(Event(SOURCE, "misplaced", event.data, event.time_us), partitions)
    return record._replace(partition=(record.partition + 1) % partitions)


def _moment(rng: Random) -> int:
    return START_US - rng.choice([0, 1, 20, 34, 35, 36, 60]) * DAY_US - rng.randint(0, 10**9)


def _stated(rng: Random, at_us: int) -> int | None:
    """Mostly the time, at times none, and at times one that is not yet."""
    return rng.choice([at_us] * 12 + [None, START_US + 1_000 * DAY_US])


def _count(rng: Random) -> int | None:
    return rng.choice([None, 0, 1, 5, 5, 127, 1_000, 2**63 - 1])
