"""What a case is given: a broker, a place, chance out of its seed, and the rows it must end in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Lock

import motif
from connectors.generate import sessions, task_completions
from projections.tables import EVENT_TABLES
from schemas.envelope import Event
from tests.integration.rows import LEARNED, STORED, Asked, Tables, rows_of
from tests.kafka.broker import Broker

WHOLE = {
    **LEARNED,
    **{
        one.table.name: (*STORED[one.table.name], "topic", "partition")
        for one in EVENT_TABLES
        if one.table.name in STORED
    },
}
"""Everything learned, and every raw row but for where and when it came to stand in the log."""


class Skipped(Exception):
    """The case cannot be run on this machine; says why."""


@cache
def events() -> tuple[Event, ...]:
    """The events of every case: sessions with revisions, and completed tasks."""
    return (*sessions(11, 12), *task_completions(11, 1_000, patterns=100))


_TRUTH = Lock()


def truth() -> Tables:
    """The rows that a replay of the events from nothing gives, embedded, where nothing went wrong.

    They are in order there, each once, and nobody was killed.
    """
    with _TRUTH:
        return _truth()


@cache
def _truth() -> Tables:
    with TemporaryDirectory(prefix="motif-truth-") as folder, motif.open(folder) as node:
        node.publish(events())
        node.settle()
        return whole(node)


def whole(asked: Asked) -> Tables:
    """The rows that are compared after a case."""
    return rows_of(asked, WHOLE)


class Brokers:
    """The broker that cases share, begun when the first of them asks for it."""

    def __init__(self, folder: Path) -> None:
        """Start with none."""
        self._folder = folder
        self._lock = Lock()
        self._shared: Broker | None = None

    def shared(self) -> Broker:
        """A broker that nobody may kill."""
        with self._lock:
            if self._shared is None:
                self._shared = Broker(self._folder / "kafka").start()
            return self._shared

    def end(self) -> None:
        """End it."""
        if self._shared is not None:
            self._shared.kill()


@dataclass
class Stage:
    """One case: where it plays, and by which seed."""

    row: str
    seed: int
    share: int
    folder: Path
    brokers: Brokers
    notes: list[str] = field(default_factory=list)

    def chance(self, what: str = "") -> Random:
        """A generator that gives the same for the same case."""
        return Random(f"{self.row}/{self.seed}/{what}")

    def shuffled(self) -> list[Event]:
        """All events, in an order of this case's own."""
        mixed = list(events())
        self.chance("order").shuffle(mixed)
        return mixed

    @contextmanager
    def own_broker(self, data: Path | None = None, **properties: str) -> Iterator[Broker]:
        """A broker that this case may kill."""
        told = {name.replace("_", "."): value for name, value in properties.items()}
        with Broker(self.folder / "kafka", data=data, properties=told) as broker:
            yield broker


@dataclass(frozen=True)
class Row:
    """A row of the fault table.

    `faults` are made in all, `group` of them in each case, after which everything is compared.
    Of a `timed` row the share is taken of its minutes, and not of its count.
    """

    name: str
    means: str
    faults: int
    group: int
    run: Callable[[Stage, int], None]
    timed: bool = False

    def cases(self, share: int) -> int:
        """How many cases make this share of the faults, at least."""
        wanted = self.faults if self.timed else -(-self.faults // share)
        return -(-wanted // self.group)
