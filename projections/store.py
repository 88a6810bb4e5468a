"""The projection's file: opened, checked, thrown away when it cannot be trusted.

Everything in it follows from the log, so nothing is lost with it. A file of another log, of other
tables, unreadable, cut short or damaged is replaced by an empty one, and the projector fills it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, Self

import duckdb
from duckdb import DuckDBPyConnection

from projections import damage
from projections.tables import DDL
from projections.tables.positions import RESTARTS
from projections.views import VIEWS
from schemas.clock import new_id
from schemas.closing import Closing
from schemas.errors import LogHeld, LogUnavailable, ProjectionDamaged


class Budget(NamedTuple):
    """What DuckDB may use: memory of its buffers, the rest goes to the folder `tmp`; threads."""

    memory: str
    threads: int


MEMORY_LIMIT: Final = "192MB"
"""Of the buffers of a process that answers."""

ANSWERING: Final = Budget(MEMORY_LIMIT, 2)
FILLING: Final = Budget("96MB", 1)
"""Of a process that only projects: it is slower with a second thread, as that costs memory.

New rows stay in memory until their transaction is whole, some 50 MB of them with all tables.
"""

WAL_MAX: Final = "64MB"
"""Where DuckDB folds its write-ahead log into the file; at 16 MB an event costs half more."""

MEANING: Final = 1
"""Rises when the same record gives another row though no table changed."""

SCHEMA: Final = blake2b("\n".join((str(MEANING), *DDL, *VIEWS)).encode(), digest_size=8).hexdigest()
"""Names the tables and views of this version; a file with other ones is made anew."""

ANY_LOG: Final = ""
"""Stands for the log of a file, whichever that is, where nobody writes."""

_MARK: Final = ".damaged"
_META: Final = "CREATE TABLE meta (schema VARCHAR, log_id VARCHAR, projection VARCHAR)"


class Store(Closing):
    """An open projection file. One process writes; readers take a `cursor` each.

    `rebuilt` says that an earlier file was thrown away, `created` that there was none, and `reason`
    why in a sentence. In both cases the tables are empty until a projector has caught up.
    """

    def __init__(self, path: Path, *, log_id: str, read_only: bool, budget: Budget) -> None:
        self.path: Final = path
        self.log_id: Final = log_id
        self.read_only: Final = read_only
        self._budget = budget
        self.created = False
        self.rebuilt = False
        self.reason: str | None = None
        self._connection: DuckDBPyConnection | None = None
        self._lock = Lock()

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        log_id: str,
        read_only: bool = False,
        budget: Budget = ANSWERING,
    ) -> Self:
        """Open the projection of this log, making the file anew where it cannot be trusted.

        Opened read-only it may be that of `ANY_LOG`.

        Raises:
            LogHeld: another process has it open.
            ProjectionDamaged: it cannot be trusted and may not be replaced, being opened read-only.
        """
        store = cls(Path(path), log_id=log_id, read_only=read_only, budget=budget)
        reason = store._trouble()
        if reason is None:
            return store
        if read_only:
            raise ProjectionDamaged(f"the projection {store.path} cannot be read: {reason}")
        store.created = not store.path.exists()
        store.rebuilt = not store.created
        store._make(reason)
        return store

    def cursor(self) -> DuckDBPyConnection:
        """A connection of its own to the same data; close it, and use it in one thread."""
        with self._lock:
            if self._connection is None:
                raise ProjectionDamaged(f"the projection {self.path} is closed")
            return self._connection.cursor()

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """A cursor whose errors are ours.

        Raises:
            ProjectionDamaged: the file is not what was written; opened again, it will be new.
        """
        cursor = self.cursor()
        try:
            yield cursor
        except duckdb.Error as error:
            raise self.explained(error) from error
        finally:
            cursor.close()

    def explained(self, error: duckdb.Error) -> Exception:
        """The error to raise for what DuckDB says: ours for damage and obstacles, else its own."""
        if damage.is_damage(error):
            return self.distrust(damage.sentence(error))
        if damage.is_for_the_operator(error):
            return self._unavailable(error)
        return error

    def distrust(self, reason: str) -> ProjectionDamaged:
        """Mark the file so that it is made anew when next opened; the error to raise."""
        if not self.read_only:
            self._marked.write_text(reason, "utf-8")
        return ProjectionDamaged(
            f"the projection {self.path} is damaged and must be rebuilt from the log: {reason}"
        )

    def renew(self, reason: str) -> None:
        """Throw everything away and start empty; cursors taken before are of no use."""
        self.close()
        self.rebuilt = True
        self._make(reason)

    def adopt(self, made: Path, reason: str) -> None:
        """Put another closed projection file in the place of this one; cursors are of no use."""
        self.close()
        for leftover in sorted(self.path.parent.glob(f"{self.path.name}.wal*")):
            leftover.unlink()
        made.replace(self.path)
        self._marked.unlink(missing_ok=True)
        self.rebuilt, self.reason = True, reason
        self._connect()

    def close(self) -> None:
        """Write everything into the one file and let go of it; a second call does nothing."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @property
    def _marked(self) -> Path:
        return self.path.with_name(self.path.name + _MARK)

    def _trouble(self) -> str | None:
        """Open what is there; why it cannot be used, or None when it can."""
        if not self.path.is_file():
            return "there is none"
        if self._marked.exists():
            return self._marked.read_text("utf-8") or "it was found damaged"
        try:
            self._connect()
            return self._mismatch()
        except duckdb.Error as error:
            self.close()
            if damage.is_for_the_operator(error):
                raise self._unavailable(error) from error
            return damage.sentence(error)

    def _unavailable(self, error: duckdb.Error) -> Exception:
        held_by = damage.holder(error)
        if held_by is not None:
            return LogHeld(f"the projection {self.path} is held by process {held_by}")
        return LogUnavailable(f"the projection {self.path}: {damage.sentence(error)}")

    def _mismatch(self) -> str | None:
        """What the file's own words say against it."""
        reason = None
        with self.cursor() as cursor:
            try:
                found = cursor.execute("SELECT schema, log_id FROM meta").fetchall()
            except duckdb.CatalogException:
                found = []
        if not found:
            reason = "it is no projection"
        elif found[0][0] != SCHEMA:
            reason = "it was made by another version, with other tables"
        elif self.log_id not in {ANY_LOG, found[0][1]}:
            reason = f"it belongs to the log {found[0][1]}, not to {self.log_id}"
        if reason:
            self.close()
        return reason

    def _make(self, reason: str) -> None:
        """A new, empty file in the place of whatever is there."""
        self.reason = reason
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The mark goes last: killed in between, the next opening starts over.
        for leftover in sorted(self.path.parent.glob(f"{self.path.name}.wal*")):
            leftover.unlink()
        self.path.unlink(missing_ok=True)
        self._marked.unlink(missing_ok=True)
        self._connect()
        with self.cursor() as cursor:
            cursor.execute("BEGIN")
            for statement in (*DDL, RESTARTS.ddl, *VIEWS, _META):
                cursor.execute(statement)
            cursor.execute("INSERT INTO meta VALUES (?, ?, ?)", [SCHEMA, self.log_id, new_id()])
            cursor.execute("COMMIT")

    def _connect(self) -> None:
        connection = duckdb.connect(
            str(self.path),
            read_only=self.read_only,
            config={
                "memory_limit": self._budget.memory,
                "threads": self._budget.threads,
                "checkpoint_threshold": WAL_MAX,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
                "temp_directory": str(self.path.parent / "tmp"),
            },
        )
        # Set here and not above: switched off first, DuckDB would refuse its own temp directory.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("SET lock_configuration = true")
        self._connection = connection


def identity_of(cursor: DuckDBPyConnection) -> str:
    """What tells a file of the projection from every other, be it of the same log."""
    (identity,) = cursor.execute("SELECT projection FROM meta").fetchall()[0]
    return str(identity)
