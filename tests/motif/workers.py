"""A log that others learn: a worker in a thread, and a projector of the same log."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from connectors.logs.sqlite import SqliteLog
from motif.asking import Asked
from motif.projecting import Projecting
from schemas.log import Log
from schemas.topics import LEARNED_TOPICS
from streams.contribution import Contributor
from streams.federator import Federator
from streams.identity import Identity
from streams.learner import Learner
from streams.rules import Rules

LIMIT_S = 30.0
PAUSE_S = 0.01


class Worker:
    """Learns and federates all partitions of a log, as often as it is told to or until it ends."""

    def __init__(self, log: Log, identity: Identity, *, federates: bool = True) -> None:
        rules = Rules.of(identity)
        self._learners = [
            Learner(log, Contributor(identity.site_id, identity.log_id, topic.name, number), rules)
            for topic in LEARNED_TOPICS
            for number in range(log.partitions)
        ]
        self._federators = [Federator(log, n) for n in range(log.partitions) if federates]

    def step(self) -> int:
        learned = sum(learner.step() for learner in self._learners)
        return learned + sum(federator.step() for federator in self._federators)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it work in a thread meanwhile."""
        ended = Event()

        def work() -> None:
            while not ended.is_set():
                self.step()
                ended.wait(PAUSE_S)

        thread = Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(LIMIT_S)
        assert not thread.is_alive()


@contextmanager
def projected(source: Path, folder: Path) -> Iterator[Asked]:
    """A projector of the log in `source`, asked by whoever looks at `folder`."""
    stop = Event()

    def open_log() -> SqliteLog:
        return SqliteLog.open(source, read_only=True)

    process = Projecting(folder, open_log, "a log", lambda _: None)
    thread = Thread(target=process.run, args=(stop,))
    thread.start()
    try:
        with Asked(folder, "?") as asked:
            yield asked
    finally:
        stop.set()
        thread.join(LIMIT_S)
    assert not thread.is_alive()
