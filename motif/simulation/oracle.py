"""What must be learned, stated a second time and plainly, from all that stands in the log.

It shares no code with the learner: it looks at all events of a partition at once and counts paths.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from motif.simulation.told import DAY, Told
from schemas.events import ModelCalled, TaskCompleted, ToolCalled, ToolFinished

TASK = {"duration_us": "duration", "total_tokens": "total_tokens", "retry_count": "retries"}
Pattern = tuple[str, ...]
ById = dict[str, Told]


class Oracle:
    """Facts and values of every pattern; a fact is its time and what it adds to three counts."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.shown = {f"mcp__{server}__query" for server in allowed}
        self.facts: dict[Pattern, list[tuple[int | None, int, int, int]]] = defaultdict(list)
        self.values: dict[Pattern, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.sessions: dict[Pattern, set[str]] = defaultdict(set)

    def hear(self, told: Iterable[Told]) -> list[int]:
        """Count all of one partition, in its order; the offsets of what must be refused."""
        of: dict[type, ById] = defaultdict(dict)
        for one in told:
            of[type(one.event.data)].setdefault(one.event.id, one)
        results, refused = _joined(of[ToolCalled], of[ToolFinished])
        self._walk(of[ToolCalled], results)
        for one in of[TaskCompleted].values():
            task = one.event.data
            pattern = ("task", task.agent, task.task_type)
            self.facts[pattern].append((one.at(), 1, int(task.success), int(not task.success)))
            self._measure(pattern, {TASK[name]: getattr(task, name) for name in TASK}, task)
        true: ById = {}
        for one in of[ModelCalled].values():
            before = true.setdefault(one.event.subject, one)
            if before.event.revision < one.event.revision and before.near(one):
                true[one.event.subject] = one
            elif before.event.revision < one.event.revision:
                refused.append(one.offset)
        for one in true.values():
            said, names = one.event.data, ("input_tokens", "output_tokens")
            pattern, parts = ("model", said.agent, said.model), [getattr(said, n) for n in names]
            self.facts[pattern].append((one.at(), 1, 0, 0))
            total = None if None in parts else sum(parts)
            self._measure(pattern, dict(zip((*names, "total_tokens"), (*parts, total))), said)
        return refused

    def numbers(self, pattern: Pattern) -> dict[str, Any]:
        """Counts, days, extremes and sums of a pattern."""
        days: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        dated = [fact for fact in self.facts[pattern] if fact[0] is not None]
        for at, *counts in dated:
            day = (at or 0) // DAY
            days[day] = [a + b for a, b in zip(days[day], counts, strict=True)]
        times = [fact[0] for fact in dated]
        return {
            "counts": [sum(fact[column] for fact in self.facts[pattern]) for column in (1, 2, 3)],
            "undated": sum(fact[1] for fact in self.facts[pattern] if fact[0] is None),
            "seen": [min(times, default=None), max(times, default=None)],  # type: ignore[type-var]
            "sessions": len(self.sessions[pattern]),
            "days": [[day, *days[day]] for day in sorted(days) if day > max(days) - 35],
            "measures": {
                name: [len(values), sum(values), min(values), max(values)]
                for name, values in sorted(self.values[pattern].items())
            },
        }

    def _walk(self, calls: ById, results: ById) -> None:
        """Every call with its result, and every path of two to five calls."""
        after: dict[str, list[Told]] = defaultdict(list)
        for name, one in calls.items():
            before = calls.get(one.event.data.previous_event_id, one)
            ordered = None not in (one.event.data.seq, before.event.data.seq)
            if before is not one and before.near(one) and ordered:
                after[before.event.id].append(one)
            self.facts["tool", self._tool(one)].append((one.at(), 1, 0, 0))
            if name in results:
                ok, times = results[name].event.data.ok, (results[name].at(), one.at())
                self.facts["tool", self._tool(one)].append((one.at(), 0, int(ok), int(not ok)))
                if times[0] is not None and times[1] is not None:
                    self.values["tool", self._tool(one)]["latency"].append(times[0] - times[1])
        for path in (path for one in calls.values() for path in _paths([one], after)):
            pattern = ("task_sequence", *map(self._tool, path))
            pattern = ("tool_usage", *pattern[1:]) if len(path) == 2 else pattern
            if len(path) > 1:
                self.facts[pattern].append((path[-1].at(), 1, 0, 0))
                self.sessions[pattern].add(path[0].event.data.session_id)

    def _tool(self, one: Told) -> str:
        tool: str = one.event.data.tool
        return tool if tool in self.shown or "__" not in tool else "mcp__*__query"

    def _measure(self, pattern: Pattern, values: dict[str, int | None], said: Any) -> None:
        nano = None if said.cost_usd is None else int(said.cost_usd * 10**9)
        for name, value in (values | {"cost": nano}).items():
            if value is not None:
                self.values[pattern][name].append(value)


def _joined(calls: ById, results: ById) -> tuple[ById, list[int]]:
    """Of the results of a call the first that is near it; what is said after that is refused."""
    joined: ById = {}
    early: ById = {}
    refused = []
    for one in sorted([*calls.values(), *results.values()], key=lambda one: one.offset):
        name = getattr(one.event.data, "call_id", one.event.id)
        call, result = calls.get(name), early.get(name)
        if call is not one and (result or name in joined):
            refused.append(one.offset)
        elif call is None or call.offset > one.offset:
            early[name] = one
        elif (result := early.pop(name, None) if call is one else one) and call.near(result):
            joined[name] = result
    return joined, refused


def _paths(path: list[Told], after: dict[str, list[Told]]) -> Iterator[list[Told]]:
    """Every way down that begins with `path` and meets no call twice."""
    yield path
    for one in after[path[-1].event.id] if len(path) < 5 else ():
        if one not in path:
            yield from _paths([*path, one], after)
