"""Questions about operations: what runs of workflows did, what it costs, and what was decided."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from projections.asking import ask
from projections.remote import Readable

_AS_OF: Final = "coalesce($as_of, (SELECT as_of FROM log_as_of))"


def operation(store: Readable, pattern_id: str) -> dict[str, Any] | None:
    """The row of `operation_patterns` of this id; None where there is none."""
    query = "SELECT * FROM operation_patterns WHERE pattern_id = $id"
    found = ask(store, query, {"id": pattern_id})
    return found[0] if found else None


def known(store: Readable, pattern_ids: Sequence[str]) -> list[str]:
    """Those of these patterns that there are."""
    query = "SELECT pattern_id FROM pattern_rows WHERE pattern_id IN $ids"
    return [row["pattern_id"] for row in ask(store, query, {"ids": list(pattern_ids)})]


def is_asserted(store: Readable, source: str, event_id: str) -> bool:
    """Whether somebody has said so already."""
    query = "SELECT 1 FROM operation_asserted WHERE source = $source AND event_id = $id LIMIT 1"
    return bool(ask(store, query, {"source": source, "id": event_id}))


def operations(store: Readable, as_of: datetime | None = None) -> list[dict[str, Any]]:
    """All operations, the most valuable first; savings are over the 30 days that end with `as_of`.

    Without `as_of` they end with the greatest event time of the log.
    """
    query = (
        f"SELECT * FROM operation_patterns_at({_AS_OF}) ORDER BY potential_monthly_savings DESC"
        " NULLS LAST, occurrence_count DESC, pattern_id"
    )
    return ask(store, query, {"as_of": as_of})


def requests(store: Readable) -> list[tuple[str, bool]]:
    """The text of every run's request, and whether any operation was found in the run."""
    query = (
        "SELECT run.input_text AS text, run.run_id IN (SELECT run_id FROM pattern_occurrences"
        " WHERE rule <> 'asserted') AS found FROM workflow_runs run"
        " WHERE run.input_text IS NOT NULL"
    )
    return [(row["text"], row["found"]) for row in ask(store, query, {})]
