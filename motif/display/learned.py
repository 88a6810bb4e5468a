"""What was learned, kind by kind, in tables that answer a question each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table

from motif.display import words
from motif.display.table import number, table, text
from motif.node import Node
from motif.questions import measures_of, tool_lifts
from projections import operations as asked_for
from projections.overview import Lift
from projections.queries import Measure, Pattern

ROWS = 8
"""Rows of a table: the most frequent."""


class Known(NamedTuple):
    """Patterns of one kind with their measures."""

    pattern: Pattern
    measures: dict[str, Measure]

    def of(self, measure: str, what: str) -> float | None:
        """A number of a measure, such as its `p50`, where it is known."""
        one = self.measures.get(measure)
        value = None if one is None else getattr(one, what)
        return None if value is None else float(value)


def tables_of(node: Node) -> list[Table]:
    """The tables of every kind that something was learned of."""
    makers: Sequence[tuple[str, Callable[[Sequence[Known]], Table]]] = (
        ("tool", tools),
        ("error_recovery", recoveries),
        ("model", models),
        ("task", tasks),
    )
    made = {kind: make(found) for kind, make in makers if (found := _most_frequent(node, kind))}
    lifts = tool_lifts(node, ROWS)
    if lifts:
        made["tool_usage"] = transitions(lifts)
    worth = node.ask(asked_for.operations)[:ROWS]
    if worth:
        made["operation"] = operations(worth)
    order = ("tool", "tool_usage", "error_recovery", "model", "task", "operation")
    return [made[kind] for kind in order if kind in made]


def tools(found: Sequence[Known]) -> Table:
    """How often each tool fails, and how long it takes."""
    rows = []
    for known in found:
        one = known.pattern
        low = None if one.success_high is None else 1 - one.success_high
        high = None if one.success_low is None else 1 - one.success_low
        failed = None if one.success_rate is None else 1 - one.success_rate
        rows.append(
            [
                one.title,
                words.count(one.occurrences),
                words.percent(failed),
                words.interval(low, high),
                words.duration(known.of("latency", "p50")),
                words.duration(known.of("latency", "p90")),
            ]
        )
    columns = [text("tool"), *map(number, ("calls", "errors", "(95 %)", "p50", "p90"))]
    return table(columns, rows, title="Tools: how often they fail, how long they take")


def transitions(lifts: Sequence[Lift]) -> Table:
    """Which tool follows which, and how much more often than it follows any."""
    rows = [
        [
            f"{one.tool_a} → {one.tool_b}",
            words.count(one.n),
            words.percent(one.share),
            words.percent(one.baseline),
            f"{one.lift:.2f}",
        ]
        for one in lifts
    ]
    columns = [text("transition"), *map(number, ("times", "after this", "after any", "lift"))]
    return table(columns, rows, title="Transitions: which tool follows which")


def recoveries(found: Sequence[Known]) -> Table:
    """What is done after an error, and whether it helps."""
    rows = []
    for known in found:
        one, attempts = known.pattern, known.of("attempts", "mean")
        rows.append(
            [
                one.title,
                words.count(one.occurrences),
                words.rate(one.success_rate, one.success_low, one.success_high),
                words.UNKNOWN if attempts is None else f"{attempts:.1f}",
                words.duration(known.of("time_to_recovery", "p50")),
            ]
        )
    columns = [text("error → next call"), *map(number, ("times", "recovered", "attempts", "p50"))]
    return table(columns, rows, title="After an error: does the failed tool succeed again?")


def models(found: Sequence[Known]) -> Table:
    """What models were asked for, and what it cost."""
    rows = []
    for known in found:
        tokens = ("input_tokens", "cache_read_tokens", "output_tokens")
        rows.append(
            [
                known.pattern.title,
                words.count(known.pattern.occurrences),
                *(words.large(known.of(name, "total")) for name in tokens),
                words.dollars(known.of("cost", "total")),
            ]
        )
    names = ("calls", "input", "cache read", "output", "cost")
    columns = [text("model"), *map(number, names)]
    return table(columns, rows, title="Models: tokens and cost")


def tasks(found: Sequence[Known]) -> Table:
    """How tasks end, how long they take, what they cost."""
    rows = []
    for known in found:
        one = known.pattern
        rows.append(
            [
                one.title,
                words.count(one.occurrences),
                words.rate(one.success_rate, one.success_low, one.success_high),
                words.duration(known.of("duration", "p50")),
                words.dollars(known.of("cost", "p50")),
            ]
        )
    columns = [text("task"), *map(number, ("times", "success", "p50 time", "p50 cost"))]
    return table(columns, rows, title="Tasks: how they end")


def operations(rows: Sequence[Mapping[str, Any]]) -> Table:
    """What runs of workflows did, what that costs, and what a tool for it would save."""
    shown = [
        [
            str(row["pattern_signature"]),
            words.count(row["occurrence_count"]),
            words.rate(row["success_rate"], row["success_low"], row["success_high"]),
            words.dollars(row["avg_cost_with_llm"]),
            words.dollars(row["potential_monthly_savings"]),
            words.count(round(row["confidence_score"])),
        ]
        for row in rows
    ]
    names = ("runs", "success", "mean cost", "a tool saves", "score")
    columns = [text("operation"), *map(number, names)]
    return table(columns, shown, title="Operations: what runs did, and what a tool saves a month")


def _most_frequent(node: Node, kind: str) -> list[Known]:
    found = sorted(node.patterns(kind, limit=1_000), key=lambda one: -one.occurrences)[:ROWS]
    measures = measures_of(node, [one.pattern_id for one in found])
    return [Known(one, measures.get(one.pattern_id, {})) for one in found]
