"""Tables `logs` and `settings`: who the log is, its settings, and what people say of patterns."""

from collections.abc import Sequence
from typing import Final

import msgspec
from duckdb import DuckDBPyConnection

from projections.tables import devices, reviews
from projections.tables.table import STAGED, Row, Table, staged
from projections.tables.types import COUNT, JSON, PLACE, TEXT, TEXTS, TIME
from schemas.devices import DeviceDefined
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
    settings: dict[tuple[str, str], Row] = {}
    decided: dict[tuple[str, str], Row] = {}
    defined: dict[tuple[str, str], Row] = {}
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
        elif isinstance(data, SettingsChanged):
            settings.setdefault((event.source, event.id), (*fact, *_settings(data)))
        elif isinstance(data, PatternReviewed):
            decided.setdefault((event.source, event.id), reviews.row_of(fact, data))
        elif isinstance(data, DeviceDefined):
            defined.setdefault((event.source, event.id), devices.row_of(fact, data))
    _add_new(cursor, LOGS, list(logs.values()), ("log_id",))
    _add_new(cursor, SETTINGS, list(settings.values()), ("source", "event_id"))
    _add_new(cursor, reviews.REVIEWS, list(decided.values()), ("source", "event_id"))
    _add_new(cursor, devices.DEFINITIONS, list(defined.values()), ("source", "event_id"))


def _settings(said: SettingsChanged) -> Row:
    try:
        rules = rules_of(said.operation_rules)
    except WrongUse:  # rules of another version, which nobody learns by
        rules = BUILT_IN
    shares = {category: str(rules.tool_share(category)) for category in CATEGORIES}
    encoded = msgspec.json.encode(shares)
    return said.mcp_servers, said.operation_rules, said.amend_days, encoded


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
