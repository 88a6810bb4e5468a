"""Archiving and pruning within the transaction of a log's file, and reading what was archived."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Final, NamedTuple

from connectors.logs import sqlite_stubs
from connectors.logs.archive_file import FOLDER, File
from connectors.logs.ledger import Ledger
from connectors.logs.sqlite_stubs import PRUNED
from schemas.errors import LogDamaged, LogUnavailable
from schemas.failpoint import reach
from schemas.log import Record

if TYPE_CHECKING:
    from connectors.logs.archive import Shelf


class Stream(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Kept:
    """What a log keeps elsewhere: the files into which its records were moved."""

    def __init__(self, folder: Path) -> None:
        """Bind to the folder of the log; nothing is opened before it is needed."""
        self._folder: Final = folder / FOLDER
        self._shelf: Shelf | None = None
        self._files: dict[int, File] = {}
        self._lock = RLock()

    def records(self, reader: sqlite3.Connection, found: Sequence[Record]) -> list[Record]:
        """What was read, with moved records from their files and without pruned ones.

        Raises:
            LogDamaged: a file is missing, or does not hold what was moved into it.
        """
        with self._lock:
            return [
                record if not sqlite_stubs.is_stub(record) else self._moved(reader, record)
                for record in found
                if not sqlite_stubs.is_stub(record) or sqlite_stubs.file_of(record) != PRUNED
            ]

    def move(
        self,
        writer: sqlite3.Connection,
        ledger: Ledger,
        records: Sequence[Record],
        days: Sequence[str],
    ) -> list[File]:
        """Write files, a day each, and put stubs in the place of the records."""
        from connectors.logs import archive  # noqa: PLC0415  # Only where it is needed.

        topic, partition = records[0].topic, records[0].partition
        crcs = sqlite_stubs.crcs(writer, topic, partition, [one.offset for one in records])
        made, stubs = [], []
        for day, some in archive.days_apart(records, days):
            with self._explained():
                file = archive.write(self._folder, ledger.file(), day, some)
            made.append(file)
            stubs += [(one.offset, file.number, crcs[one.offset]) for one in some]
        reach("archive.after_files")
        sqlite_stubs.add_files(writer, made)
        sqlite_stubs.replace(writer, topic, partition, stubs)
        ledger.archive(topic, partition, records[-1].offset + 1)
        return made

    def delete(
        self, writer: sqlite3.Connection, ledger: Ledger, stream: Stream, offsets: Sequence[int]
    ) -> None:
        """Put stubs that name no file in the place of records."""
        if not offsets:
            return
        sqlite_stubs.replace(writer, *stream, ((offset, PRUNED, 0) for offset in offsets))
        ledger.prune(*stream, offsets[-1] + 1, len(offsets))
        sqlite_stubs.drop_beginning(writer, ledger, *stream)

    def delete_moved(self, writer: sqlite3.Connection, ledger: Ledger, file: File) -> int:
        """Delete what was moved into a file; the file itself goes when all is tidied."""
        offsets = list(sqlite_stubs.stubs_of(writer, file))
        self.delete(writer, ledger, Stream(file.topic, file.partition), offsets)
        sqlite_stubs.drop_files(writer, [file.number])
        return len(offsets)

    def check(self, files: Sequence[File]) -> None:
        """Compare files with their checksums.

        Raises:
            LogDamaged: some are missing, or are not what was written.
        """
        if files:
            from connectors.logs import archive  # noqa: PLC0415  # Only where it is needed.

            wrong = archive.check(self._folder, files)
            if wrong:
                more = f"; {len(wrong) - 1} more files are wrong" if wrong[1:] else ""
                raise LogDamaged(wrong[0] + more)

    def strays(self, files: Sequence[File]) -> list[Path]:
        """What lies in the archive and is none of these files."""
        if not self._folder.is_dir():
            return []
        from connectors.logs import archive  # noqa: PLC0415  # Only where it is needed.

        return archive.strays(self._folder, files)

    def tidy(self, files: Sequence[File]) -> None:
        """Keep these files, and no others."""
        if files or self._folder.is_dir():
            from connectors.logs import archive  # noqa: PLC0415  # Only where it is needed.

            with self._explained():
                archive.keep(self._folder, archive.Manifest(files=list(files)))

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            if self._shelf is not None:
                self._shelf.close()
            self._shelf = None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the system says while files are written into our error."""
        try:
            yield
        except OSError as error:
            raise LogUnavailable(
                f"the archive in {self._folder} cannot be written ({error}); look for a full disk "
                "or missing rights, then try again"
            ) from error

    def _moved(self, reader: sqlite3.Connection, stub: Record) -> Record:
        if self._shelf is None:
            from connectors.logs.archive import Shelf  # noqa: PLC0415  # Only where it is needed.

            self._shelf = Shelf(self._folder)
        number = sqlite_stubs.file_of(stub)
        file = self._files.get(number)
        if file is None:
            self._files = {one.number: one for one in sqlite_stubs.files(reader)}
            file = self._files.get(number)
        if file is None:
            message = f"a record was moved into file {number} of the archive, which is not known"
            raise LogDamaged(message)
        found = self._shelf.record(file, stub.offset)
        if not sqlite_stubs.is_what_was_moved(stub, found):
            raise self._shelf.damaged(file, f"offset {stub.offset} is another record there")
        return found
