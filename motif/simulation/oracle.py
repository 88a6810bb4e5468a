"""What must be learned, stated a second time and plainly, from all that stands in the log.

It shares no code with the learner: it looks at all events of a partition at once and counts paths.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from schemas.envelope import Event
from schemas.events import ModelCalled, TaskCompleted, ToolCalled, ToolFinished

DAY = 86_400_000_000
Pattern = tuple[str, ...]
Told = NamedTuple("Told", [("event", Event), ("offset", int), ("appended", int)])
TASK = {"duration_us": "duration", "total_tokens": "total_tokens", "retry_count": "retries"}


class Oracle:
    """Facts and values of every pattern, and the offsets of valid events that count for nothing."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.shown = {f"mcp__{server}__query" for server in allowed}
        self.facts: dict[Pattern, list[tuple[int | None, int, int, int]]] = defaultdict(list)
        self.values: dict[Pattern, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.sessions: dict[Pattern, set[str]] = defaultdict(set)

    def hear(self, told: Iterable[Told]) -> list[int]:
        """Count all of one partition, in its order; the offsets that must be refused."""
        of: dict[type, dict[str, Told]] = defaultdict(dict)
        for one in told:
            of[type(one.event.data)].setdefault(one.event.id, one)
        results, twice = _joined(of[ToolCalled], of[ToolFinished].values())
        self._walk(of[ToolCalled], results)
        for one in of[TaskCompleted].values():
            task: Any = one.event.data
            pattern = ("task", task.agent, task.task_type)
            self.facts[pattern].append((_at(one), 1, int(task.success), int(not task.success)))
            self._measure(
                pattern, {TASK[name]: getattr(task, name) for name in TASK}, task.cost_usd
            )
        true, late = _amended(of[ModelCalled].values())
        for one in true:
            said: Any = one.event.data
            pattern, parts = (
                ("model", said.agent, said.model),
                (said.input_tokens, said.output_tokens),
            )
            self.facts[pattern].append((_at(one), 1, 0, 0))
            named = {"input_tokens": parts[0], "output_tokens": parts[1]}
            total = None if None in parts else sum(parts)
            self._measure(pattern, named | {"total_tokens": total}, said.cost_usd)
        return twice + late

    def _walk(self, calls: dict[str, Told], results: dict[str, Told]) -> None:
        """Every call, and every path of two to five of them."""
        after: dict[str, list[Told]] = defaultdict(list)
        for name, one in calls.items():
            call: Any = one.event.data
            before = calls.get(call.previous_event_id or "", one)
            if before is not one and _near(before, one):
                if None not in (call.seq, getattr(before.event.data, "seq", None)):
                    after[before.event.id].append(one)
            pattern = ("tool", self._tool(one))
            self.facts[pattern].append((_at(one), 1, 0, 0))
            if name in results:
                ok = getattr(results[name].event.data, "ok", False)
                times = _at(one), _at(results[name])
                self.facts[pattern].append((times[0], 0, int(ok), int(not ok)))
                if None not in times:
                    self.values[pattern]["latency"].append(times[1] - times[0])  # type: ignore[operator]
        for one in calls.values():
            for path in _paths([one], after):
                if len(path) > 1:
                    kind = "tool_usage" if len(path) == 2 else "task_sequence"
                    pattern = (kind, *map(self._tool, path))
                    self.facts[pattern].append((_at(path[-1]), 1, 0, 0))
                    self.sessions[pattern].add(getattr(one.event.data, "session_id", ""))

    def _tool(self, one: Told) -> str:
        tool: str = getattr(one.event.data, "tool", "")
        return tool if tool in self.shown or "__" not in tool else "mcp__*__query"

    def _measure(self, pattern: Pattern, values: dict[str, int | None], cost: Any) -> None:
        nano = {} if cost is None else {"cost": int(cost * 10**9)}
        for name, value in (values | nano).items():
            if value is not None:
                self.values[pattern][name].append(value)

    def numbers(self, pattern: Pattern) -> dict[str, Any]:
        """Counts, days, extremes and sums of a pattern."""
        facts = self.facts[pattern]
        days: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        for at, *counts in facts:
            if at is not None:
                days[at // DAY] = [a + b for a, b in zip(days[at // DAY], counts, strict=True)]
        dated = [fact[0] for fact in facts if fact[0] is not None]
        return {
            "counts": [sum(fact[column] for fact in facts) for column in (1, 2, 3)],
            "undated": sum(fact[1] for fact in facts if fact[0] is None),
            "seen": [min(dated, default=None), max(dated, default=None)],
            "sessions": len(self.sessions[pattern]),
            "days": [[day, *days[day]] for day in sorted(days) if day > max(days) - 35],
            "measures": {
                name: [len(values), sum(values), min(values), max(values)]
                for name, values in sorted(self.values[pattern].items())
            },
        }


def _joined(calls: dict[str, Told], results: Iterable[Told]) -> tuple[dict[str, Told], list[int]]:
    """Of the results of a call the first that is near it; what is said after that is refused."""
    joined: dict[str, Told] = {}
    early: dict[str, Told] = {}
    refused = []
    for one in sorted([*calls.values(), *results], key=lambda one: one.offset):
        name = getattr(one.event.data, "call_id", one.event.id)
        call, result = calls.get(name), early.get(name)
        if call is not one and (result or name in joined):
            refused.append(one.offset)
        elif call is None or call.offset > one.offset:
            early[name] = one
        else:
            result = early.pop(name, None) if call is one else one
            if result and _near(call, result):
                joined[name] = result
    return joined, refused


def _amended(statements: Iterable[Told]) -> tuple[list[Told], list[int]]:
    """Of the statements about a thing the greatest; one too far from what was true is refused."""
    true: dict[str | None, Told] = {}
    refused = []
    for one in statements:
        before = true.get(one.event.subject)
        if before is None or (before.event.revision or 0) < (one.event.revision or 0):
            if before is None or _near(before, one):
                true[one.event.subject] = one
            else:
                refused.append(one.offset)
    return list(true.values()), refused


def _paths(path: list[Told], after: dict[str, list[Told]]) -> Iterator[list[Told]]:
    yield path
    if len(path) < 5:
        for one in after[path[-1].event.id]:
            if one not in path:
                yield from _paths([*path, one], after)


def _near(one: Told, other: Told) -> bool:
    return abs(one.appended - other.appended) <= 35 * DAY


def _at(one: Told) -> int | None:
    """A time that is missing or more than a day ahead of the append time is none."""
    at = one.event.time_us
    return None if at is None or at > one.appended + DAY else at
