"""A log that fails at a chosen moment, and what must be the same whatever failed."""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from schemas.log import Log, Outgoing, Owner, Pruned, Record
from schemas.topics import DEAD_LETTERS, EVENT_DUPLICATES, PATTERN_CONTRIBUTIONS, PATTERNS
from tests.streams.worlds import records


class Broken(Exception):
    """The moment has come."""


class Faulty:
    """Another log, each of whose operations may fail: a read, an append before or after it.

    `moment` is how many operations succeed before one fails; after that all succeed. `passed`
    counts them, also where none fails.
    """

    def __init__(self, inner: Log, moment: int | None = None) -> None:
        self.inner = inner
        self.moment = moment
        self.passed = 0

    def reach(self) -> None:
        """Fail if this is the moment."""
        self.passed += 1
        if self.moment is not None and self.passed == self.moment + 1:
            raise Broken(self.passed)

    @property
    def partitions(self) -> int:
        return self.inner.partitions

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        return self.around(lambda: self.inner.append(records))

    def around(self, append: Callable[[], list[int]]) -> list[int]:
        """An append that may fail before anything is written, or when all is."""
        self.reach()
        offsets = append()
        self.reach()
        return offsets

    def owner(self, name: str) -> Owner:
        return _FaultyOwner(self, self.inner.owner(name))

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        self.reach()
        return self.inner.read(topic, partition, offset, limit)

    def start(self, topic: str, partition: int) -> int:
        return self.inner.start(topic, partition)

    def pruned(self, topic: str, partition: int) -> Pruned:
        return self.inner.pruned(topic, partition)

    def end(self, topic: str, partition: int) -> int:
        return self.inner.end(topic, partition)

    def close(self) -> None:
        self.inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _FaultyOwner:
    def __init__(self, log: Faulty, inner: Owner) -> None:
        self._log = log
        self._inner = inner

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        return self._log.around(lambda: self._inner.append(records))

    def close(self) -> None:
        self._inner.close()


def outcome(log: Log) -> dict[tuple[str, bytes], bytes]:
    """All that readers of the derived topics see, whatever happened on the way."""
    return {
        (topic.name, record.key or b""): record.value
        for topic in (PATTERN_CONTRIBUTIONS, PATTERNS, EVENT_DUPLICATES, DEAD_LETTERS)
        for record in records(log, topic)
        if record.value is not None
    }
