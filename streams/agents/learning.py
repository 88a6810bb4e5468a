"""The learner as a part of a Faust worker that reads Kafka by itself, in batches.

A Faust stream costs about 100 microseconds an event whatever is done with it, ten times what
learning costs: on one machine a stock agent came to 8,600 events a second and a batch consumer to
115,000. And a stream that is batched with `take()` acknowledges events that nobody processed: of
100,000 events 200 were processed and some 85,000 committed when the agent raised. So the learner
is a service of the app with a consumer of its own. Faust starts and stops it, and the consumer
group says which partitions are this worker's; positions stand in the checkpoint and nowhere else.
"""

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from schemas.clock import monotonic_s
from schemas.errors import LogError
from schemas.topics import LEARNED_TOPICS
from streams.agents.assigning import StickyByTopic
from streams.agents.cluster import Cluster, Place, WaitingLog
from streams.agents.pool import LearnerPool, Tended
from streams.identity import identity_of, known_identity

THREADS: Final = 2
"""Partitions learned at once: one computes while the other waits for its commit."""

POLL_S: Final = 0.5
"""How long to wait for news of idle partitions at once."""

SESSION_MS: Final = 10_000
"""A worker that was not heard of for this long loses its partitions."""

IDENTITY_S: Final = 5.0
"""How often to look whether the settings that bear on what is learned were changed."""

COMMIT_S: Final = 5.0
"""How often to tell the group the positions, for Kafka's own tools."""

STOP_S: Final = 1.5
"""How long a batch may take to end when the worker stops; it is learned again otherwise."""

_LOGGER: Final = logging.getLogger(__name__)


class LearnerService(Service):
    """Learns the partitions that the consumer group gives to this worker."""

    cluster: Cluster
    group: str

    def __post_init__(self) -> None:
        """Start with nothing opened."""
        self.pool: LearnerPool | None = None
        self.log_on_kafka: WaitingLog | None = None
        self.trouble: str | None = None
        self.polled_s = monotonic_s()
        self._consumer: Any = None
        self._threads = ThreadPoolExecutor(THREADS + 1, thread_name_prefix="learner")
        self._stepping: dict[asyncio.Future[int], Tended] = {}
        self._waiting: asyncio.Future[set[Place]] | None = None

    async def on_start(self) -> None:
        """Open the log, find out who it is, and join the group."""
        loop = asyncio.get_running_loop()
        self.log_on_kafka = log = await loop.run_in_executor(self._threads, self.cluster.connect)
        identity = await loop.run_in_executor(self._threads, known_identity, log)
        self.pool = LearnerPool(log, identity)
        self._consumer = AIOKafkaConsumer(
            **self.cluster.client_options,
            client_id=self.cluster.name,
            group_id=self.cluster.prefix + self.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 5,
            partition_assignment_strategy=[StickyByTopic],
        )
        topics = [self.cluster.prefix + topic.name for topic in LEARNED_TOPICS]
        await self._consumer.start()
        self._consumer.subscribe(topics, listener=_Listener(self))

    async def on_stop(self) -> None:
        """Let running batches commit, and leave the group."""
        if self.pool is not None:
            self.pool.hurry(self.pool.tended)
        if running := self._running():
            await asyncio.wait(running, timeout=STOP_S)
        if self._consumer is not None:
            try:
                await asyncio.wait_for(self._consumer.stop(), STOP_S / 2)
            except (TimeoutError, KafkaError) as error:
                _LOGGER.warning("the group was left without a word: %s", error)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def on_shutdown(self) -> None:
        """Close the log, now that nothing reads it any more."""
        if self.log_on_kafka is not None:
            await asyncio.get_running_loop().run_in_executor(None, self.log_on_kafka.close)

    @Service.task
    async def _stay_in_the_group(self) -> None:
        """Poll the consumer, whose partitions are paused: it is for membership only."""
        committed_s = monotonic_s()
        while not self.should_stop:
            try:
                await self._consumer.getmany(timeout_ms=200)
                self.polled_s = monotonic_s()
                if self.polled_s - committed_s > COMMIT_S:
                    committed_s = self.polled_s
                    await self._tell_positions()
            except KafkaError as error:
                _LOGGER.info("the group cannot be reached: %s", error)
                await self.sleep(1.0)

    @Service.task
    async def _learn(self) -> None:
        """Step what is due, in threads; wait for news when all partitions are at their ends."""
        assert self.pool is not None, "it is made when the service starts"
        loop = asyncio.get_running_loop()
        while not self.should_stop:
            busy = set(map(id, self._stepping.values()))
            for one in self.pool.due()[: THREADS - len(busy)]:
                if id(one) not in busy:
                    future = loop.run_in_executor(self._threads, self.pool.step, one)
                    self._stepping[future] = one
            idle = self.pool.idle()
            if self._waiting is None and idle:
                self._waiting = loop.run_in_executor(self._threads, self._news, idle)
            running = self._running()
            if not running:
                await self.sleep(0.05)
                continue
            # A partition that rests falls due without anybody saying so.
            done, _ = await asyncio.wait(running, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                if ended is self._waiting:
                    self.pool.wake(self._waiting.result())
                    self._waiting = None
                else:
                    self._stepping.pop(ended)
                    ended.result()

    @Service.timer(IDENTITY_S)
    async def _heed_changed_settings(self) -> None:
        """Learn again under the settings that the log states now."""
        if self.pool is None or self.log_on_kafka is None:
            return
        loop = asyncio.get_running_loop()
        try:
            identity = await loop.run_in_executor(None, identity_of, self.log_on_kafka)
        except LogError as error:
            _LOGGER.info("the log's settings cannot be read: %s", error)
            return
        if identity is not None and identity != self.pool.identity:
            _LOGGER.warning("the log's settings were changed: everything is learned again")
            await self.let_go(self.pool.adopt(identity))

    def pause(self, assigned: Any) -> None:
        """Keep the group's consumer from fetching: records are read through the log."""
        self._consumer.pause(*assigned)

    async def take(self, places: Iterable[Place]) -> None:
        """Have these partitions and no others."""
        if self.pool is not None:
            await self.let_go(self.pool.assign(places))

    async def finish(self) -> None:
        """Have running batches committed; begin none until partitions are taken again."""
        if self.pool is not None:
            await self._commit_running(self.pool.tended)

    async def let_go(self, lost: list[Tended]) -> None:
        """Have running batches committed, and forget these partitions."""
        if self.pool is None or not lost:
            return
        await self._commit_running(lost)
        loop = asyncio.get_running_loop()
        released = [loop.run_in_executor(None, self.pool.release, one) for one in lost]
        await asyncio.wait(released, timeout=SESSION_MS / 1_000)

    async def _commit_running(self, some: list[Tended]) -> None:
        assert self.pool is not None, "whoever has partitions has made it"
        self.pool.hurry(some)
        running = [f for f, one in self._stepping.items() if any(one is each for each in some)]
        if running:
            await asyncio.wait(running, timeout=SESSION_MS / 1_000)

    async def _tell_positions(self) -> None:
        assert self.pool is not None, "it is made when the service starts"
        mine = self._consumer.assignment()
        positions = {
            TopicPartition(self.cluster.prefix + one.place[0], one.place[1]): one.position
            for one in self.pool.tended
            if one.committed_s is not None
        }
        told = {place: at for place, at in positions.items() if place in mine}
        if told:
            await self._consumer.commit(told)

    def _running(self) -> set[asyncio.Future[Any]]:
        """What threads are at."""
        return {*self._stepping, *((self._waiting,) if self._waiting else ())}

    def _news(self, idle: dict[Place, int]) -> set[Place]:
        assert self.log_on_kafka is not None, "it is opened when the service starts"
        try:
            found = self.log_on_kafka.wait(idle, POLL_S)
        except LogError as error:
            self.trouble = str(error)
            return set()
        self.trouble = None
        return found


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """Told by the consumer which partitions are ours."""

    def __init__(self, service: LearnerService) -> None:
        self._service = service

    async def on_partitions_revoked(self, _: Any) -> None:
        """Have batches committed before others get them; what we get back is kept as it is."""
        await self._service.finish()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Go on with these, and with these only."""
        prefix = self._service.cluster.prefix
        self._service.pause(assigned)
        await self._service.take(
            (one.topic.removeprefix(prefix), one.partition) for one in assigned
        )
