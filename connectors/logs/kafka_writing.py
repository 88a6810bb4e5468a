"""Appending to Kafka: batches through idempotent producers, in one transaction where it takes more.

One batch to one partition is written whole or not at all by itself. Everything else is a
transaction: what an owner appends is one under the owner's name as transactional id, which also
fences whoever held the name before (KIP-98).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from threading import RLock
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    ProducerFenced,
)

from connectors.logs.kafka_entering import let_in
from connectors.logs.kafka_loop import EventLoop, sentence
from connectors.logs.kafka_records import Place, batches_of, pieces_of
from connectors.logs.kafka_settings import KafkaSettings
from schemas.errors import Fenced, LogError, LogUnavailable, WrongUse
from schemas.failpoint import reach
from schemas.log import Outgoing

BATCH_BYTES: Final = 512 << 10
"""Bytes of a batch before compression; a larger record is a batch of its own."""

REQUEST_MS: Final = 30_000

TRANSACTION_MS: Final = 60_000
"""After this long the broker ends a transaction whose producer has died."""

_FENCED: Final = (ProducerFenced, InvalidProducerEpoch, InvalidProducerIdMapping, InvalidTxnState)


class Writer:
    """One producer of the library; `name` is its transactional id, None for plain batches.

    Appends of several threads take turns. After an error that leaves open what is known of the
    producer's state it is of no use any more.
    """

    def __init__(self, loop: EventLoop, settings: KafkaSettings, name: str | None) -> None:
        """Bind; nothing is connected before `start`."""
        self._loop = loop
        self._settings = settings
        self._name = name
        self._producer: Any = None
        self._fenced = False
        self._lock = RLock()

    @property
    def lost(self) -> bool:
        """Whether it is of no use any more."""
        return self._producer is None

    def start(self) -> None:
        """Connect; with a name, fence whoever had it and end what they left open."""
        self._producer = self._loop.run(self._start())

    def append(self, records: Iterable[Outgoing], partitions: int) -> tuple[list[int], list[Place]]:
        """Append all or none; the offset and the place of every record, in order.

        Raises:
            Fenced: another producer has taken the name.
            LogUnavailable: the cluster did not take them; whether it did after all is unknown only
                where the very end of a transaction was not answered.
        """
        with self._lock:
            if self._producer is None:
                raise self._lost()
            if self._name is None:
                return self._append_plain(records, partitions)
            return self._append_whole(records, partitions)

    def close(self) -> None:
        """Let go of the connections; a second call does nothing."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(LogUnavailable, WrongUse):
                self._loop.run(_stop(producer))

    def _append_plain(
        self, records: Iterable[Outgoing], partitions: int
    ) -> tuple[list[int], list[Place]]:
        offsets: list[int] = []
        places: list[Place] = []
        for piece in pieces_of(records, partitions):
            self._deliver(piece, offsets, places)
        return offsets, places

    def _append_whole(
        self, records: Iterable[Outgoing], partitions: int
    ) -> tuple[list[int], list[Place]]:
        offsets: list[int] = []
        places: list[Place] = []
        begun = False
        try:
            for piece in pieces_of(records, partitions):
                if not begun:
                    self._run(self._producer.begin_transaction)
                    begun = True
                self._deliver(piece, offsets, places)
            if begun:
                reach("kafka.before_commit")
                self._run(self._producer.commit_transaction)
        except BaseException as error:
            if begun and not isinstance(error, Fenced):
                self._abort()
            raise
        return offsets, places

    def _deliver(self, piece: list[Outgoing], offsets: list[int], places: list[Place]) -> None:
        batches = batches_of(piece, self._producer)
        counts = {at: [one.record_count() for one in mine] for at, mine in batches.items()}
        producer, prefix = self._producer, self._settings.prefix
        bases = self._run(lambda: _send(producer, prefix, batches))
        following = {
            at: (
                base + number
                for base, count in zip(bases[at], counts[at], strict=True)
                for number in range(count)
            )
            for at in batches
        }
        for record in piece:
            place = (record.topic, record.partition)
            places.append(place)
            offsets.append(next(following[place]))

    def _run(self, work: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return self._loop.run(_explained(work))
        except Fenced:
            self._fenced = True
            self.close()
            raise self._lost() from None
        except LogUnavailable:
            self.close()
            raise

    def _abort(self) -> None:
        if self._producer is None:
            return
        try:
            self._run(self._producer.abort_transaction)
        except (Fenced, LogUnavailable, AssertionError):
            self.close()

    def _lost(self) -> LogError:
        if self._fenced:
            return Fenced(f"owner {self._name} was taken over; nothing was appended")
        who = f"owner {self._name}" if self._name else "the producer"
        return LogUnavailable(
            f"{who} of the log on Kafka at {self._settings.bootstrap} was closed or lost its "
            "connection; take the name again"
        )

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._settings.client_options(),
            acks="all",
            enable_idempotence=True,
            transactional_id=self._settings.prefix + self._name if self._name else None,
            transaction_timeout_ms=TRANSACTION_MS,
            request_timeout_ms=REQUEST_MS,
            max_batch_size=BATCH_BYTES,
            max_request_size=32 << 20,
            compression_type="snappy",
        )
        try:
            await let_in(producer.start(), self._settings)
        except BaseException:
            await _stop(producer)
            raise
        return producer


async def _explained(work: Callable[[], Awaitable[Any]]) -> Any:
    """Await it; what the library raises becomes ours."""
    try:
        return await work()
    except _FENCED as error:
        raise Fenced(type(error).__name__) from error
    except (MessageSizeTooLargeError, IllegalOperation) as error:
        raise WrongUse(f"Kafka does not take it: {sentence(error)}") from error
    except ProducerClosed as error:
        raise LogUnavailable("the producer was closed") from error
    except KafkaError as error:
        if any(isinstance(cause, _FENCED) for cause in (error.__cause__, error.__context__)):
            raise Fenced(type(error).__name__) from error
        raise


async def _send(
    producer: Any, prefix: str, batches: dict[Place, list[Any]]
) -> dict[Place, list[int]]:
    """Send the batches of every place in order, of all places at once; their first offsets."""

    async def of(place: Place, mine: list[Any]) -> list[int]:
        topic, partition = place
        bases = []
        for batch in mine:
            delivered = await producer.send_batch(batch, prefix + topic, partition=partition)
            bases.append((await delivered).offset)
        return bases

    tasks = [asyncio.ensure_future(of(place, mine)) for place, mine in batches.items()]
    try:
        answers = await asyncio.gather(*tasks)
    except BaseException:
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return dict(zip(batches, answers, strict=True))


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stop it in bounded time, whatever it still waits for."""
    try:
        await asyncio.wait_for(producer.stop(), 2.0)
    except (TimeoutError, KafkaError, OSError, AssertionError):
        with suppress(TimeoutError, KafkaError, OSError):
            await asyncio.wait_for(producer.client.close(), 2.0)
