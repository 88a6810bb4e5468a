"""What writing and reading one event costs: `python -m tests.benchmarks.bench_envelope`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from time import perf_counter
from typing import Any

from schemas.envelope import Event, decode, from_structured, outgoing, to_structured
from schemas.events import ModelCalled, TaskCompleted, ToolCalled, ToolFinished
from schemas.log import Record

EVENTS = 2_000
ROUNDS = 15
SOURCE = "motif:claude-code"
START_US = 1_750_000_000_000_000


def generated() -> dict[str, list[Event]]:
    """As many events of each class that is common, with ids and times of their own."""
    makers: list[Callable[[int], Event]] = [called, finished, answered, completed]
    made = [[make(i) for i in range(EVENTS)] for make in makers]
    return {type(events[0].data).__name__: events for events in made}


def called(i: int) -> Event:
    """A tool call of a session of 72."""
    data = ToolCalled(
        session_id=session(i),
        agent="claude-code",
        tool="Bash",
        previous_event_id=f"toolu_{i - 1:024d}",
        seq=i,
    )
    return Event(SOURCE, f"toolu_{i:024d}", data, moment(i))


def finished(i: int) -> Event:
    """The result of that call."""
    data = ToolFinished(session_id=session(i), call_id=f"toolu_{i:024d}", ok=True)
    return Event(SOURCE, f"toolu_{i:024d}/result", data, moment(i))


def answered(i: int) -> Event:
    """A revision of a model's answer."""
    data = ModelCalled(
        session_id=session(i),
        agent="claude-code",
        message_id=f"msg_{i:024d}",
        model="claude-opus",
        input_tokens=i,
        output_tokens=i,
        cache_read_tokens=100_000 + i,
    )
    return Event(SOURCE, f"msg_{i:024d}@{i}", data, moment(i), subject=f"msg_{i:024d}", revision=i)


def completed(i: int) -> Event:
    """A task with some of its measures."""
    data = TaskCompleted(
        task_type=f"type-{i % 100}",
        agent=f"agent-{i % 100}",
        success=True,
        duration_us=i * 1_000,
        total_tokens=i,
        cost_usd=Decimal(i) / 1_000,
        session_id=f"s{i}",
    )
    return Event("generated", f"task-{i}", data, moment(i))


def session(i: int) -> str:
    """The id of the session of the i-th call."""
    return f"5f0c1a{i // 72:030d}"


def moment(i: int) -> int:
    """When the i-th event happened."""
    return START_US + i * 1_234_567


def as_read(event: Event) -> Record:
    """The record of an event as a log hands it out: new objects, nothing shared."""
    record = outgoing(event, 4)
    headers = tuple((name, bytes(bytearray(content))) for name, content in record.headers)
    return Record(record.topic, record.partition, 0, record.key, record.value, headers, START_US)


def microseconds(act: Callable[[Any], object], things: Sequence[Any]) -> float:
    """The best of some rounds, for one thing."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = perf_counter()
        for thing in things:
            act(thing)
        best = min(best, perf_counter() - start)
    return best / len(things) * 1e6


def measured() -> dict[str, dict[str, float]]:
    """Microseconds an event, by class and by what was done."""
    figures: dict[str, dict[str, float]] = {}
    for name, events in generated().items():
        records = [as_read(event) for event in events]
        documents = [to_structured(event) for event in events]
        values = [(type(e.data), r.value or b"") for e, r in zip(events, records, strict=True)]
        figures[name] = {
            "outgoing": microseconds(lambda event: outgoing(event, 4), events),
            "decode": microseconds(decode, records),
            "pydantic alone": microseconds(
                lambda pair: pair[0].__pydantic_validator__.validate_json(pair[1]), values
            ),
            "to_structured": microseconds(to_structured, events),
            "from_structured": microseconds(from_structured, documents),
        }
    return figures


def main() -> None:
    """Print the table."""
    for name, figures in measured().items():
        print(f"{name:14}", "  ".join(f"{what} {us:5.2f} µs" for what, us in figures.items()))


if __name__ == "__main__":
    main()
