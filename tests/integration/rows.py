"""Rows of a node's projection, taken whole to be compared between nodes.

What is compared is text: each row as DuckDB writes it as JSON, sorted. Two sets of rows are the
same when their fingerprints are; where they are not, the first rows that differ are shown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Protocol

import pyarrow as pa

from motif.node import Node
from projections.tables import NAMES


class Asked(Protocol):
    """Whatever answers SQL: a node, or a projection alone."""

    def sql(self, query: str) -> pa.Table:
        """The rows of a query."""


Tables = Mapping[str, list[str]]
"""The sorted rows of some tables, each row as JSON."""

LEARNED: Mapping[str, tuple[str, ...]] = {
    "patterns": ("version", "site_count", "contributor_count"),
    "pattern_measures": (),
    "pattern_days": (),
}
"""What was learned, without the columns that say who learned it and in which order."""

_WHEN_AND_WHERE = (
    "offset",
    "appended_at",
    "refused_at",  # the clock's, where a line was refused before it had a place in the log
    "decided_at",
    "version",
    "versions",
    "forks",
    "contributor",
    "contributors",
    "site_id",
    "log_id",
    "sites",
)

STORED: Mapping[str, tuple[str, ...]] = {
    **{
        name: _WHEN_AND_WHERE
        for name in (*NAMES, "patterns", "contributions", "tool_calls", "model_calls", "sessions")
        if name not in {"duplicates", "positions", "pattern_rows", "contributed"}
    },
    "logs": (*_WHEN_AND_WHERE, "event_id", "happened_at"),  # minted when a log is founded
    "pattern_measures": (),
    "pattern_days": (),
    "pattern_sites": _WHEN_AND_WHERE,
}
"""Every table, without the columns that say when and where a record came to stand in the log."""


def asked(node: Asked, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query as tuples."""
    table = node.sql(query)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def tally(node: Asked, query: str) -> dict[Any, Any]:
    """The rows of a query as a dictionary: the last column by the one before or the ones before."""
    return {row[0] if len(row) == 2 else row[:-1]: row[-1] for row in asked(node, query)}


def rows_of(node: Asked, tables: Mapping[str, Iterable[str]]) -> Tables:
    """The rows of tables, each without some of its columns."""
    found = {}
    for table, without in tables.items():
        has = {row[0] for row in asked(node, f"DESCRIBE {table}")}
        left_out = sorted(has.intersection(without))
        exclude = f"EXCLUDE ({', '.join(map(_quoted, left_out))})" if left_out else ""
        query = f"SELECT to_json(t)::VARCHAR AS row FROM (SELECT * {exclude} FROM {table}) t"
        found[table] = sorted(row for (row,) in asked(node, query))
    return found


def learned(node: Asked) -> Tables:
    """Everything learned, as far as it may not depend on who learned it and how."""
    return rows_of(node, LEARNED)


def stored(node: Asked) -> Tables:
    """Everything projected, as far as it may not depend on when and where a record was appended."""
    return rows_of(node, STORED)


def fingerprint(tables: Tables) -> str:
    """A hash of all the rows."""
    digest = blake2b(digest_size=16)
    for table in sorted(tables):
        digest.update("\n".join((table, *tables[table], "")).encode())
    return digest.hexdigest()


def assert_same(found: Tables, expected: Tables) -> None:
    """Say that two sets of rows are the same, or show where they differ."""
    if fingerprint(found) == fingerprint(expected):
        return
    sentences = []
    for table in sorted({*found, *expected}):
        have, want = Counter(found.get(table, [])), Counter(expected.get(table, []))
        more, fewer = sorted((have - want).elements()), sorted((want - have).elements())
        if more or fewer:
            sentences.append(f"{table}: {len(more)} rows too many, {len(fewer)} missing")
            sentences += [f"  + {row[:600]}" for row in more[:3]]
            sentences += [f"  - {row[:600]}" for row in fewer[:3]]
    raise AssertionError("\n".join(sentences))


def assert_settled(node: Node) -> None:
    """Say that nothing waits, came too late or contradicts what was said before."""
    node.settle()
    for one in node.status().partitions:
        assert (one.lag, one.waiting, one.late, one.conflicting) == (0, 0, 0, 0), one


def _quoted(name: str) -> str:
    return f'"{name}"'
