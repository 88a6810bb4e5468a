"""The report on agents: what each completed, how it went, and who differs from the others."""

from motif.reports import advice
from motif.reports.contents import AgentRow, AgentsReport, Rate
from motif.reports.findings import found_in
from projections import reports
from projections.remote import Readable
from projections.reports import TASKS, USES, Facts, Window


def agents(store: Readable, window: Window) -> AgentsReport:
    """Every agent by its completed tasks and its stated uses, the busiest first."""
    completed = list(reports.series(store, TASKS, window, least=1))
    used = list(reports.series(store, USES, window, least=1))
    found = found_in([*completed, *used])
    return AgentsReport(
        name="agents",
        window=window,
        since=window.since,
        rows=[reports.rows(store, facts.table, window) for facts in (TASKS, USES)],
        anomalies=found.anomalies,
        trends=found.trends,
        recommendations=[
            *advice.about_failures(reports.groups(store, TASKS, window), "tasks"),
            *advice.about_failures(reports.groups(store, USES, window), "uses"),
            *advice.about_slowness(completed, "tasks"),
            *advice.about_slowness(used, "uses"),
            *advice.about_trends(found.trends.found),
        ],
        tasks=_rows(store, TASKS, window),
        uses=_rows(store, USES, window),
    )


def _rows(store: Readable, facts: Facts, window: Window) -> list[AgentRow]:
    return [
        AgentRow(
            agent=one.names[0],
            n=one.n,
            success=Rate.of(one.successes, one.decided),
            duration_us=one.amounts["duration"],
            tokens=one.amounts["tokens"],
            retries=one.amounts["retries"],
        )
        for one in reports.groups(store, facts, window, facts.names[:1])
    ]
