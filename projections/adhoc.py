"""Anybody's own query: one statement that reads tables, and nothing else.

Four things hold it: the statement must be a single SELECT by DuckDB's own parser; it runs in a
read-only transaction; the connection can reach no file, no network and no Python object, and that
cannot be switched back on; functions that do something other than compute are refused by name.
"""

import re
from collections.abc import Sequence
from threading import Timer
from typing import Any, Final

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from projections import damage
from projections.store import MEMORY_LIMIT, Store
from schemas.errors import WrongUse

TIMEOUT_S: Final = 30.0
"""How long a query may take unless the caller says otherwise."""

_FIRST_WORD: Final = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*(\w+)", re.DOTALL)
_READING: Final = {
    "select",
    "with",
    "from",
    "values",
    "table",
    "describe",
    "desc",
    "show",
    "summarize",
}
_DOING: Final = re.compile(
    r"\b(checkpoint|force_checkpoint|enable_logging|disable_logging|truncate_duckdb_logs|write_log"
    r"|enable_profiling|disable_profiling|query|query_table|json_execute_serialized_sql|nextval"
    r"|set_config|pragma_\w*profil\w*)\s*\(",
    re.IGNORECASE,
)
_BATCH: Final = 10_000


def sql(
    store: Store,
    query: str,
    *,
    parameters: Sequence[object] = (),
    row_limit: int | None = None,
    timeout_s: float = TIMEOUT_S,
) -> pa.Table:
    """The answer to one reading statement: SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW.

    At most `row_limit` rows are returned, all if it is None.

    Raises:
        WrongUse: it is not one reading statement, is mistaken, or asks for too much.
        ProjectionDamaged: the file is not what was written; opened again, it will be new.
    """
    cursor = store.cursor()
    timer = Timer(timeout_s, cursor.interrupt)
    try:
        statement = _checked(cursor, query)
        timer.start()
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        cursor.execute(statement, list(parameters))
        return _fetched(cursor, row_limit)
    except duckdb.Error as error:
        if damage.is_damage(error):
            raise store.distrust(damage.sentence(error)) from error
        raise WrongUse(_sentence(error, timeout_s)) from error
    finally:
        timer.cancel()
        cursor.close()


def _checked(cursor: DuckDBPyConnection, query: str) -> Any:
    """The only statement of the query, where it is one that reads."""
    statements = cursor.extract_statements(query)
    if not statements:
        raise WrongUse("the query is empty; it must be one SELECT")
    first = _FIRST_WORD.match(query)
    word = first[1].lower() if first else ""
    if len(statements) > 1 and word in _READING:
        raise WrongUse(f"the query has {len(statements)} statements; it must be one SELECT")
    if word not in _READING or statements[0].type != duckdb.StatementType.SELECT:
        raise WrongUse(f"the query begins with {word.upper()}; only reading is allowed: SELECT")
    doing = _DOING.search(query)
    if doing:
        raise WrongUse(f"the query calls {doing[1]}(), which does more than read")
    return statements[0]


def _fetched(cursor: DuckDBPyConnection, row_limit: int | None) -> pa.Table:
    if row_limit is None:
        return cursor.to_arrow_table()
    reader = cursor.to_arrow_reader(min(_BATCH, max(1, row_limit)))
    batches, rows = [], 0
    while rows < row_limit:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            break
        batches.append(batch)
        rows += batch.num_rows
    return pa.Table.from_batches(batches, reader.schema).slice(0, row_limit)


def _sentence(error: duckdb.Error, timeout_s: float) -> str:
    if isinstance(error, duckdb.InterruptException):
        return f"the query took longer than {timeout_s:g} s; ask for less"
    if isinstance(error, duckdb.OutOfMemoryException):
        return f"the query needs more memory than the projection has ({MEMORY_LIMIT}); ask for less"
    if isinstance(error, duckdb.PermissionException):
        return (
            "the query reaches for a file or the network; it may read the projection's tables only"
        )
    return f"the query was not understood: {damage.sentence(error)}"
