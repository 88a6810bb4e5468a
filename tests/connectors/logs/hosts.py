"""The logs that keep the contract, and the traits in which they differ.

A further log joins by one more entry in `HOSTS`: every claim of the suite is tried on every host,
and only what a claim expects is derived from the traits.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from zlib import crc32

import pytest

from connectors.logs import MemoryLog, SqliteLog, kafka_topics
from connectors.logs.kafka import KafkaLog
from connectors.logs.kafka_settings import KafkaSettings
from schemas.clock import Clock
from schemas.log import Log, Outgoing, Record, left
from schemas.topics import AGENT_EVENTS, PATTERNS

RETAINED: Final = AGENT_EVENTS.name
COMPACTED: Final = PATTERNS.name
PARTITIONS: Final = 3


class Make(Protocol):
    """Makes a log; `folder` is its own."""

    def __call__(self, folder: Path, clock: Clock) -> Log: ...


@dataclass(frozen=True)
class Host:
    """A log and its traits.

    On a `dense` one every offset is a record; on others markers take some. One that is compacted
    `at_once` shows of a compacted topic the last record per key only; others when somebody calls
    `compact`, or when they like. One with a `handed_clock` dates by the clock it was made with.
    `reopen` opens what outlasts the object, `forget` deletes it, and `examples` bounds what
    hypothesis tries.
    """

    make: Make
    dense: bool = True
    at_once: bool = True
    handed_clock: bool = True
    compact: Callable[[Log], None] | None = None
    reopen: Callable[[Path], Log] | None = None
    forget: Callable[[Path], None] | None = None
    examples: int | None = None

    def check_offsets(self, found: Sequence[int], dense: Sequence[int]) -> None:
        """Offsets of records of one stream, in the order they were appended."""
        if self.dense:
            assert list(found) == list(dense)
        else:
            assert sorted(set(found)) == list(found), "offsets ascend"
            assert len(found) == len(dense)

    def check_end(self, log: Log, topic: str, records: int, *, partition: int = 0) -> None:
        """The end of a stream in which so many records were numbered."""
        read = log.read(topic, partition, 0, 1_000_000)
        behind = read[-1].offset + 1 if read else 0
        end = log.end(topic, partition)
        assert end == records if self.dense else end >= max(records, behind)
        assert left(log, topic, partition, behind) == 0, "nothing is left behind the last record"

    def check_compacted(self, log: Log, stream: Sequence[Record]) -> None:
        """What is read of a compacted stream to which all these were appended."""
        topic, partition, whole = stream[0].topic, stream[0].partition, undated(stream)
        last = {record.key: record.offset for record in whole}
        latest = [record for record in whole if last[record.key] == record.offset]

        def read() -> list[Record]:
            return undated(log.read(topic, partition, 0, 1_000_000))

        if self.at_once:
            assert read() == latest
            return
        for superseded_may_be_there in (True, False):
            found = read()
            known = whole if superseded_may_be_there else latest
            assert found == [record for record in known if record in found]
            assert [one for one in latest if one not in found and one.value is not None] == []
            if self.compact is None:
                return
            self.compact(log)


def out(value: bytes | None, key: bytes | None = b"k", topic: str = RETAINED) -> Outgoing:
    """A record for partition 0."""
    return Outgoing(topic, 0, key, value)


def values(log: Log, topic: str = RETAINED, partition: int = 0) -> list[bytes | None]:
    return [record.value for record in log.read(topic, partition, 0, 1_000_000)]


def undated(records: Sequence[Record]) -> list[Record]:
    """The records without their append times."""
    return [record._replace(appended_at_us=0) for record in records]


def appended(log: Log, records: Sequence[Outgoing]) -> list[Record]:
    """Append; the records as they stand in the log now, undated."""
    offsets = log.append(iter(records))
    return [
        Record(one.topic, one.partition, offset, *one[2:], 0)
        for one, offset in zip(records, offsets, strict=True)
    ]


def _memory(folder: Path, clock: Clock) -> Log:
    return MemoryLog(PARTITIONS, clock=clock)


def _lazy(folder: Path, clock: Clock) -> Log:
    return MemoryLog(PARTITIONS, clock=clock, lazy=True)


def _compact(log: Log) -> None:
    assert isinstance(log, MemoryLog)
    log.compact()


def _sqlite(folder: Path, clock: Clock) -> Log:
    return SqliteLog.create(folder, partitions=PARTITIONS, clock=clock)


def _kafka_settings(folder: Path) -> KafkaSettings:
    """Of a log of its own on the broker of this run, named by the folder it does not need."""
    prefix = f"c{crc32(str(folder).encode()):08x}."
    return KafkaSettings(os.environ[KAFKA_VARIABLE], prefix=prefix)


def _kafka(folder: Path, clock: Clock) -> Log:
    settings = _kafka_settings(folder)
    kafka_topics.create(settings, partitions=PARTITIONS)
    return KafkaLog.open(settings)


def _kafka_again(folder: Path) -> Log:
    return KafkaLog.open(_kafka_settings(folder))


def _kafka_forget(folder: Path) -> None:
    kafka_topics.delete(_kafka_settings(folder))


KAFKA_VARIABLE: Final = "MOTIF_TEST_CONTRACT_KAFKA"
"""Where the broker is, for hosts, which are made without asking for a fixture."""

HOSTS: Final[dict[str, Host]] = {
    "memory": Host(_memory),
    "lazy": Host(_lazy, dense=False, at_once=False, compact=_compact),
    "sqlite": Host(_sqlite, reopen=SqliteLog.open),
    "kafka": Host(
        _kafka,
        dense=False,
        at_once=False,
        handed_clock=False,
        reopen=_kafka_again,
        forget=_kafka_forget,
        examples=3,
    ),
}

PARAMS: Final = {
    name: pytest.param(name, marks=pytest.mark.needs_kafka if name == "kafka" else ())
    for name in HOSTS
}
"""The hosts as parameters of a test."""
