"""Tables `logs`, `settings` and `prunings`: who the log is, its settings, and what was deleted.

What people say of patterns stands in the same topic, and in tables of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from duckdb import DuckDBPyConnection

from projections.tables import devices, reviews
from projections.tables.table import STAGED, Row, Table, staged
from projections.tables.types import COUNT, FACT, JSON, TEXT, TEXTS
from schemas.devices import DeviceDefined, DeviceMapped, DeviceRestricted
from schemas.envelope import decode
from schemas.errors import Refused, WrongUse
from schemas.events import LogCreated, LogPruned, SettingsChanged
from schemas.log import Record
from schemas.workflows import CATEGORIES, PatternReviewed
from streams.operations import BUILT_IN, rules_of

LOGS: Final = Table(
    "logs",
    {
        **FACT,
        "site_id": TEXT,
        "log_id": TEXT,
        "site_label": TEXT,
        "partitions": COUNT,
        "format": COUNT,
    },
)
SETTINGS: Final = Table(
    "settings",
    {
        **FACT,
        "mcp_servers": TEXTS,
        "operation_rules": TEXT,
        "amend_days": COUNT,
        "tool_shares": JSON,
    },
)
"""`tool_shares` are the parts of a cost that a tool is estimated to cost, by category."""


PRUNINGS: Final = Table("prunings", {**FACT, "complete_from": TEXT})
"""`complete_from` is the first day of which nothing was deleted."""


def apply(cursor: DuckDBPyConnection, records: Sequence[Record]) -> None:
    """Add what was said; the first statement of a log's identity counts."""
    logs: dict[str, Row] = {}
    said: dict[str, dict[tuple[str, str], Row]] = {table.name: {} for table in _SAID.values()}
    for record in records:
        try:
            event = decode(record)
        except Refused:
            continue
        fact = (*record[:3], event.source, event.id, event.time_us, record.appended_at_us)
        data = event.data
        if isinstance(data, LogCreated):
            logs.setdefault(data.log_id, _row(LOGS, fact, vars(data)))
        elif table := _SAID.get(type(data)):
            stated = {**vars(data), **(_shares(data) if isinstance(data, SettingsChanged) else {})}
            said[table.name].setdefault((event.source, event.id), _row(table, fact, stated))
    _add_new(cursor, LOGS, list(logs.values()), ("log_id",))
    for table in _SAID.values():
        _add_new(cursor, table, list(said[table.name].values()), ("source", "event_id"))


def _row(table: Table, fact: Row, stated: Mapping[str, Any]) -> Row:
    """The row of a statement: what is common to all, then its fields by the columns' names."""
    columns = list(table.columns.items())[len(fact) :]
    values = [(of, stated[name]) for name, of in columns]
    return (*fact, *(_encode(value) if of is JSON else value for of, value in values))


def _shares(said: SettingsChanged) -> dict[str, Any]:
    """What the table of settings holds beside what was stated."""
    try:
        rules = rules_of(said.operation_rules)
    except WrongUse:  # rules of another version, which nobody learns by
        rules = BUILT_IN
    return {"tool_shares": {one: str(rules.tool_share(one)) for one in CATEGORIES}}


def _add_new(
    cursor: DuckDBPyConnection, table: Table, rows: Sequence[Row], key: tuple[str, ...]
) -> None:
    if not rows:
        return
    with staged(cursor, table.arrow(rows)):
        cursor.execute(
            f"INSERT INTO {table.name} SELECT b.* FROM {STAGED} b"
            f" ANTI JOIN {table.name} USING ({', '.join(key)})"
        )


_SAID: Final[Mapping[type, Table]] = {
    SettingsChanged: SETTINGS,
    LogPruned: PRUNINGS,
    PatternReviewed: reviews.REVIEWS,
    DeviceDefined: devices.DEFINITIONS,
    DeviceMapped: devices.MAPPINGS,
    DeviceRestricted: devices.RESTRICTIONS,
}
"""The table of each statement."""

_encode: Final = msgspec.json.Encoder().encode
