"""The report on tasks: which types of tasks fail or take long, and for which agent."""

import numpy as np

from motif.reports import advice
from motif.reports.contents import Rate, Record, TaskRow, TasksReport
from motif.reports.findings import found_in, record_of
from projections import reports
from projections.remote import Readable
from projections.reports import TASKS, Group, Series, Window


def tasks(store: Readable, window: Window) -> TasksReport:
    """Every type of task of every agent, those first that surely fail most, then the slowest."""
    groups = reports.groups(store, TASKS, window)
    series = list(reports.series(store, TASKS, window, least=1))
    slowest = {one.names: _slowest(one) for one in series}
    found = found_in(series)
    rows = [_row(one, slowest.get(one.names)) for one in groups]
    return TasksReport(
        name="tasks",
        window=window,
        since=window.since,
        rows=[reports.rows(store, TASKS.table, window)],
        anomalies=found.anomalies,
        trends=found.trends,
        recommendations=[
            *advice.about_failing(groups),
            *advice.about_failures(groups, "tasks"),
            *advice.about_slowness(series, "tasks"),
            *advice.about_trends(found.trends.found),
        ],
        tasks=sorted(rows, key=_worst_first),
    )


def _row(one: Group, slowest: Record | None) -> TaskRow:
    agent, task_type = one.names
    success = Rate.of(one.successes, one.decided)
    return TaskRow(agent, task_type, one.n, success, one.amounts["duration"], slowest)


def _slowest(series: Series) -> Record | None:
    durations = series.values["duration"]
    if np.isnan(durations).all():
        return None
    return record_of(series, int(np.nanargmax(durations)))


def _worst_first(row: TaskRow) -> tuple[float, float, str, str]:
    high = 1.0 if row.success.high is None else row.success.high
    return high, -(row.duration_us.median or 0.0), row.agent, row.task_type
