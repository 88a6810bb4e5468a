"""The report on operations: what workflows were asked for, its cost, and what a tool would save."""

from typing import Any, Final

from motif.reports import advice
from motif.reports.contents import Coverage, OperationRow, OperationsReport, Rate
from motif.reports.findings import found_in
from projections import operations as learned
from projections import reports
from projections.remote import Readable
from projections.reports import OPERATIONS, Group, Window
from streams.operations import frequent_words

RUNS: Final = "workflow_runs"
MONTHS: Final = 12


def operations(store: Readable, window: Window) -> OperationsReport:
    """Every operation of the window, the most valuable first, and what no rule recognises."""
    known = {row["pattern_signature"]: row for row in learned.operations(store, window.as_of)}
    groups = reports.groups(store, OPERATIONS, window)
    rows = [_row(one, known.get(one.names[0], {})) for one in groups]
    rows.sort(key=lambda one: (-(one.savings_usd or 0.0), -one.n, one.operation))
    found = found_in(reports.series(store, OPERATIONS, window))
    coverage = _coverage(store, window)
    return OperationsReport(
        name="operations",
        window=window,
        since=window.since,
        rows=[reports.rows(store, RUNS, window)],
        anomalies=found.anomalies,
        trends=found.trends,
        recommendations=[
            *advice.about_operations(rows),
            *advice.about_coverage(coverage),
            *advice.about_trends(found.trends.found),
        ],
        operations=rows,
        coverage=coverage,
    )


def _row(one: Group, known: dict[str, Any]) -> OperationRow:
    savings = known.get("potential_monthly_savings")
    return OperationRow(
        operation=one.names[0],
        n=one.n,
        success=Rate.of(one.successes, one.decided),
        duration_us=one.amounts["duration"],
        tokens=one.amounts["tokens"],
        cost_usd=one.amounts["cost"],
        occurrences_30_days=known.get("occurrences_in_window"),
        savings_usd=savings,
        annual_savings_usd=None if savings is None else MONTHS * savings,
        savings_cost_n=known.get("cost_n"),
        score=known.get("confidence_score"),
        automation_status=known.get("automation_status"),
    )


def _coverage(store: Readable, window: Window) -> Coverage:
    asked = reports.requests(store, window)
    missed = [text for text, found in asked if not found]
    return Coverage(
        recognised=Rate.of(len(asked) - len(missed), len(asked)),
        unmatched=len(missed),
        words=frequent_words(missed),
    )
