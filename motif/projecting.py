"""The projector process: keeps the projection of a folder up to date, and answers about it.

One process a folder. When the log goes away it says so once, keeps answering from what it has, and
goes on when the log is back. It may be stopped or killed at any moment.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final

from connectors.logs.lock import FolderLock, holder_of
from motif.beside import PROJECTION
from projections import wire
from projections.projector import CHUNK, Projector
from projections.reading import TellsEnds
from projections.records import RECORDS
from projections.serving import Serving
from projections.store import Store
from schemas.clock import monotonic_s, now_us
from schemas.errors import LogError, LogHeld, LogUnavailable, MotifError, ProjectionDamaged
from schemas.log import Log, left
from schemas.topics import LEARNED_TOPICS
from streams.identity import Identity, identity_of

LOCK_NAME: Final = "projector.lock"

PACE_S: Final = 0.2
"""From the beginning of a step to that of the next, where it has caught up.

A transaction costs as much as hundreds of rows: taken as they came, 200 events a second on
twelve partitions kept seven tenths of a processor busy.
"""

ROWS_SHARE, ROWS_MAX_S = 4.0, 2.0
"""Rows of patterns wait for this many times what the last step with some took, and at most so long.

A row changes dozens of rows of the tables, one for each of its days: under load they would keep
events and contributions waiting, which are what totals are made of.
"""

TROUBLE_S: Final = (0.5, 10.0)
"""How long it waits when the log is gone, at first and at most."""

LOOK_US: Final = 500_000
"""How often it looks how far the input topics go, which only who asks wants to know."""

NEARLY: Final = 50
"""Steps that were not full, after which tables count as caught up under load."""

GRACE_S, HARD_S = 2.5, 1.0
"""How long a step may take to end once it was told to, and once its log was taken away."""


class Projecting:
    """Projects one log into one folder until it is stopped."""

    def __init__(
        self, folder: Path, open_log: Callable[[], Log], where: str, say: Callable[[str], None]
    ) -> None:
        """Bind; `where` names the log for people, and `say` is told what they should know."""
        self._folder = folder
        self._open_log = open_log
        self._where = where
        self._say = say
        self._stopping = Event()
        self._log: Log | None = None
        self._identity: Identity | None = None
        self._trouble: str | None = None
        self._pause_s = TROUBLE_S[0]
        self._caught_up_at_us: int | None = None
        self._looked_at_us = 0
        self._ends: list[wire.End] = []
        self._failed: BaseException | None = None

    def run(self, stop: Event) -> None:
        """Project until `stop` is set; returns in bounded time whatever the log does then.

        Raises:
            LogHeld: another projector works in this folder.
            LogIncompatible: the log is none that this version can read.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        doing = f"the projection in {self._folder} is kept up to date by process"
        lock = FolderLock(self._folder, LOCK_NAME, doing)
        try:
            worker = Thread(target=self._work, args=(stop,), name="projecting", daemon=True)
            worker.start()
            stop.wait()
            self._stopping.set()
            worker.join(GRACE_S)
            if worker.is_alive():  # It waits for a log that is gone.
                Thread(target=self._let_go, daemon=True).start()
                worker.join(HARD_S)
        finally:
            lock.release()
        if self._failed is not None:
            raise self._failed

    def _work(self, stop: Event) -> None:
        try:
            while not self._stopping.is_set():
                self._connected()
        except BaseException as error:  # noqa: BLE001  # Raised again where `run` was called.
            # What breaks because it was told to end is no failure.
            if not (self._stopping.is_set() and isinstance(error, MotifError)):
                self._failed = error
        finally:
            self._let_go()
            stop.set()

    def _connected(self) -> None:
        """Open the log and project from it, until it must be opened again or all ends."""
        try:
            if self._log is None:
                self._log = self._open_log()
            self._identity = identity_of(self._log)
            if self._identity is None:
                raise LogUnavailable(not_founded(self._where))
            with Store.open(self._folder / PROJECTION, log_id=self._identity.log_id) as store:
                self._project(self._log, store)
        except (LogUnavailable, LogHeld) as trouble:
            self._wait(trouble)
            self._let_go()
        except ProjectionDamaged as damaged:
            self._say(str(damaged))

    def _project(self, log: Log, store: Store) -> None:
        # A projector may throw the file away when it begins: nobody may read it before.
        projector = Projector(log, store, self._folder / RECORDS)
        self._hear(projector)
        self._catch_up(projector)
        if self._stopping.is_set():
            return
        rows_due_s = 0.0
        with Serving(store, self._folder, self._about):
            while not self._stopping.is_set():
                began_s = monotonic_s()
                try:
                    moved = projector.step(rows=began_s >= rows_due_s)
                    if began_s >= rows_due_s:
                        rows_due_s = _rows_due_s(began_s, monotonic_s())
                    self._hear(projector)
                    self._look(log, projector, moved)
                except LogUnavailable as trouble:
                    self._wait(trouble)
                    if self._opened_again():
                        break
                else:
                    self._well()
                    if not projector.filled:
                        self._stopping.wait(PACE_S - (monotonic_s() - began_s))
        projector.close()

    def _catch_up(self, projector: Projector) -> None:
        """Project what there is before anybody is answered: half a table answers wrongly.

        Under a load that fills every step nearly, tables are full long before a step is empty.
        """
        nearly = 0
        while not self._stopping.is_set() and nearly < NEARLY:
            moved = projector.step()
            self._hear(projector)
            if not projector.filled:
                break
            nearly += moved < CHUNK

    def _opened_again(self) -> bool:
        """Open the log anew; whoever projected from the old one must begin again.

        While it is gone for good answers go on, from what was projected.
        """
        try:
            log = self._open_log()
        except LogUnavailable as trouble:
            self._trouble = str(trouble)
            return False
        self._let_go()
        self._log = log
        return True

    def _look(self, log: Log, projector: Projector, moved: int) -> None:
        """Note when nothing was left to project, and now and then how far the log goes."""
        now = now_us()
        if moved < CHUNK:  # There was no more, or what is more comes a moment later.
            self._caught_up_at_us = now
        if now - self._looked_at_us < LOOK_US:
            return
        numbers = range(log.partitions)
        places = [(topic.name, number) for topic in LEARNED_TOPICS for number in numbers]
        ends = log.ends(places) if isinstance(log, TellsEnds) else {p: log.end(*p) for p in places}
        known = {(one.topic, one.partition, one.end): one.lag for one in self._ends}
        found = []
        for (topic, number), end in ends.items():
            lag = known.get((topic, number, end))
            if lag != 0:  # Where nothing was left, nothing is before the end moves.
                lag = left(log, topic, number, projector.learned(topic, number))
            found.append(wire.End(topic, number, end, lag))
        self._ends, self._looked_at_us = found, now

    def _wait(self, trouble: LogError) -> None:
        """Say once that the log is gone, and wait, each time longer."""
        if self._trouble is None:
            self._say(f"{str(trouble).partition(';')[0]}; waiting.")
        self._trouble = str(trouble)
        self._stopping.wait(self._pause_s)
        self._pause_s = min(self._pause_s * 2, TROUBLE_S[1])

    def _well(self) -> None:
        if self._trouble is not None:
            self._say(f"{self._where} is back.")
        self._trouble, self._pause_s = None, TROUBLE_S[0]

    def _hear(self, projector: Projector) -> None:
        for notice in projector.notices:
            self._say(notice)
        projector.notices.clear()

    def _let_go(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            with suppress(LogUnavailable):
                log.close()

    def _about(self) -> wire.About:
        identity = self._identity
        assert identity is not None, "nobody answers before the log is known"
        return wire.About(
            pid=os.getpid(),
            log=self._where,
            site_id=identity.site_id,
            log_id=identity.log_id,
            label=identity.label,
            allowed_servers=sorted(identity.allowed_servers),
            settings_changes=identity.settings_changes,
            caught_up_at_us=self._caught_up_at_us,
            looked_at_us=self._looked_at_us,
            trouble=self._trouble,
            ends=self._ends,
        )


def _rows_due_s(began_s: float, ended_s: float) -> float:
    """When rows of patterns are next taken; a step may have waited long for a log that was gone."""
    return ended_s + min(ROWS_SHARE * (ended_s - began_s), ROWS_MAX_S)


def not_founded(where: str) -> str:
    """The sentence about a log that nobody founded."""
    return f"{where} has no identity yet: 'motif topics create' gives it one"


def projector_of(folder: Path) -> str | None:
    """The process that keeps the projection of this folder up to date; None where none does."""
    return holder_of(folder, LOCK_NAME)
