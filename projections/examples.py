"""Where a pattern happened here lately: the local records behind it, which never leave the site."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from projections.queries import Pattern
from projections.remote import Readable
from projections.tables.types import rows_of

Query = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Example:
    """One occurrence: in which session, when, and the event that completed it."""

    session_id: str | None
    happened_at: datetime | None
    source: str
    event_id: str


def examples(store: Readable, pattern: Pattern, limit: int) -> list[Example]:
    """The latest occurrences of a pattern in the local log; none for a kind without a way back."""
    make = _QUERIES.get(pattern.kind)
    if make is None:
        return []
    query, bound = make(pattern)
    ordered = f"{query} ORDER BY happened_at DESC NULLS LAST, event_id LIMIT $limit"
    with store.reading() as cursor:
        rows = rows_of(cursor.execute(ordered, {**bound, "limit": limit}).to_arrow_table())
    return [Example(**row) for row in rows]


def _path(tools: Sequence[str], *, error_class: str | None = None) -> Query:
    """Calls that follow each other in a session, the first of them failed where that is asked."""
    last = len(tools) - 1
    columns = f"c{last}.session_id, c{last}.happened_at, c{last}.source, c{last}.event_id"
    joins = "".join(
        f" JOIN tool_called c{n} ON c{n}.previous_event_id = c{n - 1}.event_id"
        f" AND c{n}.session_id = c{n - 1}.session_id AND c{n}.source = c{n - 1}.source"
        for n in range(1, len(tools))
    )
    first = "tool_called" if error_class is None else "tool_calls"
    wanted = [f"regexp_full_match(c{n}.tool, $tool{n})" for n in range(len(tools))]
    bound: dict[str, Any] = {f"tool{n}": _shape(tool) for n, tool in enumerate(tools)}
    if error_class is not None:
        wanted.append("c0.ok = false AND coalesce(c0.error_class, 'other') = $error_class")
        bound["error_class"] = error_class
    return f"SELECT {columns} FROM {first} c0{joins} WHERE {' AND '.join(wanted)}", bound


def _shape(tool: str) -> str:
    """What raw names of tools look like that are shown under this one."""
    return re.escape(tool).replace(r"mcp__\*__", "mcp__.+?__")


def _rows(table: str, *names: str) -> Callable[[Pattern], Query]:
    where = " AND ".join(f"{name} = ${name}" for name in names)

    def query(pattern: Pattern) -> Query:
        bound = {name: pattern.attributes.get(name) for name in names}
        columns = "session_id, happened_at, source, event_id"
        return f"SELECT {columns} FROM {table} WHERE {where}", bound

    return query


def _devices(pattern: Pattern) -> Query:
    """Probes of devices of a sort; its parts are compared as the learner makes them of a probe."""
    made = {
        "protocol": "protocol",
        "device_type": "device_type::VARCHAR",
        "product_code": r"lower(trim(regexp_replace(product_code, '\s+', ' ', 'g')))",
        "major": "nullif(regexp_extract(revision, '(?:^|[^0-9])([0-9]{1,5})(?:[^0-9]|$)', 1), '')"
        "::INTEGER::VARCHAR",
        "vendor_id": "vendor_id::VARCHAR",
        "vendor": "lower(trim(regexp_replace(vendor, '[^[:alnum:]]+', ' ', 'g')))",
    }
    parts: dict[str, str] = dict(pattern.attributes)
    if parts["device_type"]:
        parts["vendor_id"] = parts.pop("vendor")
    wanted = [f"coalesce({made[name]}, '') = ${name}" for name in parts if name != "vendor"]
    if "vendor" in parts:
        # A name may go on with the form of the company.
        wanted.append(f"starts_with(coalesce({made['vendor']}, ''), $vendor)")
    wanted += ["evidence = 'identity'", "simulator IS NOT TRUE"]
    columns = "NULL::VARCHAR AS session_id, happened_at, source, event_id"
    return f"SELECT {columns} FROM device_probed WHERE {' AND '.join(wanted)}", parts


_QUERIES: Final[dict[str, Callable[[Pattern], Query]]] = {
    "tool": lambda one: _path([one.attributes["tool"]]),
    "tool_usage": lambda one: _path([one.attributes["tool_a"], one.attributes["tool_b"]]),
    "task_sequence": lambda one: _path(one.attributes["tools"]),
    "error_recovery": lambda one: _path(
        [one.attributes["tool_a"], one.attributes["tool_b"]],
        error_class=one.attributes["error_class"],
    ),
    "model": _rows("model_calls", "agent", "model"),
    "task": _rows("task_completions", "agent", "task_type"),
    "agent_usage": _rows("agent_usages", "agent_type", "task_type"),
    "device": _devices,
    "correction": _rows(
        "(SELECT *, coalesce(correction_category, 'none') AS category FROM user_corrections)",
        *("agent", "correction_type", "category"),
    ),
}
"""How to get from a pattern of each kind back to the rows it was learned from."""
