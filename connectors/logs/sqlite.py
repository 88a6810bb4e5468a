"""A log in one SQLite file: durable before acknowledged, one writer, readers in any process.

How the file is laid out, and why a damaged one is noticed, stands in `sqlite_file.py`.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Final, Self

from connectors.logs import sqlite_file, sqlite_stubs
from connectors.logs.archive_file import File
from connectors.logs.batch import batches_of
from connectors.logs.checks import checked_partitions, checked_place, checked_range
from connectors.logs.ledger import Ledger
from connectors.logs.lock import WriterLock
from connectors.logs.sqlite_kept import Kept, Stream
from schemas.clock import Clock, now_us
from schemas.closing import Closing
from schemas.errors import Fenced, LogIncompatible, LogUnavailable, WrongUse
from schemas.failpoint import reach
from schemas.log import Outgoing, Owner, Pruned, Record


class SqliteLog(Closing):
    """A log in a folder; made by `create`, `open` or `open_or_create`, not by calling the class.

    >>> from tempfile import TemporaryDirectory
    >>> from schemas.topics import AGENT_EVENTS
    >>> with TemporaryDirectory() as folder, SqliteLog.create(Path(folder), partitions=1) as log:
    ...     log.append([Outgoing(AGENT_EVENTS.name, 0, b"session", b"{}")])
    ...     log.read(AGENT_EVENTS.name, 0, 0, 10)[0].value
    [0]
    b'{}'
    """

    def __init__(
        self, folder: Path, clock: Clock, writer: sqlite3.Connection | None, lock: WriterLock | None
    ) -> None:
        self._folder: Final = folder
        self._clock = clock
        self._writer = writer
        self._lock = lock
        self._writing = RLock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._kept = Kept(folder)
        with self._reading() as reader:
            self._partitions: Final = sqlite_file.ledger_of(reader, self._folder).partitions

    @classmethod
    def create(cls, folder: Path, *, partitions: int = 4, clock: Clock = now_us) -> Self:
        """Make a new log in the folder, and the folder if need be.

        Raises:
            WrongUse: the folder already holds a log.
            LogHeld: somebody else is making one there.
        """
        checked_partitions(partitions)
        folder.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(folder)
        try:
            if sqlite_file.exists(folder):
                raise WrongUse(f"{folder} already holds a log; open it, or name another folder")
            with sqlite_file.explained(folder):
                sqlite_file.create(folder, partitions)
            return cls._opened(folder, clock, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        read_only: bool = False,
        partitions: int | None = None,
        clock: Clock = now_us,
    ) -> Self:
        """Open the folder's log, as its one writer or, read-only, as one of many readers.

        Raises:
            LogUnavailable: there is no log, or it cannot be reached.
            LogIncompatible: written in another format, or with another number of partitions than
                the one asked for.
            LogHeld: another process is its writer.
        """
        if not sqlite_file.exists(folder):
            raise LogUnavailable(f"there is no log in {folder}; create one, or name its folder")
        lock = None if read_only else WriterLock(folder)
        try:
            log = cls._opened(folder, clock, lock)
        except BaseException:
            if lock:
                lock.release()
            raise
        if partitions is not None and partitions != log.partitions:
            log.close()
            raise LogIncompatible(
                f"the log in {folder} has {log.partitions} partitions a topic, not {partitions}; "
                f"open it with {log.partitions}, or copy it into a new log that has {partitions}"
            )
        return log

    @classmethod
    def open_or_create(
        cls, folder: Path, *, partitions: int | None = None, clock: Clock = now_us
    ) -> Self:
        """Open the folder's log as its writer; make one if there is none."""
        if sqlite_file.exists(folder):
            return cls.open(folder, partitions=partitions, clock=clock)
        try:
            wanted = 4 if partitions is None else partitions
            return cls.create(folder, partitions=wanted, clock=clock)
        except WrongUse:
            if not sqlite_file.exists(folder):
                raise
            return cls.open(folder, partitions=partitions, clock=clock)  # made by somebody just now

    @property
    def partitions(self) -> int:
        """How many partitions every topic has; stored in the file."""
        return self._partitions

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append all records or none, durable on return; their offsets in order.

        The iterable is drawn from while the transaction is open, in pieces of some megabytes.
        """
        return self._append(records, None)

    def owner(self, name: str) -> Owner:
        """Take the name; whoever held it before is fenced."""
        with self._transaction() as (_, ledger):
            generation = ledger.owners.get(name, 0) + 1
            ledger.owners[name] = generation
        return _SqliteOwner(self, name, generation)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """At most `limit` records from the first offset >= `offset` on, ascending.

        Raises:
            LogDamaged: one of them is not what was appended, or is missing.
        """
        place = checked_place(topic, partition, self._partitions)
        checked_range(offset, limit)
        where = f"topic {topic}, partition {partition}, from offset {offset} on"
        with self._reading(where) as reader:
            ledger = sqlite_file.ledger_of(reader, self._folder)
            end, stubs_below = ledger.end(topic, partition), ledger.stubs_below(topic, partition)
            offset = max(offset, ledger.start(topic, partition))
            found: list[Record] = []
            while offset < end and not found:
                span = sqlite_file.Span(place, partition, offset, limit, end)
                found = sqlite_file.read(reader, span)
                if offset >= stubs_below:
                    break
                offset = found[-1].offset + 1
                found = self._kept.records(reader, found)
            return found

    def read_here(
        self, topic: str, partition: int, offset: int, limit: int
    ) -> tuple[list[Record], int]:
        """The records that were not moved elsewhere among the next `limit`, and the offset behind.

        Raises:
            LogDamaged: one of them is not what was appended, or is missing.
        """
        place = checked_place(topic, partition, self._partitions)
        with self._reading() as reader:
            ledger = sqlite_file.ledger_of(reader, self._folder)
            end = ledger.end(topic, partition)
            offset = max(offset, ledger.start(topic, partition))
            if offset >= end:
                return [], end
            span = sqlite_file.Span(place, partition, offset, limit, end)
            found = sqlite_file.read(reader, span)
        return [one for one in found if not sqlite_stubs.is_stub(one)], found[-1].offset + 1

    def start(self, topic: str, partition: int) -> int:
        """The first offset that is there, as a record or as what stands in the place of one."""
        return self._noted(topic, partition).start(topic, partition)

    def pruned(self, topic: str, partition: int) -> Pruned:
        """What was pruned; from `below` on everything is there."""
        return Pruned(*self._noted(topic, partition).pruned_of(topic, partition))

    def archive(self, records: Sequence[Record], days: Sequence[str]) -> list[File]:
        """Move records of one partition, ascending, into files of the day beside each.

        They are read as before; when the call raises, nothing was moved. Files that were written
        for a change that did not come about go with the next `tidy`.

        Raises:
            LogUnavailable: a full disk, or missing rights.
        """
        with self._transaction() as (writer, ledger):
            sqlite_stubs.begin(writer)
            return self._kept.move(writer, ledger, records, days)

    def prune(self, topic: str, partition: int, offsets: Sequence[int]) -> None:
        """Delete the records of these ascending offsets, for good; `tidy` frees the space."""
        with self._transaction() as (writer, ledger):
            sqlite_stubs.begin(writer)
            self._kept.delete(writer, ledger, Stream(topic, partition), offsets)

    def prune_file(self, file: File) -> int:
        """Delete the records that were moved into a file, for good; how many there were."""
        with self._transaction() as (writer, ledger):
            return self._kept.delete_moved(writer, ledger, file)

    def files(self) -> list[File]:
        """The files into which records were moved."""
        with self._reading() as reader:
            return sqlite_stubs.files(reader)

    def check_files(self) -> None:
        """Compare every file of the archive with its checksum.

        Raises:
            LogDamaged: one is missing, or is not what was written.
        """
        self._kept.check(self.files())

    def strays(self) -> list[Path]:
        """Files in the archive's folder that are of no use to the log: it does not name them."""
        return self._kept.strays(self.files())

    def tidy(self) -> None:
        """Give the space of what was moved or deleted back, and drop files that nothing names.

        Raises:
            LogUnavailable: the disk has no room for the smaller copy that takes the file's place.
        """
        with self._writing:
            writer = self._check_writable()
            self._kept.tidy(sqlite_stubs.files(writer))
            with sqlite_file.explained(self._folder):
                writer.execute("VACUUM")
                writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def end(self, topic: str, partition: int) -> int:
        """The offset the next record will get."""
        return self._noted(topic, partition).end(topic, partition)

    def close(self) -> None:
        """Fold the side file in, close all connections and let the next writer in."""
        with self._writing:
            self._closed = True
            self._kept.close()
            while self._idle:
                self._idle.pop().close()
            if self._writer:
                self._writer.close()
                self._writer = None
            if self._lock:
                self._lock.release()
                self._lock = None

    @classmethod
    def _opened(cls, folder: Path, clock: Clock, lock: WriterLock | None) -> Self:
        if lock is None:
            return cls(folder, clock, None, None)
        with sqlite_file.explained(folder):
            writer = sqlite_file.connect_writer(folder)
        try:
            return cls(folder, clock, writer, lock)
        except BaseException:
            writer.close()
            raise

    def _append(self, records: Iterable[Outgoing], owner: "_SqliteOwner | None") -> list[int]:
        offsets: list[int] = []
        with self._transaction() as (writer, ledger):
            if owner and ledger.owners.get(owner.name) != owner.generation:
                raise Fenced(f"owner {owner.name} was taken over; nothing was appended")
            ledger.appended_at_us = max(ledger.appended_at_us, self._clock())
            # Only our own statements are explained: the records may come from another database.
            for batches in batches_of(records, ledger, offsets):
                with sqlite_file.explained(self._folder):
                    for batch in batches:
                        sqlite_file.insert(writer, batch)
        return offsets

    @contextmanager
    def _transaction(self) -> Iterator[tuple[sqlite3.Connection, Ledger]]:
        with self._writing:
            writer = self._check_writable()
            reach("log.append.begin")
            try:
                with sqlite_file.explained(self._folder):
                    writer.execute("BEGIN IMMEDIATE")
                    ledger = sqlite_file.ledger_of(writer, self._folder)
                yield writer, ledger
                with sqlite_file.explained(self._folder):
                    sqlite_file.store(writer, ledger)
                    reach("log.append.before_commit")
                    writer.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors (a full disk).
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
            reach("log.append.after_commit")

    def _noted(self, topic: str, partition: int) -> Ledger:
        checked_place(topic, partition, self._partitions)
        with self._reading() as reader:
            return sqlite_file.ledger_of(reader, self._folder)

    def _check_writable(self) -> sqlite3.Connection:
        if self._closed:
            raise WrongUse(f"the log in {self._folder} was closed; open it again")
        if self._writer is None:
            raise WrongUse(f"the log in {self._folder} was opened read-only; open it as its writer")
        if self._writer.in_transaction:
            raise WrongUse("the records being appended come from code that itself appends")
        return self._writer

    @contextmanager
    def _reading(self, where: str = "") -> Iterator[sqlite3.Connection]:
        """A connection no other thread uses meanwhile, in one consistent snapshot."""
        if self._closed:
            raise WrongUse(f"the log in {self._folder} was closed; open it again")
        with sqlite_file.explained(self._folder, where):
            try:
                reader = self._idle.pop()
            except IndexError:
                reader = sqlite_file.connect_reader(self._folder)
            try:
                reader.execute("BEGIN")
                yield reader
                reader.execute("COMMIT")
            except BaseException:
                reader.close()
                raise
            with self._writing:
                if self._closed:
                    reader.close()
                else:
                    self._idle.append(reader)


@dataclass(frozen=True, slots=True)
class _SqliteOwner:
    """The right to append under a name."""

    log: SqliteLog
    name: str
    generation: int

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append all records or none, durable on return, unless somebody took the name."""
        return self.log._append(records, self)  # noqa: SLF001  # one class in two parts

    def close(self) -> None:
        """There is nothing to let go of."""
