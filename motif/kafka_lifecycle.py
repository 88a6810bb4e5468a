"""Old events on Kafka: of each partition the longest beginning all of whose records are old.

Kafka deletes from the beginning of a partition only. What is archived goes into the folder of the
tables, and is read from there by whoever has that folder; workers go on from what was sealed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.logs import archive as files_of
from connectors.logs.archive import Manifest, Span
from connectors.logs.archive_file import File
from connectors.logs.archived import ArchivedLog
from motif.lifecycle import CHUNK, PIECE_BYTES, PIECE_RECORDS, Outcome, Tell, age_us, places
from schemas.errors import WrongUse
from schemas.failpoint import reach
from schemas.log import Record
from schemas.times import day_text
from streams.contribution import Contributor
from streams.identity import Identity
from streams.progress import progress_of
from streams.sealing import seal


@dataclass(slots=True)
class Lifecycle:
    """Archives and prunes one log on Kafka, with the archive in a folder."""

    log: ArchivedLog
    identity: Identity
    folder: Path
    cutoff_us: int
    dry_run: bool = False
    tell: Tell | None = None

    def archive(self) -> Outcome:
        """Move the old beginning of each partition into files, and delete it on Kafka.

        Raises:
            LogUnavailable: it is not learned, a full disk, or a cluster that does not answer.
        """
        outcome = self._outcome()
        manifest = self._manifest()
        for topic, partition in places(self.log):
            start = self._moved(topic, partition)
            before = start
            for records, days, before in self._old(topic, partition, start, outcome):  # noqa: B007  # the last one is used
                if self.dry_run:
                    continue
                for day, some in files_of.days_apart(records, days):
                    manifest.files.append(files_of.write(self.folder, manifest.made, day, some))
                    manifest.made += 1
                    outcome.files += 1
            if before > start and not self.dry_run:
                moved = _with(manifest, Span(topic, partition, start, before))
                self._delete(topic, partition, before, moved)
        return outcome

    def prune(self) -> Outcome:
        """Delete the old beginning of each partition on Kafka, and old files of the archive.

        Raises:
            LogUnavailable: it is not learned, or the cluster does not answer.
        """
        outcome = self._outcome()
        manifest = self._manifest()
        old = [one for one in manifest.files if one.day < day_text(self.cutoff_us)]
        for file in old:
            outcome.add(file.topic, [file.day] * file.records)
        outcome.files = len(old)
        if old and not self.dry_run:
            for topic, partition in {(one.topic, one.partition) for one in old}:
                self._seal(topic, partition)
            manifest = _without(manifest, old)
            files_of.keep(self.folder, manifest)
            reach("kafka.prune.after_files")
        for topic, partition in places(self.log):
            if any((one.topic, one.partition) == (topic, partition) for one in manifest.files):
                continue  # What was archived is younger, and stands before what is left.
            start = self._moved(topic, partition)
            before = start
            for _, _, before in self._old(topic, partition, start, outcome):  # noqa: B007  # the last one is used
                continue
            if before > start and not self.dry_run:
                self._delete(topic, partition, before, None)
        return outcome

    def _outcome(self) -> Outcome:
        return Outcome(day_text(self.cutoff_us), self.dry_run)

    def _manifest(self) -> Manifest:
        """What the archive holds; one of another log is not written over.

        Raises:
            WrongUse: the folder has the archive of another log.
        """
        found = files_of.read_manifest(self.folder)
        if found.log_id not in {"", self.identity.log_id} or (found.files and not found.log_id):
            message = f"{self.folder} is the archive of another log; name another folder by --data"
            raise WrongUse(message)
        found.log_id = self.identity.log_id
        return found

    def _moved(self, topic: str, partition: int) -> int:
        """Up to where a partition was archived or pruned before."""
        span = self.log.span(topic, partition)
        start = self.log.inner.start(topic, partition)
        return start if span is None else max(start, span.end)

    def _old(
        self, topic: str, partition: int, start: int, outcome: Outcome
    ) -> Iterator[tuple[list[Record], list[str], int]]:
        """The old beginning piece by piece: records, their days, and the offset behind."""
        positions, _ = progress_of(self.log, partition)
        learned = positions.get((topic, self.identity.epoch), 0)
        records: list[Record] = []
        days: list[str] = []
        size, offset, ended = 0, start, False
        while not ended:
            read = self.log.inner.read(topic, partition, offset, CHUNK)
            ended = not read
            for record in read:
                at_us = age_us(record, own=False)
                if record.offset >= learned or at_us is None or at_us >= self.cutoff_us:
                    ended = True
                    break
                records.append(record)
                days.append(day_text(at_us))
                size += len(record.value or b"")
                offset = record.offset + 1
            if records and (ended or len(records) >= PIECE_RECORDS or size >= PIECE_BYTES):
                outcome.add(topic, days)
                yield records, days, offset
                records, days, size = [], [], 0
            if self.tell is not None:
                self.tell("looking for old events", outcome.total, 0)

    def _delete(self, topic: str, partition: int, before: int, manifest: Manifest | None) -> None:
        """Seal what was learned, say what is in the files, and delete on Kafka, in this order."""
        self._seal(topic, partition)
        if manifest is not None:
            files_of.keep(self.folder, manifest)
            reach("kafka.archive.after_files")
        self.log.inner.prune_before(topic, partition, before)
        reach("kafka.prune.after_delete")

    def _seal(self, topic: str, partition: int) -> None:
        identity = self.identity
        contributor = Contributor(identity.site_id, identity.log_id, topic, partition)
        seal(self.log, contributor, identity.epoch)


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
