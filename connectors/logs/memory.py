"""A log in memory: for tests and for the simulation, with the contract of the durable ones.

It behaves as our SQLite log does, or, when it is lazy, as Kafka does: offsets have gaps, the end
lies beyond the last record, and compacted topics keep what was superseded until told to compact.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from threading import RLock
from typing import Final

from connectors.logs.checks import (
    checked_content,
    checked_partitions,
    checked_place,
    checked_range,
    missing_key,
)
from schemas.clock import Clock, now_us
from schemas.closing import Closing
from schemas.errors import Fenced, WrongUse
from schemas.log import Outgoing, Owner, Pruned, Record
from schemas.topics import by_name


class MemoryLog(Closing):
    """A log that lasts as long as the object.

    >>> from schemas.topics import PATTERNS
    >>> log = MemoryLog(partitions=1, clock=lambda: 7)
    >>> log.append([Outgoing(PATTERNS.name, 0, b"a", b"1"), Outgoing(PATTERNS.name, 0, b"a", b"2")])
    [0, 1]
    >>> [(record.offset, record.value) for record in log.read(PATTERNS.name, 0, 0, 10)]
    [(1, b'2')]

    A lazy one leaves a marker behind every transaction, and compacts when it is told to:

    >>> lazy = MemoryLog(partitions=1, clock=lambda: 7, lazy=True)
    >>> [lazy.append([Outgoing(PATTERNS.name, 0, b"a", value)]) for value in (b"1", b"2")]
    [[0], [2]]
    >>> lazy.end(PATTERNS.name, 0), len(lazy.read(PATTERNS.name, 0, 0, 10))
    (4, 2)
    >>> lazy.compact()
    >>> [(record.offset, record.value) for record in lazy.read(PATTERNS.name, 0, 0, 10)]
    [(2, b'2')]
    """

    def __init__(self, partitions: int = 4, *, clock: Clock = now_us, lazy: bool = False) -> None:
        self._partitions: Final = checked_partitions(partitions)
        self._clock = clock
        self._lazy = lazy
        self._streams: dict[tuple[str, int], _Stream] = {}
        self._owners: dict[str, int] = {}
        self._appended_at_us = 0
        self._closed = False
        self._lock = RLock()

    @property
    def partitions(self) -> int:
        """How many partitions every topic has."""
        return self._partitions

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append all records or none; their offsets in order."""
        return self._append(records, None)

    def owner(self, name: str) -> Owner:
        """Take the name; whoever held it before is fenced."""
        with self._lock:
            self._check_open()
            generation = self._owners.get(name, 0) + 1
            self._owners[name] = generation
        return _MemoryOwner(self, name, generation)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """At most `limit` records from the first offset >= `offset` on, ascending."""
        checked_place(topic, partition, self._partitions)
        checked_range(offset, limit)
        with self._lock:
            self._check_open()
            stream = self._streams.get((topic, partition))
            if stream is None:
                return []
            there = (stream.slots[at] for at in range(offset, len(stream.slots)))
            return list(islice((record for record in there if record is not None), limit))

    def start(self, topic: str, partition: int) -> int:
        """The first offset that was not pruned."""
        return self.pruned(topic, partition).below

    def pruned(self, topic: str, partition: int) -> Pruned:
        """What was pruned: always all below an offset."""
        checked_place(topic, partition, self._partitions)
        with self._lock:
            stream = self._streams.get((topic, partition))
            start = stream.start if stream else 0
        return Pruned(start, start)

    def prune_before(self, topic: str, partition: int, before: int) -> None:
        """Delete all records below an offset, for good."""
        checked_place(topic, partition, self._partitions)
        with self._lock:
            stream = self._streams[topic, partition]
            stream.start = max(stream.start, min(before, len(stream.slots)))
            stream.slots[: stream.start] = [None] * stream.start

    def end(self, topic: str, partition: int) -> int:
        """The offset the next record will get."""
        checked_place(topic, partition, self._partitions)
        with self._lock:
            self._check_open()
            stream = self._streams.get((topic, partition))
            return len(stream.slots) if stream else 0

    def compact(self, topic: str | None = None, *, keep: int = 0) -> None:
        """Drop superseded records of that compacted topic, or of all, but for the last `keep`.

        A tombstone stays the first time it is come across and goes the second time.
        A log that is not lazy has nothing to drop.
        """
        with self._lock:
            self._check_open()
            for (name, _), stream in self._streams.items():
                if self._lazy and by_name(name).compacted and topic in {None, name}:
                    stream.compact(keep)

    def close(self) -> None:
        """Refuse all further use; a second call does nothing."""
        self._closed = True

    def _append(self, records: Iterable[Outgoing], owner: "_MemoryOwner | None") -> list[int]:
        # Everything that may fail comes before the first change: that is the whole transaction.
        pending: list[Outgoing] = []
        try:
            pending.extend(self._checked(record) for record in records)
            with self._lock:
                self._check_open()
                if owner and self._owners[owner.name] != owner.generation:
                    raise Fenced(f"owner {owner.name} was taken over; nothing was appended")
                self._appended_at_us = max(self._appended_at_us, self._clock())
                offsets = [self._put(record) for record in pending]
                self._end_transaction(pending)
                return offsets
        except BaseException:
            self._abort(pending)
            raise

    def _end_transaction(self, records: Iterable[Outgoing]) -> None:
        """Leave a marker in every partition that was written to, as Kafka does."""
        if self._lazy:
            for place in {(record.topic, record.partition) for record in records}:
                self._streams[place].slots.append(None)

    def _abort(self, records: Iterable[Outgoing]) -> None:
        """An aborted transaction has taken its offsets on Kafka, and nobody sees its records."""
        if self._lazy:
            with self._lock:
                for record in records:
                    place = record.topic, record.partition
                    self._streams.setdefault(place, _Stream()).slots.append(None)
                self._end_transaction(records)

    def _checked(self, record: Outgoing) -> Outgoing:
        topic, partition, key, value, headers = record
        place = checked_place(topic, partition, self._partitions)
        checked_content(key, value, headers)
        if key is None and place.compacted:
            raise missing_key(place)
        return Outgoing(topic, partition, key, value, tuple((n, c) for n, c in headers))

    def _put(self, record: Outgoing) -> int:
        stream = self._streams.setdefault((record.topic, record.partition), _Stream())
        offset = len(stream.slots)
        if record.key is not None and not self._lazy and by_name(record.topic).compacted:
            superseded = stream.latest.get(record.key)
            if superseded is not None:
                stream.slots[superseded] = None
            stream.latest[record.key] = offset
        topic, partition, key, value, headers = record
        stored = Record(topic, partition, offset, key, value, headers, self._appended_at_us)
        stream.slots.append(stored)
        return offset

    def _check_open(self) -> None:
        if self._closed:
            raise WrongUse("this log was closed; make a new one")


@dataclass(frozen=True, slots=True)
class _MemoryOwner:
    """The right to append under a name."""

    log: MemoryLog
    name: str
    generation: int

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append all records or none, unless somebody took the name."""
        return self.log._append(records, self)  # noqa: SLF001  # one class in two parts

    def close(self) -> None:
        """There is nothing to let go of."""


@dataclass(slots=True)
class _Stream:
    """One partition of one topic; a superseded record leaves an empty slot, a marker is one."""

    slots: list[Record | None] = field(default_factory=list)
    latest: dict[bytes, int] = field(default_factory=dict)
    passed: set[int] = field(default_factory=set)
    """Offsets of the tombstones that one compaction has come across."""
    start: int = 0

    def compact(self, keep: int) -> None:
        """Keep the last record of every key among all but the last `keep` offsets."""
        there = [record for record in self.slots[: max(0, len(self.slots) - keep)] if record]
        latest = {record.key: record.offset for record in there}
        for record in there:
            if latest[record.key] != record.offset or record.offset in self.passed:
                self.slots[record.offset] = None
        self.passed = {record.offset for record in there if record.value is None}
