"""WfFormat: one JSON document an executed workflow, as WfCommons keeps them, versions 1.3 to 1.5.

The execution is a run, its tasks are steps. It is named by the workflow and when it was executed.
What names a machine, and the command of a task, is not read at all. A step has the time at which
its run ended, and is never amended: where a document is corrected its run is, its steps stay.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from connectors.contract import Report, Unnumbered
from connectors.sources.lines import (
    NOT_JSON,
    content_of,
    files_under,
    moment_of,
    name_of,
    wrong_with,
)
from schemas.envelope import Event
from schemas.errors import Refused
from schemas.workflows import WorkflowRunFinished, WorkflowStepFinished

SOURCE: Final = "wfformat"
"""Source of every event of this format."""

FILE_MAX: Final = 64 << 20
"""Bytes of a document; a larger one is left out and counted."""


class WfFormat:
    """Reads executed workflows."""

    name = "wfformat"
    source = SOURCE
    describes = "WfCommons instances (WfFormat JSON): a run each, its tasks as steps"

    def default_paths(self) -> list[Path]:
        """None: such files lie anywhere."""
        return []

    def files(self, path: Path) -> list[Path]:
        """The `.json` files of a folder, or the file itself."""
        return files_under(path, (".json",))

    def read(self, files: Sequence[Path], report: Report) -> Iterator[Event | Unnumbered]:
        """The run of every file, and its steps; a file with anything unreadable gives nothing."""
        for path in files:
            content = content_of(path, FILE_MAX, report)
            if content is None:
                continue
            try:
                run, steps = _events(_DOCUMENT.decode(content))
            except (*NOT_JSON, ValidationError, Refused) as error:
                report.broke(path, wrong_with(error))
                continue
            yield Unnumbered(report.counted(run))
            for step in steps:
                yield report.counted(step)


class _Task(msgspec.Struct, rename="camel"):
    id: str | None = None
    name: str | None = None
    parents: list[str] | None = None
    runtime_in_seconds: Decimal | None = None
    runtime: Decimal | None = None


class _Specification(msgspec.Struct, rename="camel"):
    tasks: list[_Task] = []


class _Execution(msgspec.Struct, rename="camel"):
    tasks: list[_Task] = []
    executed_at: Any = None
    makespan_in_seconds: Decimal | None = None


class _Workflow(msgspec.Struct, rename="camel"):
    specification: _Specification | None = None
    execution: _Execution | None = None
    tasks: list[_Task] = []
    executed_at: Any = None
    makespan_in_seconds: Decimal | None = None
    makespan: Decimal | None = None


class _Document(msgspec.Struct, rename="camel"):
    name: str
    workflow: _Workflow


_DOCUMENT = msgspec.json.Decoder(_Document)


def _events(document: _Document) -> tuple[Event, list[Event]]:
    workflow = document.workflow
    execution = workflow.execution or workflow  # until 1.4 there was no section of its own
    started, name = execution.executed_at, name_of(document.name)
    if name is None or not isinstance(started, str):
        raise Refused("invalid_payload", "name or executedAt is missing: nothing names this run")
    run_id = f"{name}/{started}"
    makespan = execution.makespan_in_seconds
    duration_us = _micros(workflow.makespan if makespan is None else makespan)
    started_us = moment_of(started)
    ended_us = None if started_us is None or duration_us is None else started_us + duration_us
    run = WorkflowRunFinished(workflow_id=name, run_id=run_id, duration_us=duration_us)
    specified = workflow.specification.tasks if workflow.specification else workflow.tasks
    ran = {_id(task): task for task in execution.tasks}
    steps = [_step(run, task, ran.get(_id(task), task), ended_us) for task in specified]
    return Event(SOURCE, run_id, run, ended_us), steps


def _step(run: WorkflowRunFinished, task: _Task, ran: _Task, ended_us: int | None) -> Event:
    took = ran.runtime_in_seconds if ran.runtime is None else ran.runtime
    step = WorkflowStepFinished(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        step_id=_id(task),
        name=task.name,
        parents=task.parents,
        duration_us=_micros(took),
    )
    return Event(SOURCE, f"{run.run_id}/{step.step_id}", step, ended_us)


def _id(task: _Task) -> str:
    identity = name_of(task.id) or name_of(task.name)
    if identity is None:
        raise Refused("invalid_payload", "a task has neither id nor name")
    return identity


def _micros(seconds: Decimal | None) -> int | None:
    """Whole microseconds; None for what is no time that can have passed."""
    if seconds is None or not seconds.is_finite() or not 0 <= seconds < 10**12:
        return None
    return int((seconds * 1_000_000).to_integral_value())
