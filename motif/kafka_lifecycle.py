"""Old events on Kafka: of each partition the longest beginning all of whose records are old.

Kafka deletes from the beginning of a partition only. What is archived goes into the folder of the
tables, and is read from there by whoever has that folder; workers go on from what was sealed.
"""

from collections.abc import Iterator
from pathlib import Path

from connectors.logs import archive as files_of
from connectors.logs.archive import Manifest, Span
from connectors.logs.archive_file import FOLDER, File
from connectors.logs.archived import ArchivedLog
from motif.beside import ARCHIVED, size_of
from motif.lifecycle import CHUNK, Lifecycle, Outcome
from schemas.errors import WrongUse
from schemas.failpoint import reach
from schemas.log import Record
from streams.progress import progress_of


class KafkaLifecycle(Lifecycle[ArchivedLog]):
    """Of a log on Kafka, with the archive in the node's folder."""

    def archive(self) -> Outcome:
        """Move the old beginning of each partition into files, and delete it on Kafka."""
        manifest = self._manifest()
        for topic, partition in self.places():
            start = before = self._moved(topic, partition)
            for records, days in self.in_pieces(topic, self._old(topic, partition, start)):
                before = records[-1].offset + 1
                if not self.dry_run:
                    self._write(manifest, records, days)
            if before > start and not self.dry_run:
                moved = _with(manifest, Span(topic, partition, start, before))
                self._delete(topic, partition, before, moved)
        self.outcome.bytes_after = size_of(self.folder, ARCHIVED)
        return self.outcome

    def prune(self) -> Outcome:
        """Delete the old beginning of each partition on Kafka, and old files of the archive."""
        manifest = self._manifest()
        old = self.old_files(manifest.files)
        if old and not self.dry_run:
            self.tell_first()
            for topic, partition in {(one.topic, one.partition) for one in old}:
                self.seal(topic, partition)
            manifest = _without(manifest, old)
            files_of.keep(self._archive, manifest)
            reach("kafka.prune.after_files")
        for topic, partition in self.places():
            if any((one.topic, one.partition) == (topic, partition) for one in manifest.files):
                continue  # What was archived is younger, and stands before what is left.
            start = before = self._moved(topic, partition)
            for records, _ in self.in_pieces(topic, self._old(topic, partition, start)):
                before = records[-1].offset + 1
            if before > start and not self.dry_run:
                self.tell_first()
                self._delete(topic, partition, before, None)
        self.outcome.bytes_after = size_of(self.folder, ARCHIVED)
        return self.outcome

    @property
    def _archive(self) -> Path:
        return self.folder / FOLDER

    def _manifest(self) -> Manifest:
        """What the archive holds; one of another log is not written over.

        Raises:
            WrongUse: the folder has the archive of another log.
        """
        found = files_of.read_manifest(self._archive)
        if found.log_id not in {"", self.identity.log_id} or (found.files and not found.log_id):
            message = (
                f"{self._archive} is the archive of another log; name another folder by --data"
            )
            raise WrongUse(message)
        found.log_id = self.identity.log_id
        return found

    def _moved(self, topic: str, partition: int) -> int:
        """Up to where a partition was archived or pruned before."""
        span = self.log.span(topic, partition)
        start = self.log.inner.start(topic, partition)
        return start if span is None else max(start, span.end)

    def _old(self, topic: str, partition: int, offset: int) -> Iterator[tuple[Record, str]]:
        """The old records from an offset on with their days, up to one that is not old."""
        positions, _ = progress_of(self.log, partition)
        learned = positions.get((topic, self.identity.epoch), 0)
        while read := self.log.inner.read(topic, partition, offset, CHUNK):
            for record in read:
                day = self.day_of(record, own=False)
                if record.offset >= learned or day is None:
                    return
                yield record, day
            offset = read[-1].offset + 1
            self.looked()

    def _write(self, manifest: Manifest, records: list[Record], days: list[str]) -> None:
        for day, some in files_of.days_apart(records, days):
            manifest.files.append(files_of.write(self._archive, manifest.made, day, some))
            manifest.made += 1
            self.outcome.files += 1

    def _delete(self, topic: str, partition: int, before: int, manifest: Manifest | None) -> None:
        """Seal what was learned, say what is in the files, and delete on Kafka, in this order."""
        self.seal(topic, partition)
        if manifest is not None:
            files_of.keep(self._archive, manifest)
            reach("kafka.archive.after_files")
        self.log.inner.prune_before(topic, partition, before)
        reach("kafka.prune.after_delete")


def _with(manifest: Manifest, more: Span) -> Manifest:
    """The manifest when more of a partition was archived."""
    for span in manifest.spans:
        if (span.topic, span.partition) == (more.topic, more.partition):
            if span.end < more.first:  # Between them something was pruned.
                span.below, span.pruned = more.first, more.first - span.first
            span.end = more.end
            return manifest
    manifest.spans.append(more)
    return manifest


def _without(manifest: Manifest, old: list[File]) -> Manifest:
    """The manifest when some of its files were deleted."""
    for file in old:
        for span in manifest.spans:
            if (span.topic, span.partition) == (file.topic, file.partition):
                span.below = max(span.below, file.last + 1)
                span.pruned += file.records
    manifest.files = [one for one in manifest.files if one not in old]
    return manifest
