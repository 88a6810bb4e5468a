"""Reading a partition from any offset on: one fetch at the position that is asked for.

The library's consumer keeps one position a partition, reads ahead for all of them at once and gives
records in whatever order they come. The contract of a log is smaller: these records, from here. So
fetches are sent as they are needed, through the library's client, and what was fetched and not yet
drawn is kept for the next read of the same partition.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any, Final

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import (
    KafkaError,
    NoError,
    OffsetOutOfRangeError,
    RequestTimedOutError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.structs import TopicPartition

from connectors.logs.kafka_loop import EventLoop
from connectors.logs.kafka_records import Fetched, Place
from schemas.clock import monotonic_s
from schemas.errors import LogIncompatible, LogUnavailable
from schemas.log import Record

COMMITTED: Final = 1
UNCOMMITTED: Final = 0
"""Isolation levels of the protocol."""

LATEST, EARLIEST = -1, -2

FETCH_BYTES: Final = 1 << 20
"""Bytes of one partition in one answer; one larger batch comes whole all the same."""

KEPT: Final = 48
"""Partitions of which fetched records are kept, the last used ones."""

PATIENCE_S: Final = 30.0
"""How long a broker that is gone, or has no leader, is asked again."""

PAUSE_S: Final = 0.1

OPEN_S: Final = 75.0
"""How long an open transaction may hide what must be seen; the broker ends it before that."""


class Reader:
    """Committed records of all partitions, by position; for any number of threads."""

    def __init__(self, loop: EventLoop, client: AIOKafkaClient, prefix: str, where: str) -> None:
        """Bind to a started client."""
        self._loop = loop
        self._client = client
        self._prefix = prefix
        self._where = where
        self._kept: OrderedDict[Place, Fetched] = OrderedDict()
        self._owed: dict[Place, int] = {}
        self._markers: dict[Place, tuple[int, int]] = {}
        self._lock = Lock()

    def must_show(self, ends: Mapping[Place, int]) -> None:
        """Let reads to the end of these partitions wait until all below these offsets is there.

        A transaction that was committed shows a moment later, and not before older ones of other
        producers have ended.
        """
        with self._lock:
            for place, end in ends.items():
                self._owed[place] = max(end, self._owed.get(place, 0))

    def read(self, place: Place, offset: int, limit: int) -> list[Record]:
        """At most `limit` records from the first offset >= `offset` on."""
        records: list[Record] = []
        with self._lock:
            kept = self._kept.pop(place, None)
        position = self._behind_markers(place, offset)
        fetched = kept if kept is not None and kept.position == position else None
        fresh = fetched is None
        while len(records) < limit:
            if fetched is None:
                fetched, fresh = self._loop.run(self._one(place, position)), True
            records += fetched.draw(limit - len(records))
            if not fetched.exhausted:
                self._keep(place, fetched)
                break
            # What was kept knows the end of a moment ago: behind it there may be more by now.
            at_end = fresh and (fetched.position >= fetched.end or fetched.position == position)
            position, fetched = fetched.position, None
            if at_end and self._shows_all(place, position):
                break
        if position > offset and not records:
            self._markers[place] = (offset, position)
        return records

    def read_each(self, positions: Mapping[Place, int], limit: int) -> dict[Place, list[Record]]:
        """At most `limit` records of each partition, as far as one answer of a broker brings them.

        Nothing of a partition says that nothing was there; one that is left out must be read alone.
        """
        wanted = {place: self._behind_markers(place, at) for place, at in positions.items()}
        with self._lock:
            kept = {at: self._kept.pop(at) for at in wanted if at in self._kept}
        fetched = {at: one for at, one in kept.items() if one.position == wanted[at]}
        fresh = {at: position for at, position in wanted.items() if at not in fetched}
        if fresh:
            fetched |= self._loop.run(self._each(fresh))
        records: dict[Place, list[Record]] = {}
        for place, one in fetched.items():
            found = one.draw(limit)
            if not one.exhausted:
                self._keep(place, one)
            elif not found and (place in kept or one.position < self._due(place, one)):
                continue  # It is of a moment ago, or there was no room, or more must be shown.
            elif not found and one.position > positions[place]:
                self._markers[place] = (positions[place], one.position)
            records[place] = found
        return records

    def end(self, place: Place) -> int:
        """The offset behind the last committed record and its marker."""
        with self._lock:
            owed = self._owed.get(place, 0)
        end = self.ends([place])[place]
        if end < owed and self._shows_all(place, end):
            end = self.ends([place])[place]
        return end

    def ends(self, places: Iterable[Place], isolation: int = COMMITTED) -> dict[Place, int]:
        """The ends of many partitions at once."""
        return self._loop.run(self._offsets(list(places), LATEST, isolation))

    def start(self, place: Place) -> int:
        """The first offset that is still there."""
        return self._loop.run(self._offsets([place], EARLIEST, COMMITTED))[place]

    def wait(self, positions: Mapping[Place, int], limit_s: float) -> set[Place]:
        """The partitions that have something at or behind the positions; none when time is up."""
        wanted = {place: self._behind_markers(place, at) for place, at in positions.items()}
        with self._lock:
            known = {
                place
                for place, kept in self._kept.items()
                if kept.position == wanted.get(place) and not kept.exhausted
            }
        if known:
            return known
        fetched = self._loop.run(self._long_poll(wanted, limit_s), limit_s + PATIENCE_S)
        found = {at: one for at, one in fetched.items() if not one.exhausted and not one.is_empty()}
        with self._lock:
            self._kept |= found
        for place in fetched.keys() - found.keys():
            if fetched[place].position > wanted[place]:
                self._markers[place] = (positions[place], fetched[place].position)
        return set(found)

    def _due(self, place: Place, fetched: Fetched) -> int:
        """Up to where a partition must be read before nothing is left."""
        with self._lock:
            return max(fetched.end, self._owed.get(place, 0))

    def _keep(self, place: Place, fetched: Fetched) -> None:
        with self._lock:
            self._kept[place] = fetched
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def _behind_markers(self, place: Place, position: int) -> int:
        """Where the next record may be, where nothing but markers was found from a position on."""
        start, behind = self._markers.get(place, (-1, -1))
        return behind if position == start else position

    def _shows_all(self, place: Place, position: int) -> bool:
        """Whether nothing is owed behind `position`; waits a moment where something is."""
        with self._lock:
            owed = self._owed.get(place, 0)
        if position >= owed:
            return True
        end = self._loop.run(self._until_shown(place, owed), OPEN_S + PATIENCE_S)
        with self._lock:
            if self._owed.get(place, 0) <= end:
                self._owed.pop(place, None)
        return False

    async def _until_shown(self, place: Place, owed: int) -> int:
        """Ask again and again until the end is what is owed."""
        began_s, pause_s = monotonic_s(), 0.001
        while True:
            end = (await self._offsets([place], LATEST, COMMITTED))[place]
            if end >= owed:
                return end
            if monotonic_s() - began_s > OPEN_S:
                raise LogUnavailable(
                    f"Kafka at {self._where}: a transaction on {place[0]}/{place[1]} has been open "
                    f"for {OPEN_S:.0f} s and hides what was committed behind it; end its producer"
                )
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.05)

    async def _one(self, place: Place, position: int) -> Fetched:
        began_s = monotonic_s()
        while True:
            wanted = {place: position}
            try:
                return (await self._fetch(wanted, self._leader(place), wait_ms=0))[place]
            except OffsetOutOfRangeError:
                start = (await self._offsets([place], EARLIEST, COMMITTED))[place]
                if position >= start:  # Behind the end: nothing is there.
                    return Fetched(place, position, 0, b"", ())
                position = start
            except KafkaError as error:
                await self._again(error, began_s)

    async def _offsets(
        self, places: list[Place], timestamp: int, isolation: int
    ) -> dict[Place, int]:
        began_s = monotonic_s()
        while True:
            try:
                by_node: dict[int, list[Place]] = defaultdict(list)
                for place in places:
                    by_node[self._leader(place)].append(place)
                answers = await asyncio.gather(
                    *(self._list(n, some, timestamp, isolation) for n, some in by_node.items())
                )
            except KafkaError as error:
                await self._again(error, began_s)
            else:
                return {place: offset for answer in answers for place, offset in answer.items()}

    async def _list(
        self, node: int, places: list[Place], timestamp: int, isolation: int
    ) -> dict[Place, int]:
        topics: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for topic, partition in places:
            topics[self._prefix + topic].append((partition, timestamp))
        response = await self._client.send(node, OffsetRequest(-1, isolation, list(topics.items())))
        return {
            (topic.removeprefix(self._prefix), partition): _checked(code, topic, offset)
            for topic, partitions in response.topics
            for partition, code, _, offset in partitions
        }

    async def _each(self, positions: Mapping[Place, int]) -> dict[Place, Fetched]:
        """What the leaders of these partitions have, at once; nothing where one of them fails."""
        try:
            by_node = self._by_leader(positions)
            answers = await asyncio.gather(
                *(self._fetch(wanted, node, wait_ms=0) for node, wanted in by_node.items())
            )
        except KafkaError:
            return {}  # Whoever reads them alone learns why.
        return {at: one for answer in answers for at, one in answer.items()}

    async def _long_poll(
        self, positions: Mapping[Place, int], limit_s: float
    ) -> dict[Place, Fetched]:
        try:
            by_node = self._by_leader(positions)
            polls = [
                asyncio.ensure_future(self._fetch(wanted, node, wait_ms=int(limit_s * 1_000)))
                for node, wanted in by_node.items()
            ]
            done, waiting = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
            for poll in waiting:
                poll.cancel()
            answers = [poll.result() for poll in done]
        except KafkaError as error:
            await self._again(error, monotonic_s())
            return {}
        return {at: one for answer in answers for at, one in answer.items()}

    async def _fetch(
        self, wanted: Mapping[Place, int], node: int, *, wait_ms: int
    ) -> dict[Place, Fetched]:
        topics: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        for (topic, partition), position in wanted.items():
            topics[self._prefix + topic].append((partition, position, FETCH_BYTES))
        request = FetchRequest(
            wait_ms, 1, FETCH_BYTES * min(len(wanted), 8), COMMITTED, list(topics.items())
        )
        # One connection is answered in order, so who waits for news does so on another one.
        group = ConnectionGroup.COORDINATION if wait_ms else ConnectionGroup.DEFAULT
        response = await self._client.send(node, request, group=group)
        fetched = {}
        for topic, partitions in response.topics:
            for partition, code, _, *rest in partitions:
                _checked(code, topic, 0)
                # The protocol's order: last stable offset, (start of the log), aborted
                # transactions, (preferred replica since version 11), records.
                aborted = rest[2] if response.API_VERSION >= 11 else rest[-2]  # noqa: PLR2004
                place = (topic.removeprefix(self._prefix), partition)
                fetched[place] = Fetched(place, wanted[place], rest[0], rest[-1] or b"", aborted)
        return fetched

    def _by_leader(self, positions: Mapping[Place, int]) -> dict[int, dict[Place, int]]:
        """The positions by the broker that has to be asked for them."""
        by_node: dict[int, dict[Place, int]] = defaultdict(dict)
        for place, position in positions.items():
            by_node[self._leader(place)][place] = position
        return by_node

    def _leader(self, place: Place) -> int:
        topic, partition = place
        where = TopicPartition(self._prefix + topic, partition)
        node = self._client.cluster.leader_for_partition(where)
        if node is None or node == -1:
            raise UnknownTopicOrPartitionError(f"{where.topic}/{partition} has no leader")
        return int(node)

    async def _again(self, error: KafkaError, began_s: float) -> None:
        """Wait a moment and learn who leads; raise what cannot be mended by waiting."""
        lasting = not (error.retriable or isinstance(error, RequestTimedOutError))
        if lasting or monotonic_s() - began_s > PATIENCE_S:
            raise error
        await self._client.force_metadata_update()
        await asyncio.sleep(PAUSE_S)


def partitions_of(client: Any, prefix: str, topics: Iterable[str], where: str) -> int:
    """How many partitions all topics have.

    Raises:
        LogUnavailable: one of them is not there.
        LogIncompatible: they have different numbers.
    """
    found = {name: client.cluster.partitions_for_topic(prefix + name) or () for name in topics}
    missing = [prefix + name for name, partitions in found.items() if not partitions]
    if missing:
        raise LogUnavailable(
            f"Kafka at {where} has no topic {missing[0]}"
            + (f" ({len(missing)} are missing)" if len(missing) > 1 else "")
            + "; make them with: motif topics create"
        )
    numbers = {name: len(partitions) for name, partitions in found.items()}
    if len(set(numbers.values())) > 1:
        said = ", ".join(f"{prefix}{name} has {number}" for name, number in numbers.items())
        raise LogIncompatible(
            f"the topics on Kafka at {where} must have one number of partitions: {said}; "
            "copy the log into a new one"
        )
    return next(iter(numbers.values()))


def _checked(code: int, topic: str, offset: int) -> int:
    error = for_code(code)
    if error is not NoError:
        raise error(topic)
    return offset
