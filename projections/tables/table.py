"""What a table of the projection is: a name, typed columns, and a way in for batches of rows.

Rows enter as Arrow: a batch is transposed into columns, handed to DuckDB without a copy, and
inserted by one statement. Row by row is a thousand times slower.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

Row = tuple[Any, ...]
"""The values of one row, in the order of its table's columns; None is not known."""


@dataclass(frozen=True, slots=True)
class Type:
    """A type in DuckDB and the one it travels as; `prepare` makes the values Arrow understands."""

    sql: str
    arrow: pa.DataType
    prepare: Callable[[Iterable[Any]], Sequence[Any]] | None = None

    def array(self, values: Iterable[Any]) -> pa.Array:
        """Values as an Arrow array of this type."""
        return pa.array(self.prepare(values) if self.prepare else values, self.arrow)


@dataclass(frozen=True, slots=True)
class Table:
    """A table by name, with its columns in the order of its rows."""

    name: str
    columns: dict[str, Type]

    @property
    def ddl(self) -> str:
        """The statement that makes it."""
        columns = ", ".join(f'"{name}" {of.sql}' for name, of in self.columns.items())
        return f"CREATE TABLE {self.name} ({columns})"

    def arrow(self, rows: Sequence[Row]) -> pa.Table:
        """Rows as an Arrow table with these columns."""
        columns = zip(*rows, strict=True) if rows else [()] * len(self.columns)
        arrays = [
            of.array(values) for of, values in zip(self.columns.values(), columns, strict=True)
        ]
        return pa.Table.from_arrays(arrays, names=list(self.columns))

    def insert(self, cursor: DuckDBPyConnection, rows: Sequence[Row]) -> None:
        """Append the rows."""
        with staged(cursor, self.arrow(rows)):
            cursor.execute(f"INSERT INTO {self.name} SELECT * FROM {STAGED}")


STAGED = "batch"
"""The name under which a batch of rows stands while it is `staged`."""


@contextmanager
def staged(cursor: DuckDBPyConnection, rows: pa.Table) -> Iterator[None]:
    """Let statements of this cursor see the rows as the table `batch`."""
    cursor.register(STAGED, rows)
    try:
        yield
    finally:
        cursor.unregister(STAGED)
