"""One simulation: what happens in which order, all of it drawn from the seed.

Until everything is delivered, batches arrive, workers learn and federate in small steps, and what
is planned to go wrong goes wrong between and within those. Then everybody starts anew, works until
nothing is left to do, and what stands in the log is checked.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from motif.simulation.check import difference
from motif.simulation.delivery import JUMP_US, Delivery
from motif.simulation.log import Access, Crashed, SimulatedLog, Time
from motif.simulation.serving import Serving
from motif.simulation.workers import Excuses, Worker, known
from motif.simulation.world import SERVER, START_US, world
from schemas.envelope import Event, outgoing
from schemas.events import LogCreated, SettingsChanged
from schemas.log import Outgoing
from schemas.topics import LEARNER_CHECKPOINTS, PATTERN_CONTRIBUTIONS, TOPICS, Topic
from streams.identity import FORMAT, SOURCE

PARTITIONS = 3
ALWAYS = ("crash", "crash", "rebalance", "compaction")
"""What goes wrong in every seed."""

LEAST = {
    "events": 200,
    "crashes": 2,
    "rebalances": 1,
    "compactions": 1,
    "revised": 1,
    "hole in a session": 1,
}
"""What every seed must have come to, or it proves too little."""

SOMETIMES = (
    "crash",
    "failure survived",
    "zombie",
    "asleep within a step",
    "rebalance",
    "compaction",
    "checkpoint lost",
    "contribution lost",
    "settings changed",
    "projector crash",
    "torn file",
    "everybody restarts",
)
ROUNDS_MAX = 200
"""Work that has not come to rest after so many rounds never will."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed came to; `difference` is a sentence where something was not as it must be."""

    seed: int
    faults: Counter[str]
    digest: str
    difference: str | None = None
    plan: list[str] = field(default_factory=list)


def simulate(seed: int) -> Outcome:
    """Run one seed from its beginning to its end."""
    with TemporaryDirectory(prefix="motif-simulation-") as folder:
        simulation = Simulation(seed, Path(folder))
        try:
            simulation.work()
            found = simulation.check()
        except Exception as error:  # noqa: BLE001  # whatever is raised, this seed must not raise it
            found = f"{type(error).__name__}: {error}"
        finally:
            simulation.serving.close()
        return Outcome(
            seed,
            simulation.seen,
            simulation.digest(),
            found,
            simulation.planned,
        )


class Stuck(Exception):
    """Work did not come to rest."""


class Simulation:
    """A log, its workers, its projector, and what is planned."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = Random(seed)
        self.seen: Counter[str] = Counter()
        self.log = SimulatedLog(PARTITIONS, Time(START_US))
        self._found(seed)
        self.delivery = Delivery(self.rng, world(self.rng, PARTITIONS), PARTITIONS, self.seen)
        self.excuses = Excuses(PARTITIONS)
        self.workers = [self._worker(number) for number in range(self.rng.randint(2, 3))]
        for partition in range(PARTITIONS):
            self.workers[partition % len(self.workers)].assign(partition)
        self.serving = Serving(folder, self.log, f"log-{seed}", self.seen)
        self.planned = [*ALWAYS, *self.rng.choices(SOMETIMES, k=self.rng.randint(2, 7))]
        self.rng.shuffle(self.planned)
        self._left = list(self.planned)
        self._happens: dict[str, Callable[[], None]] = {
            "crash": self._crash,
            "failure survived": self._survived,
            "zombie": self._zombie,
            "asleep within a step": self._asleep_within,
            "rebalance": self._rebalance,
            "compaction": self._compaction,
            "checkpoint lost": lambda: self._lose(LEARNER_CHECKPOINTS),
            "contribution lost": lambda: self._lose(PATTERN_CONTRIBUTIONS),
            "settings changed": self._settings,
            "projector crash": lambda: self.serving.crash(self.rng),
            "torn file": self._torn,
            "everybody restarts": self._restart_all,
        }

    def work(self) -> None:
        """Deliver everything under faults, then let everybody start anew and finish."""
        batches = [
            (wave, batch)
            for wave, records in enumerate(self.delivery.waves)
            for batch in self._batches(records)
        ]
        every = max(1, len(batches) // (len(self._left) + 1))
        jumped = 0
        for number, (wave, batch) in enumerate(batches):
            if wave > jumped:
                self.log.time.now_us += JUMP_US
                jumped = wave
            self._deliver(batch)
            for _ in range(self.rng.randint(0, 4)):
                self._step_somebody()
            if number % every == every - 1 and self._left:
                self._happens[self._left.pop()]()
        while self._left:
            self._happens[self._left.pop()]()
            self._step_somebody()
        self._restart_all()
        for _ in range(ROUNDS_MAX):
            if not sum(self._round(worker) for worker in self.workers):
                return
        raise Stuck(f"workers are not done after {ROUNDS_MAX} rounds")

    def check(self) -> str | None:
        """What is not as it must be."""
        lacking = [name for name, least in LEAST.items() if self.seen[name] < least]
        if lacking:
            return f"the simulation itself lacks {', '.join(lacking)}"
        return difference(self.log, self.delivery, known(self.log)) or next(
            iter(self.serving.differences()), None
        )

    def digest(self) -> str:
        """Stands for everything in the log, so that two runs can be compared."""
        whole = blake2b(digest_size=8)
        for topic in TOPICS:
            for partition in range(PARTITIONS):
                for record in self.log.all_of(topic, partition):
                    whole.update(repr(record).encode())
        return whole.hexdigest()

    def _found(self, seed: int) -> None:
        created = LogCreated(
            site_id="here", log_id=f"log-{seed}", partitions=PARTITIONS, format=FORMAT
        )
        event = Event(SOURCE, f"log/log-{seed}", created, START_US)
        self.log.append([outgoing(event, PARTITIONS)])

    def _worker(self, number: int) -> Worker:
        return Worker(f"worker-{number}", self.log, self.excuses, self.seen)

    def _batches(self, records: list[Outgoing]) -> list[list[Outgoing]]:
        batches = []
        at = 0
        while at < len(records):
            size = self.rng.randint(1, 14)
            batches.append(records[at : at + size])
            at += size
        return batches

    def _deliver(self, batch: list[Outgoing]) -> None:
        """Append a batch; a producer that dies before it hears of it sends it again."""
        self.log.time.now_us += self.rng.choice([0, 1_000, 10**7, 10**10])
        producer = Access(self.log)
        if self.rng.random() < 0.06:
            producer.fuse = self.rng.randint(0, 1)
        try:
            producer.append(batch)
        except Crashed as crashed:
            self.seen[f"producer crash {crashed}"] += 1
            producer.append(batch)
        self.seen["records"] += len(batch)

    def _awake(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.partitions]

    def _step_somebody(self) -> None:
        self._step(self.rng.choice(self._awake()))

    def _step(self, worker: Worker) -> int:
        partition = self.rng.choice(worker.partitions)
        if self.rng.random() < 0.7:
            return worker.learn(partition, self.rng.choice([1, 2, 5, 20, 60]))
        return worker.federate(partition)

    def _round(self, worker: Worker) -> int:
        learned = sum(worker.learn(one, 1_000) for one in worker.partitions)
        return learned + sum(worker.federate(one) for one in worker.partitions)

    def _crash(self) -> None:
        """End a process at one of its operations, or between two steps."""
        worker = self.rng.choice(self._awake())
        self.seen[f"crash {self._broken(worker)}"] += 1
        self.seen["crashes"] += 1
        worker.restart()

    def _survived(self) -> None:
        """Let one operation fail; the process goes on with what it has in memory."""
        where = self._broken(self.rng.choice(self._awake()))
        self.seen[f"failure survived {where}"] += 1

    def _broken(self, worker: Worker) -> str:
        """Work until an operation fails; where it did."""
        worker.access.fuse = self.rng.randint(0, 25)
        try:
            for _ in range(8):
                self._step(worker)
        except Crashed as crashed:
            return str(crashed)
        worker.access.fuse = None
        return "between steps"

    def _zombie(self) -> None:
        """A worker sleeps while others take its partitions, wakes up, and goes on as before."""
        zombie = self.rng.choice(self._awake())
        self._succeed(zombie)
        for _ in range(self.rng.randint(0, 12)):
            self._step_somebody()
        zombie.asleep = True
        for _ in range(8):
            if zombie.partitions:
                self._step(zombie)
        self.seen["zombie"] += 1

    def _asleep_within(self) -> None:
        """A worker sleeps between making an append and writing it; others do its work meanwhile."""
        zombie = self.rng.choice(self._awake())

        def meanwhile() -> None:
            for partition in zombie.partitions:
                zombie.account(partition)
            self._succeed(zombie)
            for worker in self._awake():
                self._round(worker)
            self.seen["asleep within a step"] += 1

        zombie.access.pause = meanwhile
        zombie.asleep = True
        for _ in range(8):
            if zombie.partitions:
                self._step(zombie)
        if zombie.access.pause is None:
            return
        zombie.access.pause, zombie.asleep = None, False

    def _succeed(self, zombie: Worker) -> None:
        """Somebody else takes what a sleeping worker had; it does not know."""
        self.workers.remove(zombie)
        self.workers.append(self._worker(len(self.workers) + 10 * self.seen["zombie"]))
        for partition in zombie.partitions:
            self.rng.choice(self.workers).assign(partition)

    def _rebalance(self) -> None:
        """Workers join or leave, and partitions move, given up in order or not."""
        if self.rng.random() < 0.5:
            self.workers.append(self._worker(len(self.workers)))
            self.seen["worker joined"] += 1
        leaving = self.rng.choice(self._awake())
        moving = [one for one in leaving.partitions if self.rng.random() < 0.7]
        moving = moving or leaving.partitions
        others = [worker for worker in self.workers if worker is not leaving]
        for partition in moving:
            leaving.leave(partition)
            self.rng.choice(others).assign(partition)
        if not leaving.partitions and len(others) > 1:
            self.workers.remove(leaving)
            self.seen["worker left"] += 1
        self.seen["rebalances"] += 1

    def _compaction(self) -> None:
        """Compact a topic or all; tombstones only go when readers had the time to see them."""
        topic = self.rng.choice([None, *(topic.name for topic in TOPICS if topic.compacted)])
        if self.rng.random() < 0.3:
            self.serving.catch_up()
            self.log.compact(topic)
            self.seen["compaction of tombstones"] += 1
        self.log.compact(topic, keep=self.rng.choice([0, 3, 20, 100]))
        self.seen["compactions"] += 1

    def _lose(self, topic: Topic) -> None:
        """Lose one to many records of a topic, and with them the right to go on as before."""
        records = [
            record
            for partition in range(PARTITIONS)
            for record in self.log.all_of(topic, partition)
        ]
        if not records:
            return
        share = self.rng.choice([0.02, 0.3, 1.0])
        for record in records:
            if self.rng.random() < share:
                self.log.lose(record)
                self.seen[f"lost from {topic.name}"] += 1
        for partition in range(PARTITIONS):
            self.excuses.give(partition)

    def _settings(self) -> None:
        """Change what may be shown; some workers hear of it later than others."""
        identity = known(self.log)
        servers = [] if identity.allowed_servers else [SERVER]
        name = f"settings/{identity.log_id}/{identity.settings_changes + 1}"
        event = Event(SOURCE, name, SettingsChanged(mcp_servers=servers), self.log.time())
        self.log.append([outgoing(event, PARTITIONS)])
        for partition in range(PARTITIONS):
            self.excuses.give(partition)
        for worker in self.workers:
            if self.rng.random() < 0.5:
                worker.restart()
        self.seen["settings changed"] += 1

    def _torn(self) -> None:
        if self.rng.random() < 0.5:
            self.serving.catch_up()
        self.serving.tear(self.rng)

    def _restart_all(self) -> None:
        for worker in self.workers:
            worker.restart()
        self.seen["everybody restarts"] += 1
