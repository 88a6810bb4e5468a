"""Erasing a session or a user from an installation: a copy without them takes the log's place."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.logs import sqlite_file
from connectors.logs.lock import WriterLock
from connectors.logs.memory import MemoryLog
from connectors.logs.sqlite import SqliteLog
from motif.carrying import Carrier, Counts
from motif.clearing import BESIDE, Receipt, clear, receipt_of, write_receipt
from motif.copying import CHUNK, LETTERS, Copied, OtherPurpose, Progress, copy
from motif.forgetting import Forgetting
from motif.places import Place, settings_of, source_at, target_at
from motif.seeing import owners_of
from schemas.clock import now_us
from schemas.errors import LogUnavailable, MotifError, WrongUse
from schemas.failpoint import reach
from schemas.log import Log, records_in
from schemas.times import time_text
from schemas.topics import DEAD_LETTERS, INPUT_TOPICS, places
from streams.identity import identity_of


@dataclass(frozen=True, slots=True)
class Found:
    """How much of a log is about somebody: `events` in so many `records`, and refused records."""

    forgot: str
    id: str
    events: int
    records: int
    letters: int

    @property
    def is_of_nobody(self) -> bool:
        """Whether nothing is about them."""
        return not self.records and not self.letters

    @property
    def refusal(self) -> MotifError:
        """The sentence where nothing is about them."""
        message = f"nothing in the log is about {self.forgot} {self.id!r}; nothing was changed"
        return MotifError(message)


def look(log: Log, forgetting: Forgetting, progress: Progress | None = None) -> Found:
    """What would be forgotten of a log; nothing is changed.

    Raises:
        WrongUse: something of the log was pruned.
    """
    _check_whole(log, forgetting)
    if progress is not None:
        progress("looking for them", 0, 0)
    things = forgetting.things_in(log)
    carrier = Carrier(
        _log_id(log), log.partitions, MemoryLog(log.partitions), now_us, forgetting, things
    )
    counts = Counts()
    for topics, at_once, carried in (
        ((DEAD_LETTERS,), LETTERS, carrier.letter),
        (INPUT_TOPICS, CHUNK, carrier.event),
    ):
        for place in places(topics, log.partitions):
            for record in records_in(log, *place, at_once):
                carried(record, counts)
    return Found(
        forgot=forgetting.what,
        id=forgetting.name,
        events=counts.forgotten,
        records=counts.forgotten_records,
        letters=counts.letters_forgotten,
    )


def forget(folder: Path, forgetting: Forgetting, progress: Progress | None = None) -> Receipt:
    """Forget somebody in a folder that no process has open.

    Interrupted at any moment, either the old log is there or the new one, and it may be typed
    again: a copy that did not take its place is begun anew, as more may have been said since. The
    tables are made anew when they are next asked.

    Whom nothing in the log is about any more, as they were forgotten, is given the receipt of then.

    Raises:
        MotifError: nothing in the log is about them.
        WrongUse: something of the log was pruned.
        LogHeld: a process has the folder open.
        LogUnavailable: there is no log in it, or something of the old one cannot be removed, which
            whoever opens the folder tries again.
    """
    if not sqlite_file.exists(folder):
        raise LogUnavailable(f"there is no log in {folder}; name the folder of one")
    beside = folder / BESIDE
    lock = WriterLock(folder)
    try:
        with SqliteLog.open(folder, read_only=True) as old:
            clear(folder, _log_id(old))
            try:
                found = look(old, forgetting, progress)
            except WrongUse:
                _throw_away(beside)
                raise
            if found.is_of_nobody:
                return _given(folder, forgetting, found)
            _throw_away(beside)
            with SqliteLog.create(beside, partitions=old.partitions) as new:
                copied = copy(old, new, progress=progress, forgetting=forgetting)
        receipt = _receipt(forgetting, copied, str(folder))
        write_receipt(folder, receipt, forgetting.digest)
        reach("forget.before_place")
        sqlite_file.take_place(folder, beside)
        reach("forget.after_place")
        clear(folder, receipt.new_log_id)
    finally:
        lock.release()
    return receipt


def forget_on_kafka(
    place: Place, prefix: str, forgetting: Forgetting, progress: Progress | None = None
) -> Receipt:
    """Copy a log on Kafka to another prefix without somebody, and delete the topics it had.

    An unfinished copy for somebody else, or made before more was said of them, is thrown away.

    Raises:
        MotifError: nothing in the log is about them.
        WrongUse: the prefix is the log's own, workers still learn it, or something was pruned.
        LogUnavailable: the cluster does not answer.
    """
    from connectors.logs import kafka_topics  # noqa: PLC0415  # Only where it is installed.

    target = Place(bootstrap=place.bootstrap, prefix=prefix)
    if target == place:
        raise WrongUse(f"the log is under the prefix {prefix!r} already; name a new one by --into")
    owners, trouble = owners_of(settings_of(place))
    if owners is None:
        raise LogUnavailable(trouble or "who learns the log is not known")
    if owners:
        learning = sorted(set(owners.values()))
        raise WrongUse(
            f"{', '.join(learning)} learn the log; end all workers, and start them again with "
            f"MOTIF_KAFKA_PREFIX={prefix} afterwards"
        )
    with source_at(place) as old:
        found = look(old, forgetting, progress)
        if found.is_of_nobody:
            raise found.refusal
        try:
            copied = _copied(old, target, forgetting, progress)
        except OtherPurpose:
            kafka_topics.delete(settings_of(target))
            copied = _copied(old, target, forgetting, progress)
    kafka_topics.delete(settings_of(place))
    return _receipt(forgetting, copied, str(target))


def _copied(old: Log, target: Place, forgetting: Forgetting, progress: Progress | None) -> Copied:
    with target_at(target, partitions=None, otherwise=old.partitions) as new:
        return copy(old, new, progress=progress, forgetting=forgetting)


def _check_whole(log: Log, forgetting: Forgetting) -> None:
    """Refuse a log from which it could not be learned again what is left without somebody."""
    for topic, partition in places(INPUT_TOPICS, log.partitions):
        below, pruned = log.pruned(topic, partition)
        if pruned:
            # On Kafka what was archived is not in the log either, and stands in one node's folder.
            gone = "were pruned" if isinstance(log, SqliteLog) else "were pruned or archived"
            raise WrongUse(
                f"no {forgetting.what} can be forgotten here, as events {gone} "
                f"({topic}/{partition}, below offset {below}): without them nobody can tell what "
                "they taught from what others did. What is left to do: 'motif prune' with an age "
                "that takes all about them, then 'motif rebuild' (names and texts go; numbers and "
                "refused records stay), or make the log anew from its sources and forget them in it"
            )


def _given(folder: Path, forgetting: Forgetting, found: Found) -> Receipt:
    """The receipt of whom nothing is about as they were forgotten."""
    kept = receipt_of(folder, forgetting.digest)
    if kept is None:
        raise found.refusal
    return replace(kept, id=forgetting.name)


def _throw_away(beside: Path) -> None:
    """Remove a copy that never took its place."""
    if beside.exists():
        shutil.rmtree(beside)


def _log_id(log: Log) -> str:
    """The log's id; none of a copy that is not whole."""
    identity = identity_of(log)
    return "" if identity is None else identity.log_id


def _receipt(forgetting: Forgetting, copied: Copied, place: str) -> Receipt:
    return Receipt(
        forgot=forgetting.what,
        id=forgetting.name,
        events=copied.counts.forgotten,
        records=copied.counts.forgotten_records,
        letters=copied.counts.letters_forgotten,
        at=time_text(now_us()),
        old_log_id=copied.copied.log_id,
        new_log_id=copied.made.log_id,
        place=place,
    )
