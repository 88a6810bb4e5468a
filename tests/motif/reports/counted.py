"""What reports must say, counted from events in the plainest way: no SQL, no library of ours."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from math import ceil
from statistics import fmean, median
from typing import Any, TypeVar

from schemas.envelope import Event
from schemas.events import AgentUsed, ErrorOccurred, TaskCompleted
from schemas.workflows import WorkflowRunDeleted, WorkflowRunFinished

Data = TypeVar("Data", TaskCompleted, ErrorOccurred, AgentUsed)
Span = tuple[int | None, int | None]
"""The first and the last moment that count; None for everything."""

EVER: Span = (None, None)


def current(
    events: Iterable[Event], payload: type[Data], span: Span = EVER
) -> list[tuple[str, Data]]:
    """Of each thing the statement with the greatest revision, where it happened in the span."""
    greatest: dict[tuple[str, str], tuple[Event, Data]] = {}
    for event in events:
        if isinstance(event.data, payload):
            thing = (event.source, event.subject or event.id)
            if thing not in greatest or (event.revision or 0) > (greatest[thing][0].revision or 0):
                greatest[thing] = (event, event.data)
    return [(event.id, data) for event, data in greatest.values() if within(event, span)]


def within(event: Event, span: Span) -> bool:
    since, until = span
    if since is None or until is None:
        return True
    return event.time_us is not None and since <= event.time_us <= until


def amounts(values: Iterable[int | float | None]) -> tuple[Any, ...]:
    """The n, total, mean, median, nine-tenths quantile and greatest of what is known."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return 0, None, None, None, None, None
    nine_tenths = known[ceil(9 * len(known) / 10) - 1]
    return len(known), sum(known), fmean(known), median(known), nine_tenths, known[-1]


def by_agent(events: Iterable[Event], span: Span = EVER) -> dict[str, tuple[int, int, Any, Any]]:
    """Per agent its tasks, successes, durations and retries."""
    done: dict[str, list[TaskCompleted]] = defaultdict(list)
    for _, task in current(events, TaskCompleted, span):
        done[task.agent].append(task)
    return {
        agent: (
            len(tasks),
            sum(task.success for task in tasks),
            amounts(task.duration_us for task in tasks),
            amounts(task.retry_count for task in tasks),
        )
        for agent, tasks in done.items()
    }


def by_use(events: Iterable[Event]) -> dict[str, tuple[int, int, Any]]:
    """Per agent its uses, successes and tokens."""
    used: dict[str, list[AgentUsed]] = defaultdict(list)
    for _, use in current(events, AgentUsed):
        used[use.agent_type].append(use)
    return {
        agent: (
            len(uses),
            sum(use.success for use in uses),
            amounts(use.tokens_used for use in uses),
        )
        for agent, uses in used.items()
    }


def by_task(events: Iterable[Event], span: Span = EVER) -> dict[tuple[str, str], Any]:
    """Per agent and type of task the tasks, successes, durations and the id of the slowest."""
    done: dict[tuple[str, str], list[tuple[str, TaskCompleted]]] = defaultdict(list)
    for name, task in current(events, TaskCompleted, span):
        done[task.agent, task.task_type].append((name, task))
    return {
        names: (
            len(tasks),
            sum(task.success for _, task in tasks),
            amounts(task.duration_us for _, task in tasks),
            max(tasks, key=lambda one: one[1].duration_us or 0)[0],
        )
        for names, tasks in done.items()
    }


def by_error(events: Iterable[Event]) -> dict[str, Any]:
    """Per type of error how many there are, how they ended, and what resolved most."""
    occurred: dict[str, list[ErrorOccurred]] = defaultdict(list)
    for _, error in current(events, ErrorOccurred):
        occurred[error.error_type].append(error)
    return {
        name: (
            len(errors),
            sum(error.resolution is not None or error.auto_resolved is True for error in errors),
            sum(error.auto_resolved is True for error in errors),
            sum(error.user_intervention is True for error in errors),
            amounts(error.resolution_time_us for error in errors),
            Counter(
                error.resolution for error in errors if error.resolution is not None
            ).most_common(1),
        )
        for name, errors in occurred.items()
    }


def runs(events: list[Event]) -> dict[str, WorkflowRunFinished]:
    """The runs as they are now, without those that were deleted."""
    stated: dict[str, tuple[int, Any]] = {}
    for event in events:
        if isinstance(event.data, WorkflowRunFinished | WorkflowRunDeleted):
            name, revision = event.data.run_id, event.revision or 0
            if name not in stated or revision > stated[name][0]:
                stated[name] = (revision, event.data)
    found = {name: data for name, (_, data) in stated.items()}
    return {name: data for name, data in found.items() if isinstance(data, WorkflowRunFinished)}
