"""The federator as a Faust agent: contributions into a Faust table, from it the rows of patterns.

Whatever it reads is true (a tally with its version is the same for ever), so reading late, twice or
what a transaction took back does no harm, and Faust's at-least-once is enough. Two things Faust
does not promise are looked after here. What is held is compared with the log again and again, and
read again from the log where a contribution was passed over: the table was lost, or the stream went
on behind it. And the rows on the topic are compared with what they should be, so a row that
somebody wrote who was asleep, or one that was not written, stands corrected within a minute.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from threading import get_native_id
from typing import Any, Final

import faust
from faust.types import TP
from mode import Service

from schemas.clock import monotonic_s
from schemas.errors import LogError, LogUnavailable
from schemas.failpoint import reach
from schemas.log import Log, Outgoing
from schemas.topics import PATTERN_CONTRIBUTIONS, PATTERNS
from streams.agents.cluster import Cluster, WaitingLog
from streams.agents.held import Headers, HeldPartition

FLUSH_S: Final = 0.5
"""How often rows are written at most."""

SHARE: Final = 9.0
"""Rows are written again after at least this many times what writing them took."""

REST_MAX_S: Final = 10.0
"""But at most this long: writing takes long where the broker is away, or the process sleeps."""

SLICE: Final = 100
"""Rows made between two looks at other work, and written at once."""

BUFFERED: Final = 10_000
"""Changes of the table on their way; Faust's 100 have every few events wait for the broker."""

AUDIT_S: Final = 20.0
"""How often the rows on the topic are compared with what they should be."""

BEHIND_S: Final = 2.0
"""The same while contributions that stand in the log are not held yet."""

NICE: Final = 10
"""The niceness of the thread that federates: raw rows and totals do not wait for it."""

AGAIN_S: Final = 1.0
"""Between two tries to reach the log when a worker starts."""

STILL_S: Final = 10.0
"""After how long a stream that hands nothing over while something is there is told to read it."""

STORE_S: Final = 1.0
"""How long to wait before the table's store is tried again that could not be written."""

_LOGGER: Final = logging.getLogger(__name__)


class Audit:
    """Compares what a worker holds of a partition with what stands in the log."""

    def __init__(self, log: Log, partition: int, clock: Callable[[], float] = monotonic_s) -> None:
        """Start from the beginning of the partition."""
        self._log = log
        self._partition = partition
        self._clock = clock
        self._row_position = 0
        self._lacking: int | None = None
        self._handed = -1
        self._moved_s = 0.0
        self.held_below = 0

    @property
    def is_behind(self) -> bool:
        """Whether contributions that stood in the log the last time were not held."""
        return self._lacking is not None

    def passed_over(self, held: HeldPartition, handed: int) -> int | None:
        """The offset to read again from, where a contribution will not come by itself.

        `handed` is the offset below which the stream has handed everything over. A contribution
        that is not held was passed over if it lies below that, or if the stream stands still: it
        reads partitions in turn, so one that is behind may wait for others for a while.
        """
        now_s = self._clock()
        if handed != self._handed:
            self._handed, self._moved_s = handed, now_s
        before, self._lacking = self._lacking, None
        for record in _records(
            self._log, PATTERN_CONTRIBUTIONS.name, self._partition, self.held_below
        ):
            if record.value is not None and held.lacks(record.value):
                self._lacking = record.offset
                break
            self.held_below = record.offset + 1
        if self._lacking is None:
            return None
        stands_still = self._lacking == before and now_s - self._moved_s >= STILL_S
        return self._lacking if handed > self._lacking or stands_still else None

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
        self.assigned: frozenset[int] = frozenset()
        self.trouble: dict[int, str] = {}
        self.written = 0
        self.joined = False
        self.log: WaitingLog | None = None
        self.ending = False

    async def end(self, limit_s: float) -> None:
        """Take no more, and have the table's changes sent: Faust closes the table before it sends.

        What comes now is neither kept nor acknowledged, so it comes again.
        """
        self.ending = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self.app.producer.flush(), limit_s)

    async def open(
        self, sleep: Callable[[float], Awaitable[None]], is_over: Callable[[], bool]
    ) -> None:
        """Open the log; where that cannot be now it is tried again until it is over."""

        def opened() -> WaitingLog | None:
            log = self.cluster.connect()
            if is_over():  # Nobody waits for it any more, nor would close it.
                log.close()
                return None
            return log

        while self.log is None and not is_over():
            try:
                self.log = await asyncio.get_running_loop().run_in_executor(None, opened)
            except LogError as error:
                _LOGGER.warning("the federator cannot reach the log, and tries again: %s", error)
                await sleep(AGAIN_S)

    def of(self, partition: int) -> HeldPartition:
        """What is held of a partition, read from the table when it is first asked for.

        Raises:
            LogUnavailable: its store on this machine's disk cannot be opened or read.
        """
        held = self.held.get(partition)
        if held is None:
            store: Any = self.table.data
            with self._stored(partition):
                db = store._db_for_partition(partition)  # noqa: SLF001  # Faust reads by key alone
                held = HeldPartition(db.get)
                for key, packed in list(db.items()):
                    if key != store.offset_key:
                        held.restore(packed)
            self.held[partition] = held
        return held

    async def take(self, _: Any, assigned: set[TP], **__: Any) -> None:
        """Have these partitions from now on, each to be compared with the log."""
        topic = self.contributions.get_topic_name()
        self.assigned = frozenset(one.partition for one in assigned if one.topic == topic)
        self._forget()

    async def restored(self, *_: Any, **__: Any) -> None:
        """Read the table anew: Faust has just filled it. From now on the federator runs."""
        self.joined = True
        self._forget()

    async def let_go(self, _: Any, __: set[TP], **___: Any) -> None:
        """Hold nothing of what may be somebody else's next; the table has it."""
        self.assigned = frozenset()
        self._forget()

    def _forget(self) -> None:
        for known in (self.held, self.audits, self.positions, self.ends, self.trouble):
            known.clear()

    async def federate(self, stream: Any) -> None:
        """Keep of every contributor the greatest version; the rows are written by `write`."""
        async for event in stream.events():
            if self.ending:
                await asyncio.Event().wait()  # which is never set: Faust cancels this
            message = event.message
            if message.value is not None:
                headers = message.headers or ()
                pairs = headers.items() if isinstance(headers, dict) else headers
                await self._keep(message.partition, message.value, tuple(pairs))
            if message.partition in self.assigned:  # else it is somebody else's, who reads it too
                self.positions[message.partition] = message.offset + 1

    async def _keep(self, partition: int, value: bytes, headers: Headers) -> None:
        """Put a contribution into the table if it is newer; wait where that cannot be written."""
        while partition in self.assigned:
            try:
                held = self.of(partition)
                with self._stored(partition):
                    put = held.take(value, headers)
                    if put is not None:
                        reach("federator.before_table")
                        self.table[put[0]] = put[1]
                        reach("federator.after_table")
            except LogError as error:
                if partition not in self.trouble:
                    _LOGGER.warning("%s", error)
                self.trouble[partition] = str(error)
                await asyncio.sleep(STORE_S)
            else:
                self.trouble.pop(partition, None)
                return

    @contextmanager
    def _stored(self, partition: int) -> Iterator[None]:
        """Have the store opened again after it failed, and what was not written forgotten.

        A store that could not write once, as the disk was full, refuses for ever. And what is
        remembered and does not stand in the table would come into rows as something else.
        """
        try:
            yield
        except Exception as error:
            if type(error) is not Exception:
                raise  # the store's own errors have no type of their own
            self.held.pop(partition, None)
            self.audits.pop(partition, None)
            store: Any = self.table.data
            db = store._dbs.pop(partition, None)  # noqa: SLF001  # Faust opens what is missing there
            if db is not None:
                with suppress(Exception):  # it cannot be flushed either
                    db.close()
            raise LogUnavailable(
                f"the federator's table of partition {partition} cannot be kept on this machine's "
                f"disk: {error}"
            ) from error

    async def write(self, log: WaitingLog) -> None:
        """Write the rows that are due now, a slice at a time.

        They go through the log and not through Faust, which sends each as a message of its own.
        """
        loop = asyncio.get_running_loop()
        for partition, held in list(self.held.items()):
            due, held.due = held.due, {}
            waiting = list(due)
            while waiting and self.held.get(partition) is held:
                names, waiting = waiting[:SLICE], waiting[SLICE:]
                rows = [
                    Outgoing(PATTERNS.name, partition, name.encode(), held.row(name))
                    for name in names
                ]
                try:
                    reach("federator.before_rows")
                    await loop.run_in_executor(None, log.append, rows)
                    reach("federator.after_rows")
                except LogError:
                    held.due = dict.fromkeys(names + waiting) | held.due
                    raise
                self.written += len(rows)


class FederatorService(Service):
    """Writes rows when they are due, and looks after what Faust does not promise."""

    federation: Federation

    async def on_start(self) -> None:
        """Let Faust send changes in larger lots, and let everybody else go first."""
        self.federation.app.producer.buffer.max_messages = BUFFERED
        if sys.platform == "linux":  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, get_native_id(), NICE)

    async def on_shutdown(self) -> None:
        """Close the log, now that nothing reads it any more."""
        if self.federation.log is not None:
            await asyncio.get_running_loop().run_in_executor(None, self.federation.log.close)

    @Service.task
    async def _open_log(self) -> None:
        """Open the log, again and again where the broker is away at that very moment."""
        await self.federation.open(self.sleep, lambda: self.should_stop)

    @Service.task
    async def _write_rows(self) -> None:
        while not self.should_stop:
            began_s = monotonic_s()
            log = self.federation.log
            if log is not None and not self.federation.app.rebalancing:
                try:
                    await self.federation.write(log)
                except LogError as error:
                    _LOGGER.info("rows cannot be written now: %s", error)
            await self.sleep(rest_s(monotonic_s() - began_s))

    @Service.task
    async def _look_after(self) -> None:
        while not self.should_stop:
            audits = self.federation.audits
            compared = audits.keys() >= self.federation.assigned
            behind = any(audit.is_behind for audit in audits.values())
            await self.sleep(AUDIT_S if compared and not behind else BEHIND_S)
            log = self.federation.log
            if log is None or self.federation.app.rebalancing:
                continue
            try:
                for partition in sorted(self.federation.assigned):
                    await self._audit(log, partition)
            except LogError as error:
                _LOGGER.info("rows cannot be compared with the log: %s", error)

    async def _audit(self, log: WaitingLog, partition: int) -> None:
        federation, loop = self.federation, asyncio.get_running_loop()
        if partition not in federation.assigned:
            return  # it was taken away meanwhile
        audit = federation.audits.setdefault(partition, Audit(log, partition))
        held = federation.of(partition)
        handed = federation.positions.get(partition, 0)
        passed_over = await loop.run_in_executor(None, audit.passed_over, held, handed)
        end = await loop.run_in_executor(None, audit.end)
        rows = await loop.run_in_executor(None, audit.new_rows)
        if federation.held.get(partition) is not held:
            return  # as above
        federation.ends[partition] = end
        if passed_over is not None:
            await self._read_again(partition, passed_over)
        elif not audit.is_behind:
            federation.positions[partition] = max(
                federation.positions.get(partition, 0), audit.held_below
            )
        for identity, row in rows:
            held.saw_row(identity, row)
        held.due |= dict.fromkeys(list(held.stale()))

    async def _read_again(self, partition: int, offset: int) -> None:
        """Have Faust read from the first contribution on that is not held."""
        _LOGGER.warning(
            "partition %d lacks contributions that stand in the log; they are read again from "
            "offset %d on",
            partition,
            offset,
        )
        self.federation.positions[partition] = offset
        topic = self.federation.contributions.get_topic_name()
        await self.federation.app.consumer.seek(TP(topic, partition), offset)


def rest_s(took_s: float) -> float:
    """How long to rest when rows were written, so that it is a small share of what is done.

    >>> rest_s(0.01), rest_s(0.5), rest_s(150)
    (0.5, 4.5, 10.0)
    """
    return min(max(FLUSH_S, SHARE * took_s), REST_MAX_S)


def _records(log: Log, topic: str, partition: int, start: int) -> Any:
    offset = start
    while records := log.read(topic, partition, offset, 4_096):
        yield from records
        offset = records[-1].offset + 1
