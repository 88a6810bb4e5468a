"""Kind `task`: tasks of one type completed by an agent, with success, duration, tokens, cost."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from schemas.events import TaskCompleted
from streams.change import Change, Columns, Pattern
from streams.fixedpoint import decimal_text, millionths, nano_usd
from streams.names import public_name
from streams.recognise.kind import Kind

_WHOLE = {
    "duration_us": "duration",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "total_tokens": "total_tokens",
    "files_created": "files_created",
    "files_modified": "files_modified",
    "tests_passed": "tests_passed",
    "tests_failed": "tests_failed",
    "lines_of_code": "lines_of_code",
    "retry_count": "retries",
}
_whole_of = attrgetter(*_WHOLE)

KIND = Kind(
    name="task",
    parts=("agent", "task_type"),
    describes="completed tasks of one type by one agent",
    outcomes=True,
    title=lambda parts: f"{parts[1]} by {parts[0]}",
    units={
        "duration": "us",
        "input_tokens": "tokens",
        "output_tokens": "tokens",
        "total_tokens": "tokens",
        "files_created": "count",
        "files_modified": "count",
        "tests_passed": "count",
        "tests_failed": "count",
        "lines_of_code": "count",
        "retries": "count",
        "coverage": "ratio",
        "cost": "usd",
    },
)


def recognise(task: TaskCompleted, at_us: int | None) -> list[Change]:
    """One occurrence; each measure only where the source states it."""
    stated = zip(_WHOLE.values(), _whole_of(task), strict=True)
    measures = [(measure, value) for measure, value in stated if value is not None]
    if task.coverage_percent is not None:
        measures.append(("coverage", _coverage(task.coverage_percent)))
    if task.cost_usd is not None:
        measures.append(("cost", nano_usd(task.cost_usd)))
    ok = int(task.success)
    return [Change(_pattern(task), at_us, 1, ok, 1 - ok, (), tuple(measures))]


def recognise_all(tasks: Sequence[TaskCompleted]) -> Columns:
    """The same of many, as columns."""
    columns = zip(_WHOLE.values(), zip(*map(_whole_of, tasks), strict=True), strict=True)
    measures: list[tuple[str, Sequence[int | None]]] = list(columns)
    for name, of, exact in _DECIMAL:
        stated = list(map(of, tasks))
        measures.append((name, [None if value is None else exact(value) for value in stated]))
    return Columns(list(map(_pattern, tasks)), [task.success for task in tasks], measures)


def _pattern(task: TaskCompleted) -> Pattern:
    return "task", public_name(task.agent), public_name(task.task_type)


def _coverage(percent: float) -> int:
    return millionths(f"{decimal_text(percent)}E-2")


_DECIMAL: tuple[tuple[str, Callable[[TaskCompleted], Any], Callable[[Any], int]], ...] = (
    ("coverage", attrgetter("coverage_percent"), _coverage),
    ("cost", attrgetter("cost_usd"), nano_usd),
)
