"""Old events: moved out of the log into files, and at last deleted, but what they taught stays.

How old an event is its own time says, or, where it states none that can be, when it was first
appended. Only what is learned is touched. Archived events are read as before, from their files.
Before events are deleted what was learned is sealed: it stays as it is, and goes on from there.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Generic, TypeVar

from connectors.logs.archive_file import File
from connectors.logs.sqlite import SqliteLog
from motif.beside import ARCHIVED, LOG, size_of
from schemas.clock import DAY_US
from schemas.envelope import Event, decode, outgoing
from schemas.errors import Refused, WrongUse
from schemas.events import LogPruned
from schemas.failpoint import reach
from schemas.log import Log, Record
from schemas.times import FIRST_US, LAST_US, day_text, time_text
from schemas.topics import LEARNED_TOPICS, places
from streams.apply import first_appended, happened
from streams.contribution import Contributor
from streams.identity import SOURCE, Identity
from streams.sealing import seal

CHUNK: Final = 4_096
"""Records read at once."""

PIECE_RECORDS: Final = 65_536
PIECE_BYTES: Final = 48 << 20
"""Records and bytes that are moved or deleted in one transaction, at most."""

_MIDNIGHT: Final = "00:00:00.000000Z"

DAYS_MAX: Final = (LAST_US - FIRST_US) // DAY_US
"""Nothing is older than all of time."""

Tell = Callable[[str, int, int], None]


@dataclass(slots=True)
class Outcome:
    """What became of old events, or would: how many, by topic, of which days, and the space.

    All are from before `cutoff`, which is within the day `before`. Of that day so many archived
    events are `waiting`: their files go when all of it is old.
    """

    before: str
    cutoff: str
    dry_run: bool
    records: dict[str, int] = field(default_factory=dict)
    first_day: str | None = None
    last_day: str | None = None
    files: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    waiting: int = 0

    @property
    def until(self) -> str:
        """The time before which all are, as people read it; just the day where it begins then."""
        day, _, time = self.cutoff.partition("T")
        return day if time == _MIDNIGHT else f"{day} {time[:8]} UTC"

    def add(self, topic: str, records: int, first_day: str, last_day: str) -> None:
        """Count some more."""
        self.records[topic] = self.records.get(topic, 0) + records
        self.first_day = min(first_day, self.first_day or first_day)
        self.last_day = max(last_day, self.last_day or last_day)

    @property
    def total(self) -> int:
        """Events of all topics."""
        return sum(self.records.values())


def age_us(record: Record, *, own: bool = True) -> int | None:
    """By what time a record is old; None for what a log says of itself, which stays if `own`.

    It is when the event happened, or when it was first appended where that is not stated, lies in
    the future, or cannot be read.
    """
    try:
        event = decode(record, twins=True)
    except Refused:
        return record.appended_at_us
    if event.data.reserved:
        return None if own else record.appended_at_us
    appended_us = first_appended(event, record.appended_at_us)
    at_us = happened(event, appended_us)
    return appended_us if at_us is None else at_us


AnyLog = TypeVar("AnyLog", bound=Log)


@dataclass(slots=True)
class Lifecycle(ABC, Generic[AnyLog]):
    """Archives and prunes the events of a log that are older than a time, once.

    Whoever makes it has settled: all that is in the log is learned. `folder` is the node's.
    """

    log: AnyLog
    identity: Identity
    folder: Path
    cutoff_us: int
    dry_run: bool = False
    tell: Tell | None = None
    outcome: Outcome = field(init=False)
    _is_told: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        cutoff_us = self.cutoff_us
        self.outcome = Outcome(day_text(cutoff_us), time_text(cutoff_us), self.dry_run)

    @abstractmethod
    def archive(self) -> Outcome:
        """Move them into files, a day each.

        Raises:
            LogUnavailable: a full disk, or missing rights; what was moved by then is read there.
        """

    @abstractmethod
    def prune(self) -> Outcome:
        """Delete them for good, in the log and in the files, of which one goes as a whole.

        Raises:
            LogUnavailable: a partition is not learned by the rules of today; it is left as it is.
        """

    def places(self) -> Iterator[tuple[str, int]]:
        """The partitions that are learned from."""
        return places(LEARNED_TOPICS, self.log.partitions)

    def day_of(self, record: Record, *, own: bool = True) -> str | None:
        """The day of a record that is old; None for one that stays."""
        at_us = age_us(record, own=own)
        return None if at_us is None or at_us >= self.cutoff_us else day_text(at_us)

    def in_pieces(
        self, topic: str, old: Iterable[tuple[Record, str]]
    ) -> Iterator[tuple[list[Record], list[str]]]:
        """Old records with their days, as many as go into one transaction, counted."""
        records: list[Record] = []
        days: list[str] = []
        size = 0
        for record, day in old:
            records.append(record)
            days.append(day)
            size += len(record.value or b"")
            if len(records) >= PIECE_RECORDS or size >= PIECE_BYTES:
                self.outcome.add(topic, len(days), min(days), max(days))
                yield records, days
                records, days, size = [], [], 0
        if records:
            self.outcome.add(topic, len(days), min(days), max(days))
            yield records, days

    def old_files(self, files: Iterable[File]) -> list[File]:
        """Those all of whose day is old, counted."""
        days = list(files)
        old = [one for one in days if one.day < self.outcome.before]
        self.outcome.files = len(old)
        if self.outcome.until != self.outcome.before:
            self.outcome.waiting = sum(
                one.records for one in days if one.day == self.outcome.before
            )
        for file in old:
            self.outcome.add(file.topic, file.records, file.day, file.day)
        return old

    def seal(self, topic: str, partition: int) -> None:
        """Keep what a partition taught until now."""
        identity = self.identity
        contributor = Contributor(identity.site_id, identity.log_id, topic, partition)
        seal(self.log, contributor, identity.epoch)

    def tell_first(self) -> None:
        """Say in the log, before the first of it goes, of which days something is deleted."""
        if not self._is_told:
            self._is_told = True
            after_us = min(-(-self.cutoff_us // DAY_US) * DAY_US, LAST_US)
            data = LogPruned(complete_from=day_text(after_us))
            name = f"pruned/{self.identity.log_id}/{data.complete_from}"
            self.log.append([outgoing(Event(SOURCE, name, data), self.log.partitions)])
            reach("prune.after_told")

    def looked(self) -> None:
        """Tell how much was found by now."""
        if self.tell is not None:
            self.tell("looking for old events", self.outcome.total, 0)


@dataclass(slots=True)
class FolderLifecycle(Lifecycle[SqliteLog]):
    """Of a log in a folder, from which any record may be taken.

    Nobody appends meanwhile, so a partition is sealed once, before the first of it is deleted.
    """

    _sealed: set[tuple[str, int]] = field(init=False, default_factory=set)

    def archive(self) -> Outcome:
        """Move old events into files, a day each."""
        outcome = self.outcome
        outcome.bytes_before = size_of(self.folder, LOG)
        for topic, partition in self.places():
            for records, days in self.in_pieces(topic, self._old(topic, partition)):
                if not self.dry_run:
                    outcome.files += len(self.log.archive(records, days))
                    reach("archive.after_move")
        if not self.dry_run and outcome.total:
            self.log.tidy()
        outcome.bytes_after = size_of(self.folder, LOG)
        return outcome

    def prune(self) -> Outcome:
        """Delete old events for good, in the log and in the files."""
        outcome = self.outcome
        outcome.bytes_before = size_of(self.folder, LOG, ARCHIVED)
        files = self.old_files(self.log.files())
        for topic, partition in self.places():
            for records, _ in self.in_pieces(topic, self._old(topic, partition)):
                if not self.dry_run:
                    self._seal_once(topic, partition)
                    self.log.prune(topic, partition, [record.offset for record in records])
                    reach("prune.after_delete")
        if not self.dry_run and outcome.total:
            for file in files:
                self._seal_once(file.topic, file.partition)
                self.log.prune_file(file)
                reach("prune.after_file")
            self.log.tidy()
        outcome.bytes_after = size_of(self.folder, LOG, ARCHIVED)
        return outcome

    def _seal_once(self, topic: str, partition: int) -> None:
        if (topic, partition) not in self._sealed:
            self._sealed.add((topic, partition))
            self.tell_first()
            self.seal(topic, partition)
            reach("prune.after_seal")

    def _old(self, topic: str, partition: int) -> Iterator[tuple[Record, str]]:
        """Old records of a partition that are not archived yet, with their days."""
        offset, end = 0, self.log.end(topic, partition)
        while offset < end:
            read, offset = self.log.read_here(topic, partition, offset, CHUNK)
            for record in read:
                day = self.day_of(record)
                if day is not None:
                    yield record, day
            self.looked()


def cutoff(now_us: int, days: float) -> int:
    """The time that many days before another, as far as times go.

    >>> cutoff(3 * DAY_US, 1)
    172800000000

    Raises:
        WrongUse: that is no age.
    """
    if not days >= 0:
        raise WrongUse(f"an age is {days!r} days; it must be a number from 0 on")
    days = min(days, DAYS_MAX)
    return min(max(now_us - int(days * DAY_US), FIRST_US), LAST_US)
