"""Erasing a session or a user from an installation: a copy without them takes the log's place."""

import shutil
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from connectors.logs import sqlite_file
from connectors.logs.archive_file import FOLDER as ARCHIVE
from connectors.logs.lock import WriterLock
from connectors.logs.sqlite import SqliteLog
from motif.beside import DERIVED
from motif.copying import Copied, Progress, copy
from motif.forgetting import Forgetting
from motif.places import Place, settings_of, source_at, target_at
from motif.seeing import owners_of
from schemas.clock import now_us
from schemas.errors import LogUnavailable, WrongUse
from schemas.failpoint import reach
from schemas.times import time_text

BESIDE: Final = "forgetting"
"""The folder within a node's own in which the copy is made."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was forgotten, of whom, when, and which log took the place of which.

    `events` stood in so many `records`, as an event that came again is a record again.
    """

    forgot: str
    id: str
    events: int
    records: int
    letters: int
    at: str
    old_log_id: str
    new_log_id: str
    place: str


def forget(folder: Path, forgetting: Forgetting, progress: Progress | None = None) -> Receipt:
    """Forget somebody in a folder that no process has open.

    Interrupted at any moment, either the old log is there or the new one, and it may be typed
    again: a copy that did not take its place is begun anew, as more may have been said since. The
    tables are made anew when they are next asked.

    Raises:
        LogHeld: a process has the folder open.
        LogUnavailable: there is no log in it.
        OSError: something of the old log cannot be removed; typed again it is.
    """
    if not sqlite_file.exists(folder):
        raise LogUnavailable(f"there is no log in {folder}; name the folder of one")
    beside = folder / BESIDE
    lock = WriterLock(folder)
    try:
        if beside.exists():
            shutil.rmtree(beside)
        with SqliteLog.open(folder, read_only=True) as old:
            new = SqliteLog.open_or_create(beside, partitions=old.partitions)
            with new:
                copied = copy(old, new, progress=progress, forgetting=forgetting)
        reach("forget.before_place")
        sqlite_file.take_place(folder, beside)
        reach("forget.after_place")
        # All of the archive stands in the copy; it may be a link to a folder elsewhere.
        for left in (
            *(folder / ARCHIVE).glob("*"),
            *chain.from_iterable(map(folder.glob, DERIVED)),
        ):
            _remove(left)
        shutil.rmtree(beside)
    finally:
        lock.release()
    return _receipt(forgetting, copied, str(folder))


def forget_on_kafka(
    place: Place, prefix: str, forgetting: Forgetting, progress: Progress | None = None
) -> Receipt:
    """Copy a log on Kafka to another prefix without somebody, and delete the topics it had.

    Raises:
        WrongUse: the prefix is the log's own, or workers still learn it.
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
        wanted = target_at(target, partitions=None, otherwise=old.partitions)
        with wanted as new:
            copied = copy(old, new, progress=progress, forgetting=forgetting)
    kafka_topics.delete(settings_of(place))
    return _receipt(forgetting, copied, str(target))


def _remove(path: Path) -> None:
    """Remove a file or a folder, such as DuckDB leaves where it was killed on a large question."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _receipt(forgetting: Forgetting, copied: Copied, place: str) -> Receipt:
    return Receipt(
        forgot="session" if forgetting.session_id else "user",
        id=forgetting.name,
        events=copied.counts.forgotten,
        records=copied.counts.forgotten_records,
        letters=copied.counts.letters_forgotten,
        at=time_text(now_us()),
        old_log_id=copied.copied.log_id,
        new_log_id=copied.made.log_id,
        place=place,
    )
