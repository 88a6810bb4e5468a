"""A log on a broker in the middle of its work: fed, learned, projected, and compared in the end."""

import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from threading import Event as Signal
from threading import Thread

import msgspec

from connectors.logs.kafka import KafkaLog
from connectors.logs.kafka_settings import KafkaSettings
from connectors.publisher import Publisher
from motif.asking import Asked
from schemas.clock import monotonic_s, new_id
from schemas.envelope import Event
from schemas.errors import LogError, LogUnavailable
from schemas.topics import EVENT_DUPLICATES
from tests.campaign.stage import Stage, truth, whole
from tests.integration.processes import MOTIF
from tests.integration.rows import assert_same, fingerprint, learned
from tests.kafka.broker import Broker
from tests.kafka.workers import Installation, Reached, projected

ROWS_S = 120.0
"""How long the rows may take to be those of all contributions; what differs is said then."""

PAUSE_S = 0.1
AT_ONCE = 500
"""Events of an append when nobody needs a load any more."""


class Feeder(Thread):
    """Publishes without end until told to finish: new events while there are, and old ones again.

    What was not acknowledged is published again until it is, so every event is in the log when it
    has finished, some of them several times.
    """

    def __init__(
        self, settings: KafkaSettings, events: Sequence[Event], rng: Random, *, new: int, again: int
    ) -> None:
        """Feed `new` new events and `again` repeats a tenth of a second."""
        super().__init__(name="feeder", daemon=True)
        self._settings = settings
        self._events = events
        self._rng = rng
        self._new, self._again = new, again
        self._ending = Signal()
        self._given_up = Signal()
        self._log: KafkaLog | None = None
        self._failed: BaseException | None = None
        self.published = 0

    def run(self) -> None:
        """Publish until told to finish."""
        try:
            at = 0
            while at < len(self._events) or not self._ending.is_set():
                ending = self._ending.is_set()
                batch = list(self._events[at : at + (AT_ONCE if ending else self._new)])
                at += len(batch)
                if not ending:
                    batch += self._rng.choices(self._events[:at], k=self._again)
                self._deliver(batch)
                if not ending:
                    self._ending.wait(PAUSE_S)
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            self._failed = error
        finally:
            self._let_go()

    def finish(self) -> None:
        """Publish what is left, and come back when all was acknowledged."""
        self._ending.set()
        self.join()
        if self._failed is not None:
            raise self._failed

    def give_up(self) -> None:
        """End at once, whatever is left."""
        self._given_up.set()
        self._ending.set()
        self.join(60)

    def _deliver(self, batch: list[Event]) -> None:
        while True:
            try:
                if self._log is None:
                    self._log = KafkaLog.open(self._settings)
                Publisher(self._log).publish(batch, origin="campaign")
                self.published += len(batch)
                return
            except LogError:
                self._let_go()
                if self._given_up.wait(0.3):
                    raise

    def _let_go(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            with suppress(LogUnavailable):
                log.close()


class Site:
    """An installation with a feeder, and what is said and compared of it."""

    def __init__(self, stage: Stage, made: Installation, feeder: Feeder) -> None:
        """Take over what was started."""
        self.stage = stage
        self.made = made
        self.feeder = feeder
        self._places = dict.fromkeys(range(made.partitions), 0)
        self._reached: dict[int, Reached] = {}

    @property
    def settings(self) -> KafkaSettings:
        """How its cluster is reached."""
        return self.made.settings

    def reached(self) -> dict[int, Reached]:
        """How far each partition is learned; what is known where the log is gone."""
        with suppress(LogError):
            for partition, place in self._places.items():
                while records := self.made.log.read(
                    EVENT_DUPLICATES.name, partition, self._places[partition], 4_096
                ):
                    self._places[partition] = records[-1].offset + 1
                    for record in records:
                        if (record.key or b"").endswith(b"/position") and record.value:
                            found = msgspec.json.decode(record.value, type=Reached)
                            self._reached[partition] = found
                assert self._places[partition] >= place, "offsets ascend"
        return self._reached

    def progress(self) -> int:
        """How many records are learned, of all partitions together."""
        return sum(one.position for one in self.reached().values())

    def wait_for(self, what: Callable[[], bool], limit_s: float, claim: str) -> float:
        """Come back when it is so; how long that took."""
        began_s = monotonic_s()
        while not what():
            took_s = monotonic_s() - began_s
            if took_s > limit_s:
                raise AssertionError(f"{claim} took over {limit_s:.0f} s:\n{self.made.said()}")
            Signal().wait(0.1)
        return monotonic_s() - began_s

    def wait_progress(self, limit_s: float = 120.0, *, since: int | None = None) -> float:
        """Come back when more was learned than now, or than at `since`; how long that took."""
        before = self.progress() if since is None else since
        return self.wait_for(lambda: self.progress() > before, limit_s, "learning on")

    def start_projector(self, folder: Path, **environment: str) -> "subprocess.Popen[bytes]":
        """Start `motif projector` on a folder of its own."""
        words = ["projector", "--kafka", self.settings.bootstrap, "--data", str(folder)]
        return self.made.start("projector", [str(MOTIF), *words], **environment)

    def check_projector(self, folder: Path) -> None:
        """The running projector of the folder answers with the rows that are true."""
        with Asked(folder, "?") as asked:
            wanted = fingerprint(truth())
            with suppress(AssertionError):
                self.wait_for(lambda: fingerprint(whole(asked)) == wanted, ROWS_S, "the rows")
            assert_same(whole(asked), truth())

    def finish(self) -> None:
        """Publish all, and have it learned to the end."""
        self.feeder.finish()
        self.wait_for(self._is_learned, 180, "learning all")
        for partition, one in self.reached().items():
            assert (one.waiting, one.late, one.conflicting) == (0, 0, 0), (partition, one)

    def check(self) -> None:
        """Nothing was lost or counted twice: the rows are those of a replay from nothing.

        Its projection is made from nothing, too.
        """
        self.finish()
        with projected(self.made, self.stage.folder / f"tables-{new_id()[:6]}") as tables:
            wanted = fingerprint({name: truth()[name] for name in learned(tables)})
            with suppress(AssertionError):
                self.wait_for(lambda: fingerprint(learned(tables)) == wanted, ROWS_S, "the rows")
            assert_same(whole(tables), truth())

    def _is_learned(self) -> bool:
        try:
            return self.made.is_learned()
        except LogError:
            return False


@contextmanager
def site(
    stage: Stage, broker: Broker, *, partitions: int = 3, new: int = 4, again: int = 8
) -> Iterator[Site]:
    """A founded log that is fed; everything is ended afterwards."""
    truth()  # made before anything is timed
    folder = stage.folder / f"site-{new_id()[:6]}"
    folder.mkdir(parents=True)
    settings = KafkaSettings(broker.bootstrap, prefix=f"c{new_id()[:8]}.")
    made = Installation(settings, folder, partitions)
    feeder = Feeder(settings, stage.shuffled(), stage.chance("feed"), new=new, again=again)
    feeder.start()
    try:
        yield Site(stage, made, feeder)
    finally:
        feeder.give_up()
        for worker in made.workers:
            with suppress(ProcessLookupError):
                made.kill_softly(worker, signal.SIGCONT)
            made.kill(worker)
        with suppress(LogError):
            made.close()
