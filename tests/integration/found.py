"""All records that pages show, beside what the tables say of them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from motif.asking import Asking
from projections.records import Record
from schemas.clock import to_us

_COLUMNS = (
    "type",
    "source",
    "subject",
    "revision",
    "happened_at",
    "title",
    "agent",
    "session_id",
    "user_id",
    "project",
    "environment",
    "branch",
    "outcome",
    "tags",
    "topic",
    "partition",
    "offset",
)


def walked(node: Asking, limit: int = 500, **wanted: Any) -> Iterator[Record]:
    """The records of all pages, one page after the other."""
    after: str | None = None
    while True:
        found = node.records(limit=limit, after=after, **wanted)
        yield from found
        if found.next is None:
            return
        after = found.next


def assert_found(node: Asking) -> None:
    """Say that the records that are found are those of the tables, each once."""
    table = node.sql(f"SELECT {', '.join(map(_quoted, _COLUMNS))} FROM records")
    expected = [_row(row) for row in table.to_pylist()]

    found = [_row({name: getattr(one, name) for name in _COLUMNS}) for one in walked(node)]

    more, fewer = Counter(found) - Counter(expected), Counter(expected) - Counter(found)
    assert not more, f"found only: {list(more)[:3]}, in the tables only: {list(fewer)[:3]}"
    assert not fewer, f"in the tables only: {list(fewer)[:3]}"


def _row(row: dict[str, Any]) -> str:
    tags = list(dict.fromkeys(row["tags"] or ()))
    moment = row["happened_at"]
    plain = {"tags": tags, "happened_at": None if moment is None else to_us(moment)}
    return repr([*(row | plain).values()])


def _quoted(name: str) -> str:
    return f'"{name}"'
