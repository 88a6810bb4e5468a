"""The questions asked of the projection, each a function with a typed answer.

Parameters are bound, never formatted in. Every function takes a cursor of its own, so any number of
threads may ask while the projector writes; each answer is of one moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from projections.asking import ask
from projections.remote import Readable
from projections.tables import EVENT_TABLES
from projections.tables.patterns import PATTERN, start_of
from schemas.errors import WrongUse
from schemas.ids import pattern_id as id_of

LIMIT_MAX: Final = 10_000
"""Rows of one page, at most."""


class Key(NamedTuple):
    """Where a page of patterns ended; the next one starts behind it."""

    confidence: float
    occurrences: int
    pattern_id: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """One live pattern with its numbers; None is not known, or not told apart by its kind."""

    pattern_id: str
    kind: str
    signature: str
    title: str
    attributes: Mapping[str, Any]
    status: str
    occurrences: int
    successes: int | None
    failures: int | None
    success_rate: float | None
    success_low: float | None
    success_high: float | None
    confidence: float
    score: float | None
    first_seen: datetime | None
    last_seen: datetime | None
    undated: int
    counters: Mapping[str, int]
    site_count: int
    contributor_count: int
    version: str
    forks: Sequence[str]

    @property
    def key(self) -> Key:
        """Its place in the order of `patterns`."""
        return Key(self.confidence, self.occurrences, self.pattern_id)


@dataclass(frozen=True, slots=True)
class Measure:
    """The numbers of one measure of a pattern, in `unit`."""

    measure: str
    unit: str
    n: int
    total: Decimal | None
    mean: float | None
    stddev: float | None
    p50: float | None
    p90: float | None
    p99: float | None
    minimum: Decimal | None
    maximum: Decimal | None


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on one day, UTC."""

    day: date
    occurrences: int
    successes: int
    failures: int


@dataclass(frozen=True, slots=True)
class Site:
    """What one site contributed."""

    site_id: str
    site_label: str | None
    occurrences: int
    successes: int
    failures: int
    version: str


@dataclass(frozen=True, slots=True)
class Detail:
    """A pattern with everything nested in its row."""

    pattern: Pattern
    measures: Sequence[Measure]
    days: Sequence[Day]
    sites: Sequence[Site]


@dataclass(frozen=True, slots=True)
class Reached:
    """Up to where a partition was projected and, for an input topic, learned.

    `behind` is how many offsets were learned and are not projected yet, `pruned` how many records
    were deleted.
    """

    topic: str
    partition: int
    position: int
    learned: int | None
    waiting: int | None
    late: int | None
    repeats: int | None
    conflicting: int | None
    refused: int | None
    epoch: str | None
    pruned: int

    @property
    def behind(self) -> int:
        """How far the projection is behind the learner, in offsets."""
        return 0 if self.learned is None else max(0, self.learned - self.position)


class Noted(NamedTuple):
    """Of some records: how many repeat one, do so with other content, or were refused."""

    repeats: int
    conflicting: int
    refused: int


@dataclass(frozen=True, slots=True)
class Status:
    """How far the projection is, and how much it holds."""

    positions: Sequence[Reached]
    rows: Mapping[str, int]
    patterns: Mapping[str, int]
    duplicates: int
    dead_letters: int
    dead_letters_undecided: int


_COLUMNS: Final = ", ".join(f'"{name}"' for name in PATTERN)
_BEST_FIRST: Final = "coalesce(confidence, 0) DESC, occurrences DESC, pattern_id"


def patterns(
    store: Readable,
    *,
    kind: str | None = None,
    min_confidence: float | None = None,
    search: str | None = None,
    limit: int = 50,
    after: Key | None = None,
) -> list[Pattern]:
    """Patterns, best first: by confidence, then occurrences, then id.

    `after` is the `key` of the last pattern of the page before; `search` is found anywhere in
    title or signature, in whatever case.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise WrongUse(f"limit is {limit}; it must be from 1 to {LIMIT_MAX}")
    where, bound = ["true"], dict[str, Any](limit=limit)
    if kind is not None:
        where.append("kind = $kind")
        bound["kind"] = kind
    if min_confidence is not None:
        where.append("confidence >= $min_confidence")
        bound["min_confidence"] = min_confidence
    if search is not None:
        where.append("contains(lower(title || ' ' || signature), lower($search))")
        bound["search"] = search
    if after is not None:
        where.append(
            "(coalesce(confidence, 0) < $confidence OR (coalesce(confidence, 0) = $confidence"
            " AND (occurrences < $occurrences"
            " OR (occurrences = $occurrences AND pattern_id > $pattern_id))))"
        )
        bound.update(after._asdict())
    query = (
        f"SELECT {_COLUMNS} FROM pattern_rows WHERE {' AND '.join(where)}"
        f" ORDER BY {_BEST_FIRST} LIMIT $limit"
    )
    return [_pattern(row) for row in ask(store, query, bound)]


def pattern(store: Readable, name: str) -> Detail | None:
    """The pattern of this id, `kind:signature` or signature; None when there is none.

    Raises:
        WrongUse: patterns of several kinds have this signature.
    """
    identity = id_of(*name.split(":", 1)) if ":" in name else name
    found = ask(
        store,
        "SELECT * FROM pattern_rows WHERE start = $start AND pattern_id = $id",
        {"start": start_of(identity), "id": identity},
    )
    if not found:
        query = f"SELECT * FROM pattern_rows WHERE signature = $name ORDER BY {_BEST_FIRST}"
        found = ask(store, query, {"name": name})
    if len(found) > 1:
        names = ", ".join(f"{row['kind']}:{row['signature']}" for row in found)
        raise WrongUse(f"{name!r} names {len(found)} patterns; say which: {names}")
    return _detail(found[0]) if found else None


def status(store: Readable) -> Status:
    """How far the projection is, and how much it holds."""
    tables = [of.table.name for of in EVENT_TABLES]
    counts = ", ".join(f"(SELECT count(*) FROM {name}) AS {name}" for name in tables)
    (rows,) = ask(store, f"SELECT {counts}")
    kinds = ask(
        store, "SELECT kind, count(*) AS n FROM pattern_rows GROUP BY kind ORDER BY n DESC, kind"
    )
    (others,) = ask(
        store,
        "SELECT (SELECT count(*) FROM duplicates) AS duplicates, count(*) AS dead_letters,"
        " count(*) FILTER (decided IS NULL) AS dead_letters_undecided FROM dead_letters",
    )
    return Status(
        positions=positions(store),
        rows=rows,
        patterns={row["kind"]: row["n"] for row in kinds},
        **others,
    )


def positions(store: Readable) -> list[Reached]:
    """Up to where every partition was projected and learned."""
    found = ask(store, 'SELECT * FROM positions ORDER BY topic, "partition"')
    return [Reached(**row) for row in found]


def kinds_by_totals(store: Readable) -> dict[str, int]:
    """How many patterns of each kind there are by the contributions, most first.

    It is what `patterns` will count once the federator has written every row.
    """
    query = "SELECT kind, count(*) AS n FROM pattern_totals GROUP BY kind ORDER BY n DESC, kind"
    return {row["kind"]: row["n"] for row in ask(store, query)}


def rows_behind(store: Readable) -> int:
    """Patterns whose row does not say yet what their contributions say: the federator's lag.

    A row names the versions it was made of; those that forked are named and not counted.
    """
    query = """
        WITH stated AS (
            SELECT pattern_id,
                string_agg(contributor || '@' || version, ';' ORDER BY contributor) AS version
            FROM contributions GROUP BY pattern_id
        )
        SELECT count(*) AS n
        FROM stated FULL JOIN pattern_rows USING (pattern_id)
        WHERE coalesce(stated.version, '') <> coalesce(pattern_rows.version, '')
          AND coalesce(len(pattern_rows.forks), 0) = 0
    """
    (row,) = ask(store, query)
    behind: int = row["n"]
    return behind


def noted_between(
    store: Readable, starts: Mapping[tuple[str, int], int], ends: Mapping[tuple[str, int], int]
) -> Noted:
    """What was noted of the records from these offsets up to those, of several partitions."""
    noted = Noted(0, 0, 0)
    query = (
        "SELECT count(*) FILTER (NOT refused) AS repeats, count(*) FILTER (refused) AS refused,"
        " count(*) FILTER (conflicting) AS conflicting FROM duplicates"
        ' WHERE topic = $topic AND "partition" = $partition'
        ' AND "offset" >= $first AND "offset" < $last'
    )
    for (topic, partition), last in ends.items():
        first = starts[topic, partition]
        bound = {"topic": topic, "partition": partition, "first": first, "last": last}
        (row,) = ask(store, query, bound)
        noted = Noted(*(old + row[name] for name, old in noted._asdict().items()))
    return noted


def counts(store: Readable) -> dict[str, int]:
    """How many rows each table has that people ask about, joined and current."""
    names = (
        "tool_calls",
        "model_calls",
        "sessions",
        "task_completions",
        "error_occurrences",
        "agent_usages",
        "user_corrections",
        "interactions",
        "user_prompts",
        "user_interrupts",
        "patterns",
        "contributions",
        "duplicates",
        "dead_letters",
    )
    counted = ", ".join(f"(SELECT count(*) FROM {name}) AS {name}" for name in names)
    (row,) = ask(store, f"SELECT {counted}")
    return row


def dead_letters(
    store: Readable, *, undecided: bool = False, letter_id: str | None = None, limit: int = 1000
) -> list[dict[str, Any]]:
    """Refused records, the newest last: the columns of table `dead_letters`."""
    query = (
        "SELECT * FROM dead_letters WHERE ($letter_id IS NULL OR letter_id = $letter_id)"
        " AND (NOT $undecided OR decided IS NULL) ORDER BY refused_at, letter_id LIMIT $limit"
    )
    return ask(store, query, {"letter_id": letter_id, "undecided": undecided, "limit": limit})


def _pattern(row: Mapping[str, Any]) -> Pattern:
    values = {name: row[name] for name in PATTERN}
    for name in ("attributes", "counters"):
        values[name] = msgspec.json.decode(values[name]) if values[name] else {}
    return Pattern(**values)


def _detail(row: Mapping[str, Any]) -> Detail:
    return Detail(
        pattern=_pattern(row),
        measures=[Measure(**one) for one in row["measures"]],
        days=[Day(**one) for one in row["days"]],
        sites=[Site(**one) for one in row["sites"]],
    )
