"""Where in the log the current statements of agent records stand, by what is asked of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from projections.remote import Readable
from projections.tables.types import rows_of

VIEWS: Final = {
    "task_completion": "task_completions",
    "error_occurrence": "error_occurrences",
    "agent_usage": "agent_usages",
    "user_correction": "user_corrections",
}
"""The view of each type of record."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: null is any, times are inclusive, and of the tags all must be there.

    `identity` is the id of a record, which is what its name has behind type and time.
    """

    source: str | None
    kind: str | None = None
    identity: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A record's name, and where in the log its current statement stands."""

    kind: str
    subject: str
    topic: str
    partition: int
    offset: int


def find(store: Readable, wanted: Wanted, limit: int) -> list[Found]:
    """The records that are wanted, the latest first; each filter counts before the limit."""
    kinds = VIEWS if wanted.kind is None else {wanted.kind: VIEWS[wanted.kind]}
    rows = " UNION ALL ".join(
        f'SELECT \'{kind}\' AS kind, subject, topic, "partition", "offset", happened_at, revision'
        f" FROM {view} WHERE source = coalesce($source, source) AND subject IS NOT NULL"
        " AND list_has_all(coalesce(tags, []::VARCHAR[]), $tags::VARCHAR[])"
        for kind, view in kinds.items()
    )
    query = (
        f'SELECT kind, subject, topic, "partition", "offset" FROM ({rows})'
        " WHERE ($start::TIMESTAMPTZ IS NULL OR happened_at >= $start::TIMESTAMPTZ)"
        " AND ($end::TIMESTAMPTZ IS NULL OR happened_at <= $end::TIMESTAMPTZ)"
        " AND ($identity::VARCHAR IS NULL"
        " OR regexp_extract(subject, '^[a-z_]+/[^/]*/(.*)$', 1, 's') = $identity::VARCHAR)"
        " ORDER BY happened_at DESC NULLS LAST, subject LIMIT $limit"
    )
    bound: dict[str, Any] = {
        "source": wanted.source,
        "identity": wanted.identity,
        "start": wanted.start,
        "end": wanted.end,
        "tags": list(wanted.tags),
        "limit": limit,
    }
    with store.reading() as cursor:
        return [Found(**row) for row in rows_of(cursor.execute(query, bound).to_arrow_table())]
