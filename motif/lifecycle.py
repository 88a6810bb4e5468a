"""Old events: moved out of the log into files, and at last deleted, but what they taught stays.

How old an event is its own time says, or, where it states none that can be, when it was first
appended. Only what is learned is touched. Archived events are read as before, from their files.
Before events are deleted what was learned is sealed: it stays as it is, and goes on from there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from connectors.logs.sqlite import SqliteLog
from schemas.clock import DAY_US
from schemas.envelope import decode
from schemas.errors import Refused, WrongUse
from schemas.failpoint import reach
from schemas.log import Log, Record
from schemas.times import FIRST_US, LAST_US, day_text
from schemas.topics import LEARNED_TOPICS
from streams.apply import first_appended, happened
from streams.contribution import Contributor
from streams.identity import Identity
from streams.sealing import seal

CHUNK: Final = 4_096
"""Records read at once."""

PIECE_RECORDS: Final = 65_536
PIECE_BYTES: Final = 48 << 20
"""Records and bytes that are moved or deleted in one transaction, at most."""

DAYS_MAX: Final = (LAST_US - FIRST_US) // DAY_US
"""Nothing is older than all of time."""

Tell = Callable[[str, int, int], None]


@dataclass(slots=True)
class Outcome:
    """What became of old events, or would: how many, by topic, of which days, and the space."""

    before: str
    dry_run: bool
    records: dict[str, int] = field(default_factory=dict)
    first_day: str | None = None
    last_day: str | None = None
    files: int = 0
    bytes_before: int = 0
    bytes_after: int = 0

    def add(self, topic: str, days: list[str]) -> None:
        """Count some more."""
        self.records[topic] = self.records.get(topic, 0) + len(days)
        self.first_day = min([*days, self.first_day or "9999"])
        self.last_day = max([*days, self.last_day or ""])

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


def archive(
    log: SqliteLog, cutoff_us: int, *, dry_run: bool = False, tell: Tell | None = None
) -> Outcome:
    """Move the events that are older than the cutoff into files, a day each.

    Whoever calls has settled: all that is in the log is learned.

    Raises:
        LogUnavailable: a full disk, or missing rights; what was moved by then is read from there.
    """
    outcome = Outcome(day_text(cutoff_us), dry_run)
    for topic, partition in places(log):
        for records, days in _old(log, topic, partition, cutoff_us, outcome, tell):
            if not dry_run:
                outcome.files += len(log.archive(records, days))
                reach("archive.after_move")
    if not dry_run and outcome.total:
        log.tidy()
    return outcome


def prune(
    log: SqliteLog,
    identity: Identity,
    cutoff_us: int,
    *,
    dry_run: bool = False,
    tell: Tell | None = None,
) -> Outcome:
    """Delete the events that are older than the cutoff, in the log and in the files, for good.

    A file of the archive goes as a whole, when all of its day is old.

    Raises:
        LogUnavailable: a partition is not learned by the rules of today; it is left as it is then.
    """
    outcome = Outcome(day_text(cutoff_us), dry_run)
    whole_days = day_text(cutoff_us)
    files = [one for one in log.files() if one.day < whole_days]
    for file in files:
        outcome.add(file.topic, [file.day] * file.records)
    outcome.files = len(files)
    sealing = _Sealing(log, identity)
    for topic, partition in places(log):
        for records, _ in _old(log, topic, partition, cutoff_us, outcome, tell):
            if not dry_run:
                sealing.of(topic, partition)
                log.prune(topic, partition, [record.offset for record in records])
                reach("prune.after_delete")
    if not dry_run and outcome.total:
        for file in files:
            sealing.of(file.topic, file.partition)
            log.prune_file(file)
            reach("prune.after_file")
        log.tidy()
    return outcome


@dataclass(slots=True)
class _Sealing:
    """Seals each partition once, before the first of it is deleted: a snapshot takes space."""

    log: SqliteLog
    identity: Identity
    done: set[tuple[str, int]] = field(default_factory=set)

    def of(self, topic: str, partition: int) -> None:
        if (topic, partition) not in self.done:
            self.done.add((topic, partition))
            site_id, log_id = self.identity.site_id, self.identity.log_id
            seal(self.log, Contributor(site_id, log_id, topic, partition), self.identity.epoch)
            reach("prune.after_seal")


def places(log: Log) -> Iterator[tuple[str, int]]:
    """The partitions that are learned from."""
    for topic in LEARNED_TOPICS:
        yield from ((topic.name, partition) for partition in range(log.partitions))


def _old(
    log: SqliteLog,
    topic: str,
    partition: int,
    cutoff_us: int,
    outcome: Outcome,
    tell: Tell | None,
) -> Iterator[tuple[list[Record], list[str]]]:
    """Old records of a partition that are not archived yet, with their days, piece by piece."""
    records: list[Record] = []
    days: list[str] = []
    size = offset = 0
    end = log.end(topic, partition)
    while offset < end:
        read, offset = log.read_here(topic, partition, offset, CHUNK)
        for record in read:
            at_us = age_us(record)
            if at_us is not None and at_us < cutoff_us:
                records.append(record)
                days.append(day_text(at_us))
                size += len(record.value or b"")
        if records and (len(records) >= PIECE_RECORDS or size >= PIECE_BYTES or offset >= end):
            outcome.add(topic, days)
            yield records, days
            records, days, size = [], [], 0
        if tell is not None:
            tell("looking for old events", outcome.total, 0)


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
