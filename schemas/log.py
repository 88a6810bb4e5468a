"""The log's contract: what the memory, SQLite and Kafka logs all promise.

A log is a set of topics, each of `partitions` partitions, each an append-only sequence of records
numbered from 0 by their offset. Every implementation passes the same contract tests.

Pitfalls, each of them a bug somebody has shipped:

* **Offsets are positions of records, not counts.** A compacted topic has gaps: the record behind
  offset 7 may be 12. On Kafka every topic has them, as the marker that ends a transaction takes an
  offset. `read(topic, partition, n, limit)` starts at the first record whose offset is *at least*
  n; resume with `last.offset + 1`, never with `n + len(records)`.
* **`end` is the offset the next record will get**, so `end - position` is an upper bound of what is
  left to read, not its number. That nothing is left is known from `read` giving nothing: behind
  the last record there may be a marker, and the position stays below `end` (see `left`).
* **Compaction is the log's to do, when it likes.** A compacted topic keeps at least the last record
  of every key. What was superseded may still be read: of a key the last record counts, be it a
  tombstone, and a tombstone may be gone with all that stood before it.
* **An append is a transaction.** All its records become visible together and are durable before the
  call returns; when it raises, none is. Whoever reads meanwhile sees nothing of it.
* **One owner a name.** Taking an owner's name fences the one before: its next append raises
  `Fenced` and leaves nothing. That is what makes a process that was only asleep harmless.
* **A record that cannot be read back as it was written raises `LogDamaged`.** It is never skipped.
* **Append time does not go back** within a partition, whatever the clock does.
"""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from schemas.tuples import maker

Headers = tuple[tuple[str, bytes], ...]
"""Names and values in order; a name may stand twice."""


class Record(NamedTuple):
    """A record as it stands in the log; `value` None is a tombstone."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    appended_at_us: int


class Outgoing(NamedTuple):
    """A record on its way into the log."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


outgoing_of: Final = maker(Outgoing)
"""A record of the values of all its fields."""


class Pruned(NamedTuple):
    """What was deleted for good: so many `records`, all of them `below` an offset."""

    below: int = 0
    records: int = 0


class Owner(Protocol):
    """The right to append under a name, until somebody else takes it."""

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append all records or none, durable on return; their offsets in order.

        Raises:
            Fenced: somebody took the name; nothing was appended.
        """

    def close(self) -> None:
        """Let go of connections; the name stays taken. A second call does nothing."""


class Log(Protocol):
    """Topics of `partitions` partitions each, appended to and read by position."""

    @property
    def partitions(self) -> int:
        """How many partitions every topic has; fixed when the log was created."""

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append all records or none, durable on return; their offsets in order."""

    def owner(self, name: str) -> Owner:
        """Take the name; whoever held it before is fenced."""

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """At most `limit` records from the first offset >= `offset` on; [] at the end."""

    def start(self, topic: str, partition: int) -> int:
        """The first offset that was not pruned."""

    def pruned(self, topic: str, partition: int) -> Pruned:
        """What was pruned; from `below` on everything is there, and before it something may be."""

    def end(self, topic: str, partition: int) -> int:
        """The offset the next record will get."""

    def close(self) -> None:
        """Let go of files and connections; a second call does nothing."""

    def __enter__(self) -> Self:
        """The log itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""


def left(log: Log, topic: str, partition: int, position: int) -> int:
    """How much is left to read from `position` on: 0 exactly where there is nothing.

    Otherwise an upper bound, as offsets are positions and not counts.
    """
    distance = log.end(topic, partition) - position
    if distance <= 0 or not log.read(topic, partition, position, 1):
        return 0
    return distance


def records_in(log: Log, topic: str, partition: int, at_once: int) -> Iterator[Record]:
    """Every record that a partition holds now, read piece by piece."""
    start, end = log.start(topic, partition), log.end(topic, partition)
    return records_between(log, topic, partition, start, end, at_once)


def records_between(
    log: Log, topic: str, partition: int, offset: int, end: int, at_once: int
) -> Iterator[Record]:
    """The records from an offset on and below an end, read piece by piece."""
    while offset < end:
        records = log.read(topic, partition, offset, at_once)
        for record in records:
            if record.offset >= end:
                return
            yield record
        if not records:
            return
        offset = records[-1].offset + 1
