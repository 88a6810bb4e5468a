"""The tables of the projection, one module a group."""

from typing import Final

from projections.tables import (
    contributions,
    dead_letters,
    devices,
    duplicates,
    logs,
    patterns,
    positions,
    recognised,
    reviews,
)
from projections.tables.events import EVENT_TABLES
from projections.tables.table import Table

TABLES: Final[tuple[Table, ...]] = (
    *(of.table for of in EVENT_TABLES),
    duplicates.DUPLICATES,
    dead_letters.DEAD_LETTERS,
    contributions.CONTRIBUTED,
    logs.LOGS,
    logs.SETTINGS,
    logs.PRUNINGS,
    reviews.REVIEWS,
    devices.DEFINITIONS,
    devices.MAPPINGS,
    devices.RESTRICTIONS,
    recognised.RECOGNISED,
    positions.POSITIONS,
)
"""Every table of plain columns."""

DDL: Final = (*(table.ddl for table in TABLES), patterns.DDL)
"""Statements that make every table."""

NAMES: Final = (*(table.name for table in TABLES), "pattern_rows")
"""Every table that is stored; all else is a view."""

__all__ = ["DDL", "EVENT_TABLES", "NAMES", "TABLES", "Table"]
