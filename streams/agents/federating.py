"""The federator as a Faust agent: contributions into a Faust table, from it the rows of patterns.

Whatever it reads is true (a tally with its version is the same for ever), so reading late, twice or
what a transaction took back does no harm, and Faust's at-least-once is enough. Two things Faust
does not promise are looked after here. The table is compared with the log when a partition is
given to this worker, and read again from the log where contributions are missing from it. And the
rows on the topic are compared with what they should be again and again, so a row that somebody
wrote who was asleep, or one that was not written, stands corrected within a minute.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import faust
from faust.types import TP
from mode import Service

from schemas.clock import monotonic_s
from schemas.errors import LogError
from schemas.log import Outgoing
from schemas.topics import PATTERN_CONTRIBUTIONS, PATTERNS
from streams.agents.cluster import Cluster, WaitingLog
from streams.agents.held import HeldPartition

FLUSH_S: Final = 0.5
"""How often rows are written at most."""

SHARE: Final = 3.0
"""Rows are written again after at least this many times what writing them took."""

SLICE: Final = 100
"""Rows made between two looks at other work, and written at once."""

BUFFERED: Final = 10_000
"""Changes of the table on their way; Faust's 100 have every few events wait for the broker."""

AUDIT_S: Final = 20.0
"""How often the rows on the topic are compared with what they should be."""

_LOGGER: Final = logging.getLogger(__name__)


class Audit:
    """Compares what a worker holds of a partition with what stands in the log."""

    def __init__(self, log: WaitingLog, partition: int) -> None:
        """Start from the beginning of the partition."""
        self._log = log
        self._partition = partition
        self._row_position = 0
        self.compared = False

    def missing(self, held: HeldPartition) -> int | None:
        """The offset of the first contribution in the log that is not held."""
        for record in _records(self._log, PATTERN_CONTRIBUTIONS.name, self._partition, 0):
            if record.value is not None and held.lacks(record.value):
                return int(record.offset)
        return None

    def end(self) -> int:
        """The end of the contributions."""
        return self._log.end(PATTERN_CONTRIBUTIONS.name, self._partition)

    def new_rows(self) -> list[tuple[str, bytes | None]]:
        """The rows that came since the last time."""
        rows: dict[str, bytes | None] = {}
        for record in _records(self._log, PATTERNS.name, self._partition, self._row_position):
            rows[(record.key or b"").decode("utf-8", "replace")] = record.value
            self._row_position = record.offset + 1
        return list(rows.items())


class Federation:
    """The table, what is held of each partition, and the rows that are due."""

    def __init__(self, app: faust.App, cluster: Cluster, partitions: int) -> None:
        """Declare topics and the table."""
        of_bytes: dict[str, Any] = {"key_type": bytes, "value_type": bytes}
        raw: dict[str, Any] = of_bytes | {"key_serializer": "raw", "value_serializer": "raw"}
        self.app = app
        self.cluster = cluster
        self.contributions = app.topic(cluster.prefix + PATTERN_CONTRIBUTIONS.name, **raw)
        self.table = app.Table("federated", partitions=partitions, **of_bytes)
        self.held: dict[int, HeldPartition] = {}
        self.positions: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.audits: dict[int, Audit] = {}
        self.written = 0

    def of(self, partition: int) -> HeldPartition:
        """What is held of a partition, read from the table when it is first asked for."""
        held = self.held.get(partition)
        if held is None:
            store: Any = self.table.data
            db = store._db_for_partition(partition)  # noqa: SLF001  # Faust reads by key alone
            held = self.held[partition] = HeldPartition(db.get)
            for key, packed in list(db.items()):
                if key != store.offset_key:
                    held.restore(packed)
        return held

    async def take(self, _: Any, assigned: set[TP], **__: Any) -> None:
        """Have these partitions from now on, each to be compared with the log."""
        topic = self.contributions.get_topic_name()
        for partition in sorted(one.partition for one in assigned if one.topic == topic):
            self.positions.setdefault(partition, 0)

    async def let_go(self, _: Any, __: set[TP], **___: Any) -> None:
        """Hold nothing of what may be somebody else's next; the table has it."""
        for known in (self.held, self.audits, self.positions, self.ends):
            known.clear()

    async def federate(self, stream: Any) -> None:
        """Keep of every contributor the greatest version; the rows are written by `write`."""
        async for event in stream.events():
            message = event.message
            partition = message.partition
            if message.value is not None:
                headers = message.headers or ()
                pairs = headers.items() if isinstance(headers, dict) else headers
                put = self.of(partition).take(message.value, pairs)
                if put is not None:
                    self.table[put[0]] = put[1]
            self.positions[partition] = message.offset + 1

    async def write(self, log: WaitingLog) -> None:
        """Write the rows that are due now, a slice at a time.

        They go through the log and not through Faust, which sends each as a message of its own.
        """
        loop = asyncio.get_running_loop()
        for partition, held in list(self.held.items()):
            due, held.due = held.due, {}
            waiting = list(due)
            while waiting:
                names, waiting = waiting[:SLICE], waiting[SLICE:]
                rows = [
                    Outgoing(PATTERNS.name, partition, name.encode(), held.row(name))
                    for name in names
                ]
                try:
                    await loop.run_in_executor(None, log.append, rows)
                except LogError:
                    held.due = dict.fromkeys(names + waiting) | held.due
                    raise
                self.written += len(rows)


class FederatorService(Service):
    """Writes rows when they are due, and looks after what Faust does not promise."""

    federation: Federation
    connect: Callable[[], WaitingLog]

    def __post_init__(self) -> None:
        """Start without a log."""
        self._log: WaitingLog | None = None

    async def on_start(self) -> None:
        """Open the log, and let Faust send changes of the table in larger lots."""
        self.federation.app.producer.buffer.max_messages = BUFFERED
        self._log = await asyncio.get_running_loop().run_in_executor(None, self.connect)

    async def on_stop(self) -> None:
        """Let go of the log."""
        if self._log is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._log.close)

    @Service.task
    async def _write_rows(self) -> None:
        while not self.should_stop:
            began_s = monotonic_s()
            log = self._log
            if log is not None and not self.federation.app.rebalancing:
                try:
                    await self.federation.write(log)
                except LogError as error:
                    _LOGGER.info("rows cannot be written now: %s", error)
            await self.sleep(max(FLUSH_S, SHARE * (monotonic_s() - began_s)))

    @Service.task
    async def _look_after(self) -> None:
        while not self.should_stop:
            await self.sleep(AUDIT_S if self._all_compared() else 1.0)
            log = self._log
            if log is None or self.federation.app.rebalancing:
                continue
            try:
                for partition in list(self.federation.positions):
                    await self._audit(log, partition)
            except LogError as error:
                _LOGGER.info("rows cannot be compared with the log: %s", error)

    def _all_compared(self) -> bool:
        audits = self.federation.audits
        return all(
            partition in audits and audits[partition].compared
            for partition in self.federation.positions
        )

    async def _audit(self, log: WaitingLog, partition: int) -> None:
        federation = self.federation
        audit = federation.audits.setdefault(partition, Audit(log, partition))
        held = federation.of(partition)
        loop = asyncio.get_running_loop()
        if not audit.compared:
            audit.compared = True
            await self._read_again(partition, await loop.run_in_executor(None, audit.missing, held))
        federation.ends[partition] = await loop.run_in_executor(None, audit.end)
        for identity, row in await loop.run_in_executor(None, audit.new_rows):
            held.saw_row(identity, row)
        stale = list(held.stale())
        held.due |= dict.fromkeys(stale)

    async def _read_again(self, partition: int, missing: int | None) -> None:
        """Have Faust read from the first contribution on that is not held."""
        consumer = self.federation.app.consumer
        place = TP(self.federation.contributions.get_topic_name(), partition)
        position = await consumer.position(place)
        if missing is None or position is None or missing >= position:
            # Faust goes on where it was; that is known once it has handed something over.
            federation = self.federation
            federation.positions[partition] = federation.positions[partition] or position or 0
            return
        _LOGGER.warning(
            "the table of partition %d lacks contributions that stand in the log; they are read "
            "again from offset %d on",
            partition,
            missing,
        )
        await consumer.seek(place, missing)


def _records(log: WaitingLog, topic: str, partition: int, start: int) -> Any:
    offset = start
    while records := log.read(topic, partition, offset, 4_096):
        yield from records
        offset = records[-1].offset + 1
