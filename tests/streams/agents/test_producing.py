"""What a worker has to send waits for a cluster that is away, and a worker does not end over it."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError
from faust.exceptions import ProducerSendError

from streams.agents.producing import PatientProducer


class Cluster:
    """What answers as aiokafka's producer does: an error for each that is given, then a future."""

    def __init__(self, errors: Sequence[KafkaError]) -> None:
        self.errors = list(errors)
        self.sent: list[tuple[Any, ...]] = []

    async def send(self, *message: Any, **_: Any) -> str:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(message)
        return "on its way"


def sends(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Any:
    async def send() -> Any:
        app = faust.App("away", broker="kafka://127.0.0.1:1")
        producer = PatientProducer(app.transport)
        monkeypatch.setattr(producer, "_ensure_producer", lambda: cluster)
        return await producer.send("table", b"key", b"value", 0, None, None)

    return asyncio.run(send())


def test_what_finds_no_room_while_the_cluster_is_away_is_sent_once_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = Cluster([KafkaTimeoutError()] * 3)

    assert sends(cluster, monkeypatch) == "on its way"
    assert cluster.sent == [("table", b"value")]


def test_what_can_never_be_sent_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster([MessageSizeTooLargeError()])

    with pytest.raises(ProducerSendError):
        sends(cluster, monkeypatch)
    assert cluster.sent == []


def test_who_waits_for_a_topic_and_is_cancelled_is_so_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker told to end while it starts cancels one of the two that ask for its changelog."""

    async def ask() -> tuple[Any, ...]:
        app = faust.App("away", broker="kafka://127.0.0.1:1")
        producer = PatientProducer(app.transport)
        asked, answered = asyncio.Event(), asyncio.Event()

        async def answer(*_: Any, **__: Any) -> None:
            asked.set()
            await answered.wait()

        class Client:
            async def force_metadata_update(self) -> None: ...

        monkeypatch.setattr(app.transport, "_really_create_topic", answer)
        monkeypatch.setattr(producer, "_producer", SimpleNamespace(client=Client()))
        first = asyncio.ensure_future(producer.create_topic("table", 3, 1))
        await asked.wait()
        second = asyncio.ensure_future(producer.create_topic("table", 3, 1))
        _, waits = await asyncio.wait({second}, timeout=0.1)
        assert waits
        second.cancel()
        await asyncio.wait({second})
        answered.set()
        return await asyncio.gather(first, second, return_exceptions=True)

    first, second = asyncio.run(ask())

    assert first is None
    assert isinstance(second, asyncio.CancelledError)
