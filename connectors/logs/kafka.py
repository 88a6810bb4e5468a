"""A log on Kafka: its topics are Kafka's topics, its offsets Kafka's, its owners transactional ids.

Three things are Kafka's way and not ours. The marker behind a transaction takes an offset, so there
are gaps. Append time is the broker's clock, in milliseconds. Compaction happens in the background.
"""

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from threading import RLock
from typing import Final, Self

from aiokafka.client import AIOKafkaClient

from connectors.logs import kafka_topics
from connectors.logs.checks import checked_place, checked_range
from connectors.logs.kafka_entering import let_in
from connectors.logs.kafka_loop import EventLoop
from connectors.logs.kafka_reading import UNCOMMITTED, Reader, partitions_of
from connectors.logs.kafka_records import Place, pieces_of
from connectors.logs.kafka_settings import KafkaSettings, check_installed
from connectors.logs.kafka_writing import BATCH_BYTES, Writer
from schemas.clock import new_id
from schemas.closing import Closing
from schemas.errors import LogUnavailable
from schemas.log import Outgoing, Owner, Pruned, Record
from schemas.topics import PATTERN_CONTRIBUTIONS, TOPICS

# What the library has to say is raised, where it matters, as an error of ours.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())

DERIVED: Final = tuple(topic.name for topic in TOPICS if not topic.input)
"""What owners write, and read again when they start."""


class KafkaLog(Closing):
    """The log of one cluster and prefix; made by `open`, not by calling the class.

    Any number of processes may have it open. It is for any number of threads.
    """

    def __init__(self, settings: KafkaSettings, loop: EventLoop, client: AIOKafkaClient) -> None:
        """Take over a connected client."""
        self.settings: Final = settings
        self._loop = loop
        self._client = client
        self._lock = RLock()
        self._plain: Writer | None = None
        self._whole: Writer | None = None
        self._writers: list[Writer] = []
        names = [topic.name for topic in TOPICS]
        self._partitions: Final = partitions_of(client, settings.prefix, names, settings.bootstrap)
        self._reader: Final = Reader(loop, client, settings.prefix, settings.bootstrap)

    @classmethod
    def open(cls, settings: KafkaSettings) -> Self:
        """Connect to the cluster and find the topics.

        Raises:
            LogUnavailable: the cluster does not answer, or a topic is missing.
            LogIncompatible: topics have different numbers of partitions.
        """
        check_installed()
        options = settings.client_options()
        loop = EventLoop("kafka", settings.bootstrap)
        try:
            return cls(settings, loop, loop.run(_connected(options, settings)))
        except BaseException:
            loop.stop()  # and with it whatever was opened until then
            raise

    @property
    def partitions(self) -> int:
        """How many partitions every topic has."""
        return self._partitions

    @property
    def replication(self) -> int:
        """How many brokers hold each partition."""
        name = self.settings.prefix + PATTERN_CONTRIBUTIONS.name
        partitions = self._client.cluster._partitions[name]  # noqa: SLF001  # it has no other way
        return min(len(one.replicas) for one in partitions.values())

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append all records or none, durable on return; their offsets in order.

        What fits into one batch for one partition is whole by itself, all else is a transaction.
        """
        drawn = iter(records)
        first = next(pieces_of(drawn, self._partitions), [])
        if not first:
            self._loop.check_running()
            return []
        rest = list(islice(drawn, 1))
        simple = not rest and len({record[:2] for record in first}) <= 1
        size = sum(len(one.value or b"") + len(one.key or b"") + 64 for one in first)
        headers = sum(
            len(name) + len(content) + 8 for one in first for name, content in one.headers
        )
        writer = self._writer(whole=not (simple and size + headers < BATCH_BYTES // 2))
        return self._shown(*writer.append(chain(first, rest, drawn), self._partitions))

    def owner(self, name: str) -> Owner:
        """Take the name; whoever held it before is fenced, and what they left open is ended."""
        writer = self._started(name)
        # What the one before committed may still be hidden behind the transactions of others.
        places = [(topic, number) for topic in DERIVED for number in range(self._partitions)]
        self._reader.must_show(self._reader.ends(places, UNCOMMITTED))
        return _KafkaOwner(self, writer)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """At most `limit` committed records from the first offset >= `offset` on, ascending."""
        checked_place(topic, partition, self._partitions)
        checked_range(offset, limit)
        return self._reader.read((topic, partition), offset, limit)

    def read_each(self, positions: Mapping[Place, int], limit: int) -> dict[Place, list[Record]]:
        """At most `limit` records of each partition, from its position on, in one question.

        A partition of which nothing came has nothing; one that is left out must be read alone.
        """
        return self._reader.read_each(positions, limit)

    def start(self, topic: str, partition: int) -> int:
        """The first offset that is still there."""
        checked_place(topic, partition, self._partitions)
        return self._reader.start((topic, partition))

    def pruned(self, topic: str, partition: int) -> Pruned:
        """What was pruned: always all below an offset, of which markers count as well."""
        start = self.start(topic, partition)
        return Pruned(start, start)

    def prune_before(self, topic: str, partition: int, before: int) -> None:
        """Have the cluster delete all records below an offset, for good.

        Raises:
            LogUnavailable: the cluster does not answer or refuses.
        """
        checked_place(topic, partition, self._partitions)
        kafka_topics.prune(self.settings, topic, partition, before)

    def end(self, topic: str, partition: int) -> int:
        """The offset behind the last committed record and its marker."""
        checked_place(topic, partition, self._partitions)
        return self._reader.end((topic, partition))

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """The ends of many partitions in one question."""
        return self._reader.ends(places)

    def wait(self, positions: Mapping[Place, int], limit_s: float) -> set[Place]:
        """The partitions that have something at or behind the positions; none when time is up."""
        return self._reader.wait(positions, limit_s)

    def close(self) -> None:
        """Let go of connections; a second call does nothing."""
        with self._lock:
            writers, self._writers = self._writers, []
        for writer in writers:
            writer.close()
        client, self._client = self._client, None
        if client is not None:
            with suppress(LogUnavailable):
                self._loop.run(client.close(), 5.0)
        self._loop.stop()

    def _writer(self, *, whole: bool) -> Writer:
        with self._lock:
            writer = self._whole if whole else self._plain
            if writer is None or writer.lost:
                writer = self._started(f"publisher/{new_id()}" if whole else None)
                if whole:
                    self._whole = writer
                else:
                    self._plain = writer
            return writer

    def _started(self, name: str | None) -> Writer:
        writer = Writer(self._loop, self.settings, name)
        writer.start()
        with self._lock:
            self._writers = [one for one in self._writers if not one.lost] + [writer]
        return writer

    def _shown(self, offsets: list[int], places: list[Place]) -> list[int]:
        """The offsets; whoever reads with this log from now on sees what stands there."""
        self._reader.must_show(
            {place: offset + 1 for place, offset in zip(places, offsets, strict=True)}
        )
        return offsets


@dataclass(frozen=True, slots=True)
class _KafkaOwner:
    """The right to append under a name."""

    log: KafkaLog
    writer: Writer

    def append(self, records: Iterable[Outgoing]) -> list[int]:
        """Append all records or none in one transaction, unless somebody took the name."""
        return self.log._shown(  # noqa: SLF001  # one class in two parts
            *self.writer.append(records, self.log.partitions)
        )

    def close(self) -> None:
        """Let go of the connections; a second call does nothing."""
        self.writer.close()


async def _connected(options: dict[str, object], settings: KafkaSettings) -> AIOKafkaClient:
    client = AIOKafkaClient(**options, client_id="motif", request_timeout_ms=20_000)
    await let_in(client.bootstrap(), settings)
    await client.set_topics([settings.prefix + topic.name for topic in TOPICS])
    return client
