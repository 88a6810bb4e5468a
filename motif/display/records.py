"""Single records on a terminal: a page of them, and one with everything that is known of it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table

from motif.display import words
from motif.display.table import Column, facts, table, text
from projections.records import Record
from schemas.clock import to_us
from schemas.times import time_text

_MINUTE = len("2025-06-15T15:06")


def listed(records: Sequence[Record]) -> Table:
    """Records in the order given: when, what, whose, how it ended, and by which id to load it."""
    columns = [Column("when (UTC)"), Column("type"), text("title"), text("agent")]
    columns += [Column("outcome"), text("id")]
    rows = [
        [
            _moment(one.happened_at)[:_MINUTE].replace("T", " "),
            one.type,
            one.title or words.UNKNOWN,
            one.agent or words.UNKNOWN,
            one.outcome or words.UNKNOWN,
            one.subject,
        ]
        for one in records
    ]
    return table(columns, rows)


def shown(record: Record) -> RenderableType:
    """What it is and where it stands, then its data, field by field."""
    about = [
        ("id", record.subject),
        ("type", record.type),
        ("source", record.source),
        ("happened", _moment(record.happened_at)),
        ("revision", words.count(record.revision)),
        ("stated at", f"{record.topic}/{record.partition}/{record.offset}"),
    ]
    data = [(name, _text(value)) for name, value in record.data.items() if value is not None]
    parts: list[RenderableType] = [facts(about), "", facts(data)]
    return Group(*parts)


def _moment(moment: datetime | None) -> str:
    return words.UNKNOWN if moment is None else time_text(to_us(moment))


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
