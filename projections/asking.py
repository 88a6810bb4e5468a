"""Asking the tables: a query with what is bound in it, and the rows that answer."""

from collections.abc import Mapping
from typing import Any

from projections.remote import Readable
from projections.tables.types import rows_of


def ask(
    store: Readable, query: str, bound: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The rows that answer a query, as dictionaries; `bound` are its parameters by name."""
    with store.reading() as cursor:
        return rows_of(cursor.execute(query, dict(bound or {})).to_arrow_table())
