"""Reports: agents, errors, tasks and operations over the local rows, as typed objects.

* `motif.reports.contents`   what reports consist of
* `motif.reports.agents`, `errors`, `tasks`, `operations`   one report each
* `motif.reports.findings`   records far from usual, and changes over time
* `motif.reports.advice`     recommendations and their thresholds

How they look is in `motif/display/`.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from motif.reports.agents import agents
from motif.reports.contents import (
    AgentsReport,
    ErrorsReport,
    OperationsReport,
    Report,
    TasksReport,
)
from motif.reports.errors import errors
from motif.reports.operations import operations
from motif.reports.tasks import tasks
from projections.remote import Readable
from projections.reports import Window, window
from schemas.errors import WrongUse

REPORTS: Final[Mapping[str, Callable[[Readable, Window], Report]]] = {
    "agents": agents,
    "errors": errors,
    "tasks": tasks,
    "operations": operations,
}
"""Every report by its name."""


def report_of(
    store: Readable, name: str, *, days: int | None = None, as_of: date | None = None
) -> Report:
    """The report of this name over the last `days` that end with `as_of`, or over everything.

    Raises:
        WrongUse: there is no such report, or no such window.
    """
    if name not in REPORTS:
        message = f"there is no report {name!r}; it must be one of {', '.join(REPORTS)}"
        raise WrongUse(message)
    return REPORTS[name](store, window(store, days, as_of))


__all__ = [
    "REPORTS",
    "AgentsReport",
    "ErrorsReport",
    "OperationsReport",
    "Report",
    "TasksReport",
    "report_of",
]
