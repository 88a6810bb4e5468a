"""What the learners must find in a set of events: a second, slow and plain statement of the rules.

It shares no code with `streams`. It is given distinct events (of every repeat the one that was
appended first), all appended at one moment, looks at all of them at once and counts paths.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from schemas.envelope import Event
from schemas.events import (
    AgentUsed,
    ErrorOccurred,
    ModelCalled,
    Payload,
    TaskCompleted,
    ToolCalled,
    ToolFinished,
    UserCorrected,
)

DAY = 86_400_000_000
Pattern = tuple[str, ...]
Path = list["Node"]


@dataclass
class Expected:
    """What is known of one pattern: every fact with its time, and every value of every measure."""

    facts: list[tuple[int | None, int, int, int]] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    values: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def numbers(self) -> dict[str, object]:
        """Everything but histograms, as plain numbers."""
        dated = [(at, counts) for at, *counts in self.facts if at is not None]
        days: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        for at, counts in dated:
            days[at // DAY] = [a + b for a, b in zip(days[at // DAY], counts, strict=True)]
        greatest = max(days, default=0)
        return {
            "occurrences": sum(fact[1] for fact in self.facts),
            "successes": sum(fact[2] for fact in self.facts),
            "failures": sum(fact[3] for fact in self.facts),
            "undated": sum(fact[1] for fact in self.facts if fact[0] is None),
            "first_us": min((at for at, _ in dated), default=None),
            "last_us": max((at for at, _ in dated), default=None),
            "extra": dict(self.counters),
            "days": [[day, *days[day]] for day in sorted(days) if day > greatest - 35],
            "measures": {
                name: {
                    "n": len(values),
                    "total": sum(values),
                    "squares": sum(value**2 for value in values),
                    "minimum": min(values),
                    "maximum": max(values),
                }
                for name, values in self.values.items()
            },
        }


@dataclass(eq=False)
class Node:
    """A tool call with its place in the forest of its session."""

    tool: str
    at: int | None
    parent: str | None
    ordered: bool
    ok: bool | None = None
    error: str = "other"
    finished: int | None = None
    after: Path = field(default_factory=list)


def expected(events: Sequence[Event], appended_us: int) -> dict[Pattern, dict[str, object]]:
    """The numbers of every pattern that the events make."""
    found: dict[Pattern, Expected] = defaultdict(Expected)
    sessions: dict[str, dict[str, Node]] = defaultdict(dict)
    for event in events:
        if isinstance(event.data, ToolCalled):
            call = event.data
            node = Node(
                _shown(call.tool),
                _at(event, appended_us),
                call.previous_event_id,
                call.seq is not None,
            )
            sessions[call.session_id][event.id] = node
    for event in events:
        if isinstance(event.data, ToolFinished):
            called = sessions[event.data.session_id].get(event.data.call_id)
            if called is not None:
                called.ok, called.finished = event.data.ok, _at(event, appended_us)
                called.error = event.data.error_class or "other"
        if isinstance(event.data, TaskCompleted) and event.revision is None:
            _task(found, event.data, _at(event, appended_us))
    for nodes in sessions.values():
        for node in nodes.values():
            before = nodes.get(node.parent or "")
            if before not in (None, node) and node.ordered and before.ordered:
                before.after.append(node)
        _session(found, list(nodes.values()))
    _models(found, events, appended_us)
    _records(found, events, appended_us)
    return {pattern: numbers.numbers() for pattern, numbers in found.items()}


def _session(found: dict[Pattern, Expected], nodes: Path) -> None:
    contains: set[Pattern] = set()
    for node in nodes:
        _tool(found[("tool", node.tool)], node)
        for path in _paths([node], 5):
            if len(path) > 1:
                kind = "tool_usage" if len(path) == 2 else "task_sequence"
                pattern = (kind, *(one.tool for one in path))
                found[pattern].facts.append((path[-1].at, 1, 0, 0))
                contains.add(pattern)
        if node.ok is False:
            for after in node.after:
                _recovery(found, node, after)
    for pattern in contains:
        found[pattern].counters["sessions"] += 1


def _tool(tool: Expected, node: Node) -> None:
    tool.facts.append((node.at, 1, 0, 0))
    if node.ok is not None:
        tool.facts.append((node.at, 0, int(node.ok), int(not node.ok)))
        if node.at is not None and node.finished is not None:
            tool.values["latency"].append(node.finished - node.at)


def _recovery(found: dict[Pattern, Expected], failed: Node, after: Node) -> None:
    pair = found[("error_recovery", failed.error, failed.tool, after.tool)]
    pair.facts.append((after.at, 1, 0, 0))
    known = failed.finished
    if after.at is not None and known is not None and after.at < known:
        pair.counters["parallel"] += 1
        return
    for path in _paths([failed, after], 11):
        last = path[-1]
        tries = [one for one in path[1:] if one.tool == failed.tool]
        if any(one.ok is None for one in path) or any(one.ok for one in tries if one is not last):
            continue  # not decided yet, or decided before
        if last in tries and last.ok:
            pair.facts.append((last.at, 0, 1, 0))
            pair.values["attempts"].append(len(tries))
            if known is not None and last.finished is not None:
                pair.values["time_to_recovery"].append(last.finished - known)
        elif len(path) == 11:
            pair.facts.append((last.at, 0, 0, 1))


def _paths(path: Path, longest: int) -> Iterator[Path]:
    """Every way down that begins with `path` and meets no call twice."""
    yield path
    if len(path) < longest:
        for after in path[-1].after:
            if after not in path:
                yield from _paths([*path, after], longest)


def _models(found: dict[Pattern, Expected], events: Sequence[Event], appended_us: int) -> None:
    for event in _current(events, ModelCalled):
        call = event.data
        assert isinstance(call, ModelCalled)
        model = found[("model", call.agent, call.model)]
        model.facts.append((_at(event, appended_us), 1, 0, 0))
        names = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"]
        for name in (*names, "total_tokens"):
            if getattr(call, name) is not None:
                model.values[name].append(getattr(call, name))
        if call.total_tokens is None and None not in (call.input_tokens, call.output_tokens):
            model.values["total_tokens"].append(sum(getattr(call, name) or 0 for name in names))
        if call.cost_usd is not None:
            model.values["cost"].append(round(Fraction(call.cost_usd) * 10**9))


def _current(events: Sequence[Event], payload: type[Payload]) -> list[Event]:
    """The greatest statement about each thing."""
    stated: dict[str, Event] = {}
    for event in events:
        if isinstance(event.data, payload):
            before = stated.get(event.subject or event.id)
            if before is None or (event.revision or 0) > (before.revision or 0):
                stated[event.subject or event.id] = event
    return list(stated.values())


def _records(found: dict[Pattern, Expected], events: Sequence[Event], appended_us: int) -> None:
    revised = [event for event in events if event.revision is not None]
    for event in _current(revised, TaskCompleted):
        assert isinstance(event.data, TaskCompleted)
        _task(found, event.data, _at(event, appended_us))
    for event in _current(events, ErrorOccurred):
        assert isinstance(event.data, ErrorOccurred)
        _error(found, event.data, _at(event, appended_us))
    for event in _current(events, AgentUsed):
        assert isinstance(event.data, AgentUsed)
        _usage(found, event.data, _at(event, appended_us))
    for event in _current(events, UserCorrected):
        said = event.data
        assert isinstance(said, UserCorrected)
        category = said.correction_category or "none"
        mine = found[("correction", said.agent, said.correction_type, category)]
        mine.facts.append((_at(event, appended_us), 1, 0, 0))
        if said.severity:
            mine.counters[f"severity.{said.severity}"] += 1


ERRORS = {
    ("TypeError", "unsupported operand type(s) for +: 'int' and 'str'"): (
        "TypeError",
        "unsupported operand * for * and *",
    ),
    ("acme.AcmeError", "file '/home/ann/x.txt' not found (line 7)"): (
        "other",
        "file * not found line *",
    ),
}
"""Errors of the worlds, and what may be shown of them."""


def _error(found: dict[Pattern, Expected], said: ErrorOccurred, at: int | None) -> None:
    mine = found[("error", *ERRORS[said.error_type, said.error_message])]
    mine.facts.append((at, 1, 0, 0))
    if said.resolution_time_us is not None:
        mine.values["time_to_resolve"].append(said.resolution_time_us)
    if said.resolution is not None:
        words = " ".join(said.resolution.casefold().split()).encode()
        mine.counters["resolution." + hashlib.blake2b(words, digest_size=8).hexdigest()] += 1
    for name in ("auto_resolved", "user_intervention"):
        if getattr(said, name):
            mine.counters[name] += 1
    if said.resolution is not None or said.auto_resolved:
        mine.counters["resolved"] += 1


_USAGE = {"duration_us": "duration", "tokens_used": "tokens", "retry_count": "retries"}
_USAGE |= {name: name for name in ("api_calls", "files_accessed", "parallel_tasks")}


def _usage(found: dict[Pattern, Expected], said: AgentUsed, at: int | None) -> None:
    mine = found[("agent_usage", said.agent_type, said.task_type)]
    mine.facts.append((at, 1, int(said.success), int(not said.success)))
    for name, measure in _USAGE.items():
        if getattr(said, name) is not None:
            mine.values[measure].append(getattr(said, name))
    if said.memory_mb is not None:
        mine.values["memory"].append(round(Fraction(repr(said.memory_mb)) * 10**6))
    if said.cpu_percent is not None:
        mine.values["cpu"].append(round(Fraction(repr(said.cpu_percent)) * 10**4))
    for tool in {_shown(tool) for tool in said.tools_used or []}:
        mine.counters[f"tool.{tool}"] += 1


_TASK = {"duration_us": "duration", "retry_count": "retries"}
_TASK |= {name: name for name in ("input_tokens", "output_tokens", "total_tokens", "lines_of_code")}
_TASK |= {
    name: name for name in ("files_created", "files_modified", "tests_passed", "tests_failed")
}


def _task(found: dict[Pattern, Expected], task: TaskCompleted, at: int | None) -> None:
    mine = found[("task", task.agent, task.task_type)]
    mine.facts.append((at, 1, int(task.success), int(not task.success)))
    for name, measure in _TASK.items():
        if getattr(task, name) is not None:
            mine.values[measure].append(getattr(task, name))
    if task.coverage_percent is not None:
        mine.values["coverage"].append(round(Fraction(repr(task.coverage_percent)) * 10**4))
    if task.cost_usd is not None:
        mine.values["cost"].append(round(Fraction(task.cost_usd) * 10**9))


def _at(event: Event, appended_us: int) -> int | None:
    """A time that is missing or more than a day ahead of the append time is none."""
    return None if event.time_us is None or event.time_us > appended_us + DAY else event.time_us


def _shown(tool: str) -> str:
    return re.sub(r"^mcp__\w+?__", "mcp__*__", tool)
