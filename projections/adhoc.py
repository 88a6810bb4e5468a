"""Anybody's own query: one statement that reads tables, and nothing else.

Four things hold it: the statement must be a single SELECT by DuckDB's own parser; it runs in a
read-only transaction; the connection can reach no file, no network and no Python object, and that
cannot be switched back on; functions that do something other than compute are refused by name.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Timer
from typing import Any, Final

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from projections import damage
from projections.remote import Readable, RemoteStore
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
_BY_NAME: Final[Mapping[str, type[duckdb.Error]]] = {
    "INTERRUPT Error": duckdb.InterruptException,
    "Out of Memory Error": duckdb.OutOfMemoryException,
    "Permission Error": duckdb.PermissionException,
    "IO Error": duckdb.IOException,
    "Serialization Error": duckdb.SerializationException,
    "FATAL Error": duckdb.FatalException,
    "INTERNAL Error": duckdb.InternalException,
    "Invalid Input Error": duckdb.InvalidInputException,
}

Parameters = Sequence[Any] | Mapping[str, Any]
"""What is bound to a statement, in order or by name."""


def sql(
    store: Readable,
    query: str,
    *,
    parameters: Parameters = (),
    row_limit: int | None = None,
    timeout_s: float = TIMEOUT_S,
) -> pa.Table:
    """The answer to one reading statement: SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW.

    At most `row_limit` rows are returned, all if it is None.

    Raises:
        WrongUse: it is not one reading statement, is mistaken, or asks for too much.
        ProjectionDamaged: the file is not what was written; opened again, it will be new.
    """
    if isinstance(store, RemoteStore):
        return store.sql(query, parameters, row_limit=row_limit, timeout_s=timeout_s)
    with asked(store, query, parameters, timeout_s=timeout_s) as answer:
        return answer.table(row_limit)


class Answer:
    """The rows of a statement that is under way; each of these methods draws them once."""

    def __init__(self, cursor: DuckDBPyConnection) -> None:
        self.cursor: Final = cursor
        self.schema = pa.schema([])

    def table(self, row_limit: int | None) -> pa.Table:
        """All rows, or the first of them."""
        if row_limit is None:
            return self.cursor.to_arrow_table()
        batches, rows = [], 0
        for batch in self.batches(min(_BATCH, max(1, row_limit))):
            batches.append(batch)
            rows += batch.num_rows
            if rows >= row_limit:
                break
        return pa.Table.from_batches(batches, self.schema).slice(0, row_limit)

    def batches(self, size: int) -> Iterator[pa.RecordBatch]:
        """The rows piece by piece, as they are computed; `schema` is known from then on."""
        reader = self.cursor.to_arrow_reader(size)
        self.schema = reader.schema
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except OSError as error:  # Arrow's reader hands on DuckDB's error as text.
                raise _restored(str(error)) from error
            yield batch


@contextmanager
def asked(
    store: Store,
    query: str,
    parameters: Parameters = (),
    *,
    timeout_s: float = TIMEOUT_S,
    begun: Callable[[DuckDBPyConnection], None] | None = None,
) -> Iterator[Answer]:
    """One reading statement under way, ended with the block; raises as `sql` does.

    `begun` is told the cursor, so that another thread may interrupt it.
    """
    cursor = store.cursor()
    timer = Timer(timeout_s, cursor.interrupt)
    timer.daemon = True
    bound = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
    try:
        if begun is not None:
            begun(cursor)
        statement = _checked(cursor, query)
        timer.start()
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        cursor.execute(statement, bound)
        yield Answer(cursor)
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


def _restored(text: str) -> duckdb.Error:
    """DuckDB's error out of the text that Arrow made of it."""
    for beginning, kind in _BY_NAME.items():
        if text.startswith(beginning):
            return kind(text)
    return duckdb.Error(text)


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
