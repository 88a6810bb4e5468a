"""Tables `logs` and `settings`: who the log is, its settings, and what people say of patterns."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from duckdb import DuckDBPyConnection

from projections.tables import devices, reviews
from projections.tables.table import STAGED, Row, Table, staged
from projections.tables.types import COUNT, JSON, PLACE, TEXT, TEXTS, TIME
from schemas.devices import DeviceDefined, DeviceMapped, DeviceRestricted
from schemas.envelope import decode
from schemas.errors import Refused, WrongUse
from schemas.events import LogCreated, SettingsChanged
from schemas.log import Record
from schemas.workflows import CATEGORIES, PatternReviewed
from streams.operations import BUILT_IN, rules_of

_FACT = {**PLACE, "source": TEXT, "event_id": TEXT, "happened_at": TIME, "appended_at": TIME}

LOGS: Final = Table(
    "logs",
    {
        **_FACT,
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
        **_FACT,
        "mcp_servers": TEXTS,
        "operation_rules": TEXT,
        "amend_days": COUNT,
        "tool_shares": JSON,
    },
)
"""`tool_shares` are the parts of a cost that a tool is estimated to cost, by category."""


def apply(cursor: DuckDBPyConnection, records: Sequence[Record]) -> None:
    """Add what was said; the first statement of a log's identity counts."""
    logs: dict[str, Row] = {}
    said: dict[str, dict[tuple[str, str], Row]] = {table.name: {} for table, _ in _SAID.values()}
    for record in records:
        try:
            event = decode(record)
        except Refused:
            continue
        fact = (*record[:3], event.source, event.id, event.time_us, record.appended_at_us)
        data = event.data
        if isinstance(data, LogCreated):
            stated = (data.site_id, data.log_id, data.site_label, data.partitions, data.format)
            logs.setdefault(data.log_id, (*fact, *stated))
        elif type(data) in _SAID:
            table, row_of = _SAID[type(data)]
            said[table.name].setdefault((event.source, event.id), row_of(fact, data))
    _add_new(cursor, LOGS, list(logs.values()), ("log_id",))
    for table, _ in _SAID.values():
        _add_new(cursor, table, list(said[table.name].values()), ("source", "event_id"))


def _settings(fact: Row, said: SettingsChanged) -> Row:
    try:
        rules = rules_of(said.operation_rules)
    except WrongUse:  # rules of another version, which nobody learns by
        rules = BUILT_IN
    shares = {category: str(rules.tool_share(category)) for category in CATEGORIES}
    encoded = msgspec.json.encode(shares)
    return (*fact, said.mcp_servers, said.operation_rules, said.amend_days, encoded)


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


_SAID: Final[Mapping[type, tuple[Table, Callable[[Row, Any], Row]]]] = {
    SettingsChanged: (SETTINGS, _settings),
    PatternReviewed: (reviews.REVIEWS, reviews.row_of),
    DeviceDefined: (devices.DEFINITIONS, devices.row_of),
    DeviceMapped: (devices.MAPPINGS, devices.mapping_row_of),
    DeviceRestricted: (devices.RESTRICTIONS, devices.restriction_row_of),
}
"""The table of each statement, and how its row is made."""
