"""A log on the broker of the run, workers on it, and its projection: what tests of Kafka start."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Signal

import msgspec
import pyarrow as pa

from connectors.logs import kafka_topics
from connectors.logs.kafka import KafkaLog
from connectors.logs.kafka_settings import KafkaSettings
from connectors.publisher import Publisher
from projections import adhoc, queries
from projections.projector import Projector
from projections.store import Store
from schemas.clock import monotonic_s
from schemas.envelope import Event
from schemas.log import left
from schemas.topics import EVENT_DUPLICATES, LEARNED_TOPICS
from streams.identity import Identity, found

ROOT = Path(__file__).resolve().parents[2]
TIED = [sys.executable, "-I", "-S", str(Path(__file__).with_name("tied.py"))]
"""Before a command: it does not outlive the tests, even where they are killed."""

LIMIT_S = 180.0
"""How long anything may take before a test says that it hangs."""


class Reached(msgspec.Struct):
    """How far the learner of a partition has come."""

    topic: str
    position: int
    waiting: int
    late: int
    repeats: int
    conflicting: int
    refused: int


@dataclass
class Installation:
    """A founded log on Kafka, and the workers that were started on it."""

    settings: KafkaSettings
    folder: Path
    partitions: int
    log: KafkaLog = field(init=False)
    identity: Identity = field(init=False)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the topics and found the log."""
        kafka_topics.create(self.settings, partitions=self.partitions)
        self.log = KafkaLog.open(self.settings)
        self.identity = found(self.log, "kafka")

    def publish(self, events: Iterable[Event]) -> int:
        """Append events; how many."""
        return Publisher(self.log).publish(events, origin="test").appended

    def start_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start one more worker; it runs when this returns, and is ready some seconds later."""
        worker = ["-P", "-m", "faust", "-A", "streams.app", "worker", "-l", "info"]
        return self.start("worker", [sys.executable, *worker], **environment)

    def start(self, name: str, command: list[str], **environment: str) -> subprocess.Popen[bytes]:
        """Start a process of this installation, in a session of its own."""
        mine = {name: os.environ[name] for name in os.environ if name[:6] != "MOTIF_"}
        mine |= {
            "MOTIF_KAFKA": self.settings.bootstrap,
            "MOTIF_KAFKA_PREFIX": self.settings.prefix,
            "MOTIF_DATA": str(self.folder),
            **environment,
        }
        with (self.folder / f"{name}-{len(self.workers)}.log").open("wb") as said:
            process = subprocess.Popen(
                [*TIED, *command],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=mine | {"PYTHONPATH": str(ROOT)},
                start_new_session=True,
            )
        self.workers.append(process)
        return process

    def kill(self, worker: subprocess.Popen[bytes], how: signal.Signals = signal.SIGKILL) -> None:
        """End a worker and the learners it started, all at once."""
        if worker.poll() is None:
            os.killpg(worker.pid, how)
        worker.wait(LIMIT_S)

    def kill_softly(self, worker: subprocess.Popen[bytes], how: signal.Signals) -> None:
        """Send a signal to a worker and its learners, who may live on."""
        os.killpg(worker.pid, how)

    def reached(self) -> dict[tuple[str, int], Reached]:
        """How far each partition of a learned topic is, as the learners state it."""
        found: dict[tuple[str, int], Reached] = {}
        for partition in range(self.partitions):
            position = 0
            while records := self.log.read(EVENT_DUPLICATES.name, partition, position, 4_096):
                position = records[-1].offset + 1
                for record in records:
                    if (record.key or b"").endswith(b"/position") and record.value:
                        said = msgspec.json.decode(record.value, type=Reached)
                        found[said.topic, partition] = said
        return found

    def is_learned(self) -> bool:
        """Whether every partition was learned to its end."""
        reached = self.reached()
        places = [(topic.name, at) for topic in LEARNED_TOPICS for at in range(self.partitions)]
        return all(
            place in reached and not left(self.log, *place, reached[place].position)
            for place in places
            if left(self.log, *place, 0)
        )

    def wait_for(self, what: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
        """Come back when it is so; say what the workers said when it takes too long."""
        began_s = monotonic_s()
        while not what():
            if monotonic_s() - began_s > limit_s:
                raise AssertionError(f"this took more than {limit_s:.0f} s:\n{self.said()}")
            Signal().wait(0.2)

    def said(self) -> str:
        """The last words of every worker and projector."""
        texts = []
        for log in sorted(self.folder.glob("*-*.log")):
            printable = re.sub("[^ -~\n]", "", log.read_text("utf-8", "replace"))
            texts.append(f"{log.name}:\n{printable[-3_000:]}")
        return "\n".join(texts)

    def close(self) -> None:
        """End everything and delete the topics."""
        for worker in self.workers:
            self.kill(worker)
        self.log.close()
        kafka_topics.delete(self.settings)


class Projected:
    """The projection of an installation in a folder of its own, brought up to date by hand."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        """Open a new one."""
        self._store = Store.open(folder / "tables.duckdb", log_id=installation.identity.log_id)
        self._projector = Projector(installation.log, self._store)

    def sql(self, query: str) -> pa.Table:
        """The rows of a query, of all that stands in the log."""
        self._projector.catch_up()
        return adhoc.sql(self._store, query)

    def rows(self) -> int:
        """How many raw rows there are, of all that stands in the log."""
        self._projector.catch_up()
        return sum(queries.status(self._store).rows.values())

    def close(self) -> None:
        """Let go of the file."""
        self._projector.close()
        self._store.close()


@contextmanager
def installation(
    bootstrap: str, prefix: str, folder: Path, partitions: int
) -> Iterator[Installation]:
    """An installation that is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Installation(KafkaSettings(bootstrap, prefix=prefix), folder, partitions)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def projected(installation: Installation, folder: Path) -> Iterator[Projected]:
    """Its projection, closed afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Projected(installation, folder)
    try:
        yield made
    finally:
        made.close()
