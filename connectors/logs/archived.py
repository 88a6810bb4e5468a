"""A log elsewhere whose beginning was moved into files: read as if it were still there.

Whoever has the folder of the files reads on; others see a log that starts later. What the manifest
says is looked up again when it changes, as another process may archive meanwhile.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from connectors.logs.archive import MANIFEST, Manifest, Shelf, Span, read_manifest
from connectors.logs.kafka import KafkaLog
from schemas.closing import Closing
from schemas.log import Outgoing, Owner, Pruned, Record

Place = tuple[str, int]
"""A topic and a partition."""


class ArchivedLog(Closing):
    """A log on Kafka together with the archive in a folder, if that is of this log."""

    def __init__(self, log: KafkaLog, folder: Path, log_id: str) -> None:
        """Take over the log; the folder need not be there yet."""
        self.inner: Final = log
        self._folder: Final = folder
        self._log_id: Final = log_id
        self._shelf = Shelf(folder)
        self._stamp: tuple[int, int] | None = None
        self._manifest = Manifest()

    @property
    def partitions(self) -> int:
        """How many partitions every topic has."""
        return self.inner.partitions

    @property
    def replication(self) -> int:
        """How many brokers hold each partition."""
        return self.inner.replication

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append to the log."""
        return self.inner.append(records)

    def owner(self, name: str) -> Owner:
        """Take a name of the log."""
        return self.inner.owner(name)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """At most `limit` records from the first offset >= `offset` on, from wherever they are.

        Raises:
            LogDamaged: a file of the archive is missing, or is not what was written.
        """
        span = self.span(topic, partition)
        # The cluster is asked where it starts only by who may be before it.
        if span and offset < span.end and offset < self.inner.start(topic, partition):
            files = [
                one
                for one in self._manifest.files
                if (one.topic, one.partition) == (topic, partition)
            ]
            found = self._shelf.records(files, offset, limit)
            if found:
                return found
            offset = span.end
        return self.inner.read(topic, partition, offset, limit)

    def read_each(self, positions: Mapping[Place, int], limit: int) -> dict[Place, list[Record]]:
        """Of each partition that is read from the log; those that are archived are left out."""
        there = {
            place: at
            for place, at in positions.items()
            if (span := self.span(*place)) is None or at >= span.end
        }
        return self.inner.read_each(there, limit)

    def start(self, topic: str, partition: int) -> int:
        """The first offset that is in the archive or in the log."""
        span = self.span(topic, partition)
        start = self.inner.start(topic, partition)
        return start if span is None or span.end < start else min(start, span.first)

    def pruned(self, topic: str, partition: int) -> Pruned:
        """What is in neither of them."""
        span = self.span(topic, partition)
        start = self.inner.start(topic, partition)
        if span is None or span.end < start:
            return Pruned(start, start)
        return Pruned(max(span.first, span.below), span.first + span.pruned)

    def end(self, topic: str, partition: int) -> int:
        """The offset behind the last record."""
        return self.inner.end(topic, partition)

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """The ends of many partitions in one question."""
        return self.inner.ends(places)

    def wait(self, positions: Mapping[Place, int], limit_s: float) -> set[Place]:
        """The partitions that have something at or behind the positions; none when time is up."""
        return self.inner.wait(positions, limit_s)

    def close(self) -> None:
        """Close the log and the files; a second call does nothing."""
        self._shelf.close()
        self.inner.close()

    def manifest(self) -> Manifest:
        """What the archive holds of this log, as of now."""
        try:
            said = (self._folder / MANIFEST).stat()
            stamp = (said.st_mtime_ns, said.st_ino)
        except OSError:
            stamp = None
        if stamp != self._stamp:
            found = read_manifest(self._folder)
            self._manifest = found if found.log_id == self._log_id else Manifest()
            self._stamp = stamp
        return self._manifest

    def span(self, topic: str, partition: int) -> Span | None:
        """What was archived of a partition."""
        for one in self.manifest().spans:
            if (one.topic, one.partition) == (topic, partition):
                return one
        return None
