"""Kind `task`: tasks of one type completed by an agent, with success, duration, tokens, cost."""

from decimal import Decimal

from schemas.events import TaskCompleted
from streams.change import Change
from streams.fixedpoint import millionths, nano_usd
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
    values = task.__dict__
    measures = [
        (measure, values[name]) for name, measure in _WHOLE.items() if values[name] is not None
    ]
    if task.coverage_percent is not None:
        percent = Decimal(repr(task.coverage_percent))
        measures.append(("coverage", millionths(f"{percent:f}E-2")))
    if task.cost_usd is not None:
        measures.append(("cost", nano_usd(task.cost_usd)))
    pattern = ("task", public_name(task.agent), public_name(task.task_type))
    ok = int(task.success)
    return [Change(pattern, at_us, 1, ok, 1 - ok, (), tuple(measures))]
