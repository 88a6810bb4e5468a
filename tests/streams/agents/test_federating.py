"""What is held is compared with the log until it is whole, whatever the stream passed over."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.logs.memory import MemoryLog
from schemas.topics import PATTERN_CONTRIBUTIONS
from streams.agents import federating
from streams.agents.cluster import Cluster
from streams.agents.federating import STILL_S, Audit, Federation
from streams.agents.held import HeldPartition
from streams.contribution import encode, outgoing

OWNER = "site/log/agent-events/0"


def log_of(*patterns: str) -> MemoryLog:
    log = MemoryLog(1)
    add(log, *patterns)
    return log


def add(log: MemoryLog, *patterns: str, offset: int = 1) -> None:
    for name in patterns:
        identity, value = encode(("tool", name), OWNER, (1, 0), offset, b'{"n":1}')
        log.append([outgoing(identity, OWNER, value, "site", 1)])


def hold(log: MemoryLog, held: HeldPartition, start: int, end: int) -> None:
    for record in log.read(PATTERN_CONTRIBUTIONS.name, 0, start, end - start):
        held.take(record.value or b"", record.headers)


@pytest.mark.parametrize("away_s", [20, 150, 3_600])
def test_whoever_was_asleep_or_without_a_broker_writes_rows_within_seconds(away_s: float) -> None:
    """The time is in what writing took; nine times as long nobody may wait."""
    assert federating.rest_s(away_s) <= 10


def test_what_was_held_is_not_read_again() -> None:
    log, held = log_of("a", "b", "c"), HeldPartition(lambda _: None)
    hold(log, held, 0, 3)
    audit = Audit(log, 0)

    assert audit.passed_over(held, 3) is None
    assert (audit.held_below, audit.is_behind) == (3, False)


def test_a_contribution_behind_which_the_stream_went_on_was_passed_over() -> None:
    log, held = log_of("a", "b", "c"), HeldPartition(lambda _: None)
    hold(log, held, 0, 1)
    hold(log, held, 2, 3)

    assert Audit(log, 0).passed_over(held, 3) == 1


def test_a_contribution_that_is_on_its_way_was_not_passed_over() -> None:
    log, held = log_of("a", "b", "c", "d"), HeldPartition(lambda _: None)
    hold(log, held, 0, 1)
    audit = Audit(log, 0)

    assert audit.passed_over(held, 1) is None
    assert audit.is_behind
    hold(log, held, 1, 2)
    assert audit.passed_over(held, 2) is None
    hold(log, held, 2, 4)
    assert audit.passed_over(held, 4) is None
    assert not audit.is_behind


def test_a_stream_that_stands_still_before_a_contribution_is_told_to_read_it() -> None:
    log, held = log_of("a", "b", "c"), HeldPartition(lambda _: None)
    now = [0.0]
    audit = Audit(log, 0, clock=lambda: now[0])

    assert audit.passed_over(held, 0) is None
    now[0] += STILL_S / 2
    assert audit.passed_over(held, 0) is None, "other partitions may be before it"
    hold(log, held, 0, 1)
    assert audit.passed_over(held, 1) is None
    now[0] += STILL_S / 2
    assert audit.passed_over(held, 1) is None, "it has moved since"
    now[0] += STILL_S / 2
    assert audit.passed_over(held, 1) == 1


def test_what_came_since_is_compared_too() -> None:
    log, held = log_of("a"), HeldPartition(lambda _: None)
    hold(log, held, 0, 1)
    audit = Audit(log, 0)
    assert audit.passed_over(held, 1) is None

    add(log, "a", offset=2)

    assert audit.passed_over(held, 2) == 1


class Disk(dict[bytes, bytes]):
    """What of a table's partition is on disk; a store of it that failed once fails for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.full = self.broken = False

    def close(self) -> None:
        assert self.broken, "it is closed where it failed"


class Table:
    """A Faust table of one partition, as far as the federator uses one."""

    offset_key = b"offset"

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._dbs: dict[int, Disk] = {}

    @property
    def data(self) -> "Table":
        return self

    def _db_for_partition(self, partition: int) -> Disk:
        if partition not in self._dbs:
            self.disk.broken = False
            self._dbs[partition] = self.disk
        return self._dbs[partition]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        store = self._db_for_partition(0)
        if store.full or store.broken:
            store.broken = True
            raise Exception("IO error: No space left on device")  # noqa: TRY002  # as RocksDB does
        store[key] = value


class Stream:
    """Hands over what stands in a log."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def events(self) -> Any:
        for record in self._log.read(PATTERN_CONTRIBUTIONS.name, 0, 0, 100):
            yield SimpleNamespace(message=record._replace(headers=tuple(record.headers)))


def test_a_full_disk_is_said_aloud_and_nothing_is_remembered_that_was_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row of what is remembered but not in the table would be wrong, and taken for the newest."""
    monkeypatch.setattr(federating, "STORE_S", 0.001)
    disk = Disk()
    app: Any = SimpleNamespace(topic=lambda *_, **__: None, Table=lambda *_, **__: Table(disk))
    federation = Federation(app, Cluster(lambda: None, {}, "", ""), 1)  # type: ignore[arg-type,return-value]  # unused
    federation.assigned = frozenset({0})
    disk.full = True

    async def federate() -> tuple[str, int]:
        running = asyncio.ensure_future(federation.federate(Stream(log_of("a", "b"))))
        async with asyncio.timeout(10):
            while not federation.trouble:
                await asyncio.wait([running], timeout=0.001)
            said, known = federation.trouble[0], len(federation.of(0))
            disk.full = False
            await running
        return said, known

    said, known = asyncio.run(federate())

    assert "No space left" in said
    assert known == 0
    assert not federation.trouble
    assert (len(disk), len(federation.of(0)), federation.positions) == (2, 2, {0: 2})
