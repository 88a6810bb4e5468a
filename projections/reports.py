"""The questions behind reports: numbers of groups of local rows, and their values in order of time.

Every question is asked of a window of event times. A row without a time, or with one that lies in
the future of its recording, is *undated*: it belongs to everything, and to no number of days.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from projections.remote import Readable
from projections.tables import EVENT_TABLES
from projections.tables.types import rows_of
from schemas.clock import DAY_US, from_us, to_us
from schemas.errors import WrongUse
from streams.apply import FUTURE_US
from streams.robust import LEAST_VALUES

DAYS_MAX: Final = 36_500
"""Days of a window, at most: a hundred years."""

_EVER_US: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Window:
    """The UTC days of a report: the last `days` that end with the day of `as_of`, or everything.

    `as_of` is None where nothing has a time. `complete_from` is the first day of which no rows were
    pruned, and None where nothing was.
    """

    as_of: datetime | None
    days: int | None
    complete_from: date | None = None

    @property
    def since(self) -> datetime | None:
        """The first moment inside; None where there is no first."""
        if self.as_of is None or self.days is None:
            return None
        midnight = to_us(self.as_of) // DAY_US * DAY_US
        return from_us(max(midnight - (self.days - 1) * DAY_US, to_us(_EARLIEST)))

    @property
    def is_complete(self) -> bool:
        """Whether nothing that was pruned can have been in it."""
        since = self.since
        return self.complete_from is None or (
            since is not None and since.date() >= self.complete_from
        )

    @property
    def bound(self) -> dict[str, Any]:
        """What is bound to a question."""
        since, until = self.since, self.as_of
        return {
            "since_us": -_EVER_US if since is None else to_us(since),
            "until_us": _EVER_US if until is None else to_us(until),
            "undated": self.days is None,
        }


_EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Amounts:
    """The values of one measure in a group: how many rows state one, and what is usual."""

    n: int
    total: Decimal | None
    mean: float | None
    median: float | None
    p90: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table in a window; the undated ones count where the window is everything."""

    table: str
    counted: int
    undated: int
    undated_counted: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of a window with the same names: how many, how many decided, and their amounts."""

    names: tuple[str, ...]
    n: int
    decided: int
    successes: int
    amounts: Mapping[str, Amounts]


@dataclass(frozen=True, slots=True)
class Facts:
    """Where rows come from: a view or a subquery, what names a group, what is measured.

    `success` is an expression that is true, false or null; `measures` gives each its expression
    and its unit.
    """

    kind: str
    table: str
    names: tuple[str, ...]
    success: str
    measures: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Series:
    """The rows of one group in order of time, undated ones last.

    A value that is not known is NaN; `decided` holds 1 for success, 0 for failure. `at_us` holds
    the event times of the `dated` first rows.
    """

    facts: Facts
    names: tuple[str, ...]
    dated: int
    at_us: NDArray[Any]
    decided: NDArray[Any]
    values: Mapping[str, NDArray[Any]]
    rows: pa.Table

    def place(self, row: int) -> dict[str, str | None]:
        """The source, event id and session of a row."""
        return {name: self.rows[name][row].as_py() for name in ("source", "event_id", "session_id")}


_TOKENS: Final = "coalesce(total_tokens, input_tokens + output_tokens)"
_SUCCEEDED: Final = "CASE outcome WHEN 'success' THEN true WHEN 'failure' THEN false END"

TASKS: Final = Facts(
    "task",
    "task_completions",
    ("agent", "task_type"),
    "success",
    {
        "duration": ("duration_us", "us"),
        "tokens": (_TOKENS, "tokens"),
        "retries": ("retry_count", "count"),
    },
)
USES: Final = Facts(
    "agent_usage",
    "agent_usages",
    ("agent_type", "task_type"),
    "success",
    {
        "duration": ("duration_us", "us"),
        "tokens": ("tokens_used", "tokens"),
        "retries": ("retry_count", "count"),
    },
)
OPERATIONS: Final = Facts(
    "operation",
    """(SELECT one.signature, one.source, one.event_id, one.happened_at, one.appended_at,
        run.session_id, run.outcome, run.total_tokens, run.cost_usd, run.duration_us
    FROM pattern_occurrences one
        LEFT JOIN workflow_runs run USING ("partition", source, run_id))""",
    ("signature",),
    _SUCCEEDED,
    {
        "duration": ("duration_us", "us"),
        "tokens": ("total_tokens", "tokens"),
        "cost": ("cost_usd", "usd"),
    },
)


def window(store: Readable, days: int | None, as_of: date | None) -> Window:
    """The window of a report; without `as_of` it ends with the log's greatest event time.

    A day counts whole, a moment up to itself.

    Raises:
        WrongUse: `days` is out of its bounds, or the moment has no time zone.
    """
    if days is not None and (isinstance(days, bool) or not 1 <= days <= DAYS_MAX):
        raise WrongUse(f"days is {days}; it must be a whole number from 1 to {DAYS_MAX:,}")
    (known,) = rows_of(_ask(store, "SELECT complete_from FROM log_complete_from", {}))
    return Window(_last_moment(store, as_of), days, known["complete_from"])


def _last_moment(store: Readable, as_of: date | None) -> datetime | None:
    if isinstance(as_of, datetime):
        if as_of.tzinfo is None:
            raise WrongUse(f"as_of is {as_of.isoformat()}; a moment needs a time zone, such as UTC")
        return as_of.astimezone(UTC)
    if as_of is not None:
        return datetime(as_of.year, as_of.month, as_of.day, 23, 59, 59, 999_999, tzinfo=UTC)
    greatest = " UNION ALL ".join(
        f"SELECT max({_AT}) AS at_us FROM {of.table.name}" for of in EVENT_TABLES
    )
    (row,) = rows_of(_ask(store, f"SELECT max(at_us) AS at_us FROM ({greatest})", {}))
    return None if row["at_us"] is None else from_us(row["at_us"])


def rows(store: Readable, facts: str, of: Window) -> Rows:
    """How many rows of a table are in the window, and how many have no time."""
    query = (
        f"SELECT (SELECT count(*) FROM ({_inside(facts)})) AS counted,"
        f" (SELECT count(*) FROM {facts} WHERE ({_AT}) IS NULL) AS undated"
    )
    (row,) = rows_of(_ask(store, query, of.bound))
    return Rows(facts, row["counted"], row["undated"], of.days is None)


def groups(store: Readable, facts: Facts, of: Window, names: Sequence[str] = ()) -> list[Group]:
    """The numbers of every group, the largest first; grouped by fewer names where some are given.

    The 90 % quantile is a value that occurred: the element ceil(0.9 n) of the sorted ones.
    """
    by = tuple(names) or facts.names
    measured = ", ".join(
        f"count({value}) AS {name}_n, sum({value})::VARCHAR AS {name}_total,"
        f" avg(({value})::DOUBLE) AS {name}_mean, median(({value})::DOUBLE) AS {name}_median,"
        f" quantile_disc(({value})::DOUBLE, 0.9) AS {name}_p90,"
        f" max(({value})::DOUBLE) AS {name}_most"
        for name, (value, _) in facts.measures.items()
    )
    keys = ", ".join(by)
    query = (
        f"SELECT {keys}, count(*) AS n, count({facts.success}) AS decided,"
        f" count(*) FILTER ({facts.success}) AS successes, {measured}"
        f" FROM ({_inside(facts.table)}) GROUP BY {keys} ORDER BY n DESC, {keys}"
    )
    return [
        Group(
            names=tuple(row[name] for name in by),
            n=row["n"],
            decided=row["decided"],
            successes=row["successes"],
            amounts={name: _amounts(row, name) for name in facts.measures},
        )
        for row in rows_of(_ask(store, query, of.bound))
    ]


def series(
    store: Readable, facts: Facts, of: Window, *, least: int = LEAST_VALUES
) -> Iterator[Series]:
    """The rows of every group of at least so many; by default, enough to say what is usual."""
    keys = ", ".join(facts.names)
    measured = ", ".join(
        f"({value})::DOUBLE AS {name}" for name, (value, _) in facts.measures.items()
    )
    query = (
        f"SELECT {keys}, at_us, ({facts.success})::INTEGER::DOUBLE AS decided, {measured},"
        f" source, event_id, session_id, dense_rank() OVER (ORDER BY {keys}) AS one"
        f" FROM ({_inside(facts.table)})"
        f" QUALIFY count(*) OVER (PARTITION BY {keys}) >= {int(least)}"
        " ORDER BY one, at_us NULLS LAST, source, event_id"
    )
    found = _ask(store, query, of.bound)
    between = np.flatnonzero(np.diff(_floats(found, "one"))) + 1
    for start, end in pairwise(dict.fromkeys([0, *between.tolist(), found.num_rows])):
        part = found.slice(start, end - start)
        dated = part.num_rows - part["at_us"].null_count
        yield Series(
            facts=facts,
            names=tuple(part[name][0].as_py() for name in facts.names),
            dated=dated,
            at_us=part["at_us"].slice(0, dated).to_numpy(),
            decided=_floats(part, "decided"),
            values={name: _floats(part, name) for name in facts.measures},
            rows=part,
        )


def errors(store: Readable, of: Window) -> list[dict[str, Any]]:
    """Every error of the window as it is known now, in order of time, undated ones last."""
    query = (
        "SELECT error_type, error_message, resolution, resolution_time_us, auto_resolved,"
        " user_intervention, at_us, source, event_id, session_id"
        f" FROM ({_inside('error_occurrences')})"
        " ORDER BY at_us NULLS LAST, source, event_id"
    )
    return rows_of(_ask(store, query, of.bound))


def requests(store: Readable, of: Window) -> list[tuple[str, bool]]:
    """The text of every request in the window, and whether an operation was recognised in its run.

    What was only asserted about a run was not recognised in it.
    """
    query = (
        f"SELECT input_text AS text, (source, run_id) IN (SELECT (source, run_id)"
        f" FROM pattern_occurrences WHERE rule <> 'asserted') AS found"
        f" FROM ({_inside('workflow_runs')}) WHERE input_text IS NOT NULL"
        " ORDER BY source, run_id"
    )
    return [(row["text"], row["found"]) for row in rows_of(_ask(store, query, of.bound))]


_AT: Final = (
    f"CASE WHEN epoch_us(happened_at) <= epoch_us(appended_at) + {FUTURE_US}"
    " THEN epoch_us(happened_at) END"
)


def _inside(facts: str) -> str:
    """The rows of a view or subquery that are in the window, with their time in `at_us`."""
    return (
        f"SELECT * FROM (SELECT *, {_AT} AS at_us FROM {facts}) WHERE"
        " CASE WHEN at_us IS NULL THEN $undated ELSE at_us BETWEEN $since_us AND $until_us END"
    )


def _amounts(row: Mapping[str, Any], name: str) -> Amounts:
    total = row[f"{name}_total"]
    numbers = {what: row[f"{name}_{what}"] for what in ("n", "mean", "median", "p90", "most")}
    return Amounts(total=None if total is None else Decimal(total), **numbers)


def _floats(table: pa.Table, name: str) -> NDArray[Any]:
    """A column of numbers with NaN for what is not known."""
    values: NDArray[Any] = table[name].to_numpy()
    return values.astype(np.float64)


def _ask(store: Readable, query: str, bound: Mapping[str, Any]) -> pa.Table:
    with store.reading() as cursor:
        return cursor.execute(query, dict(bound)).to_arrow_table()
