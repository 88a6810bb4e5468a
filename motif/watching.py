"""Watching files: read them again when they have changed, and append what is new.

Of statements about things only news is appended, so that watching a database for months adds
nothing by itself. Facts that are never amended are appended as an import appends them.

A file that is locked, damaged or gone is trouble that may pass: it is said once, and the file is
looked at again.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event as Signal
from typing import NamedTuple

from connectors.contract import Options
from motif.importing import NO_OPTIONS, Imported, Reading, files_of, source_of
from motif.node import Node
from schemas.errors import SourceUnreadable, WrongUse

Stamp = tuple[tuple[str, int, int, bytes], ...]
"""Name, size, time of change and first bytes of every file, and of what SQLite keeps beside it.

Two changes may have one time, as file systems count in thousandths of a second. A database counts
its own changes in its first bytes, and a file of lines grows.
"""

_HEAD = 100

_BESIDE = ("", "-wal", "-journal")


def stamp_of(files: Sequence[Path]) -> Stamp:
    """What tells whether any of the files was changed."""
    found = []
    for file in files:
        for suffix in _BESIDE:
            path = file.with_name(file.name + suffix)
            try:
                said = path.stat()
                with path.open("rb") as opened:
                    head = opened.read(_HEAD)
            except OSError:
                continue
            found.append((str(path), said.st_size, said.st_mtime_ns, head))
    return tuple(found)


class Trouble(NamedTuple):
    """Why nothing could be read or asked this time, in a sentence."""

    sentence: str


class Watch:
    """Imports from the same places again and again."""

    def __init__(
        self,
        node: Node,
        format_name: str,
        paths: Sequence[Path],
        options: Options = NO_OPTIONS,
    ) -> None:
        """Bind to a node and to what is to be read."""
        self._node = node
        self._format = format_name
        self._paths = paths
        self._options = options
        self._source = source_of(format_name, options)
        self._stamp: Stamp | None = None

    def look(self) -> Imported | None:
        """Read everything again if any file has changed since the last time.

        Raises:
            SourceUnreadable: a file is not what the format says, locked, or gone.
            WrongUse: what is there cannot be read under these options.
        """
        try:
            stamp = stamp_of(files_of(self._source, self._paths))
            if stamp == self._stamp:
                self._node.keep_up()  # what is old gets older, whatever the files do
                return None
            folder = self._node.folder
            reading = Reading(self._format, self._paths, None, self._options, folder)
        except (WrongUse, OSError) as gone:
            raise SourceUnreadable(str(gone)) from gone
        with self._node.stating(reading.states_for) as statements:
            items = reading.into(statements, only_new=True)
            published = self._node.publisher.publish(items, origin=reading.source.name)
        if published.positions:
            self._node.settle()
        # What somebody else is writing now may be whole again without looking changed.
        self._stamp = None if reading.report.busy_files else stamp
        return Imported(reading.report, published.appended, published.refused, 0, 0, {}, {})

    def looks(self, every_s: float, stopping: Signal) -> Iterator[Imported | Trouble]:
        """What each look that found a change came to, until `stopping` is set.

        Trouble is said when it begins, and again only where it has become another.
        """
        said: Imported | Trouble | None = None
        while not stopping.is_set():
            found = self._tried()
            if found is not None and found != said:
                yield found
            said = found
            stopping.wait(every_s)

    def _tried(self) -> Imported | Trouble | None:
        try:
            return self.look()
        except SourceUnreadable as error:
            return Trouble(str(error))
