"""The log of a simulation: lazy as Kafka, with records that vanish, and ways in that may fail."""

from collections.abc import Callable, Iterable
from typing import Final

from connectors.logs.memory import MemoryLog
from schemas.closing import Closing
from schemas.log import Log, Outgoing, Owner, Pruned, Record
from schemas.topics import TOPICS, Topic


class Crashed(Exception):
    """A process was ended here; the message says before or after what."""


class Time:
    """A clock that moves when it is told to."""

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        """The moment, in microseconds since the Unix epoch."""
        return self.now_us


class SimulatedLog(MemoryLog):
    """A lazy log that can lose records, and of which the input can be taken alone."""

    def __init__(self, partitions: int, clock: Time) -> None:
        super().__init__(partitions, clock=clock, lazy=True)
        self.time: Final = clock

    def all_of(self, topic: Topic, partition: int) -> list[Record]:
        """Everything that stands there."""
        return self.read(topic.name, partition, 0, 1_000_000)

    def last_of(self, topic: Topic) -> dict[bytes, Record]:
        """Of every key of a compacted topic the last record, where it is no tombstone."""
        last: dict[bytes, Record] = {}
        for partition in range(self.partitions):
            for record in self.all_of(topic, partition):
                last[record.key or b""] = record
        return {key: last[key] for key in sorted(last) if last[key].value is not None}

    def lose(self, record: Record) -> None:
        """Forget a record, as a disk may."""
        self._streams[record.topic, record.partition].slots[record.offset] = None

    def input_alone(self) -> "SimulatedLog":
        """A log that holds the input of this one, at the same positions, and nothing else."""
        alone = SimulatedLog(self.partitions, self.time)
        inputs = {topic.name for topic in TOPICS if topic.input}
        alone._streams = {
            place: stream for place, stream in self._streams.items() if place[0] in inputs
        }
        return alone


class Access(Closing):
    """One process's way to the log: it may be cut at any operation, or pause before an append.

    `fuse` is how many operations succeed before one fails. `pause` is called once, between the
    making of an append and its writing: whatever happens in there, happens while this one sleeps.
    """

    def __init__(self, log: Log) -> None:
        self.log: Final = log
        self.fuse: int | None = None
        self.pause: Callable[[], None] | None = None

    @property
    def partitions(self) -> int:
        """How many partitions every topic has."""
        return self.log.partitions

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append, unless the process ends before it, or right after."""
        return self.around(self.log.append, records)

    def around(
        self, append: Callable[[Iterable[Outgoing]], list[int]], records: Iterable[Outgoing]
    ) -> list[int]:
        """An append that may fail before anything is written, or when all is."""
        made = list(records)
        self.reach("before an append")
        pause, self.pause = self.pause, None
        if pause is not None:
            pause()
        offsets = append(made)
        self.reach("after an append")
        return offsets

    def reach(self, where: str) -> None:
        """End the process if this is the moment."""
        if self.fuse is None:
            return
        self.fuse -= 1
        if self.fuse < 0:
            self.fuse = None
            raise Crashed(where)

    def owner(self, name: str) -> Owner:
        """Take the name."""
        self.reach("before a takeover")
        return _AccessOwner(self, self.log.owner(name))

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """Read, unless the process ends here."""
        self.reach("at a read")
        return self.log.read(topic, partition, offset, limit)

    def start(self, topic: str, partition: int) -> int:
        """The first offset that was not pruned."""
        return self.log.start(topic, partition)

    def pruned(self, topic: str, partition: int) -> Pruned:
        """What was pruned."""
        return self.log.pruned(topic, partition)

    def end(self, topic: str, partition: int) -> int:
        """The offset the next record will get, or one below it."""
        return self.log.end(topic, partition)

    def close(self) -> None:
        """The log is closed by whoever made it."""


class _AccessOwner:
    def __init__(self, access: Access, inner: Owner) -> None:
        self._access = access
        self._inner = inner

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append as the owner."""
        return self._access.around(self._inner.append, records)

    def close(self) -> None:
        """Let go."""
        self._inner.close()
