"""The broker for tests: it serves, it comes back with what it held, and it is never left behind."""

import asyncio
import gc
import warnings
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.kafka.broker import Broker, BrokerFailedError
from tests.kafka.containers import engine_answers
from tests.kafka.fixtures import MakeBroker
from tests.kafka.shared import SharedBroker

LIMIT_S = 60.0


@pytest.mark.needs_kafka
def test_the_shared_broker_serves_transactions(broker: SharedBroker, kafka_prefix: str) -> None:
    """One transaction is committed, one aborted; readers of what is committed see the first."""
    topic = f"{kafka_prefix}numbers"

    async def read() -> list[bytes | None]:
        await make_topic(broker.bootstrap, topic)
        async with AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap, transactional_id=f"{kafka_prefix}writer"
        ) as producer:
            async with producer.transaction():
                await producer.send_and_wait(topic, b"kept")
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"dropped")
            await producer.abort_transaction()
            async with producer.transaction():
                await producer.send_and_wait(topic, b"kept too")
        return await values(broker.bootstrap, topic, 2, isolation_level="read_committed")

    assert asyncio.run(read()) == [b"kept", b"kept too"]


@pytest.mark.needs_kafka
@pytest.mark.parametrize("size", [1_000, 16 * 1024 * 1024])
def test_a_record_may_be_large(broker: SharedBroker, kafka_prefix: str, size: int) -> None:
    topic = f"{kafka_prefix}large"

    async def read() -> list[bytes | None]:
        await make_topic(broker.bootstrap, topic, {"max.message.bytes": str(17 * 1024 * 1024)})
        await send(broker.bootstrap, topic, b"x" * size, max_request_size=17 * 1024 * 1024)
        return await values(broker.bootstrap, topic, 1)

    assert [len(value or b"") for value in asyncio.run(read())] == [size]


@pytest.mark.needs_own_kafka
def test_a_killed_broker_comes_back_with_what_it_held(make_broker: MakeBroker) -> None:
    own = make_broker()
    asyncio.run(make_topic(own.bootstrap, "kept"))
    asyncio.run(send(own.bootstrap, "kept", b"before"))
    address = own.bootstrap

    own.kill()
    assert not own.running
    own.start()
    asyncio.run(send(own.bootstrap, "kept", b"after"))

    assert own.bootstrap == address
    assert asyncio.run(values(own.bootstrap, "kept", 2)) == [b"before", b"after"]


@pytest.mark.needs_own_kafka
def test_a_broker_that_cannot_begin_says_why(tmp_path: Path) -> None:
    with pytest.raises(BrokerFailedError, match="Invalid value 0") as failed:
        Broker(tmp_path / "kafka", properties={"num.io.threads": "0"}).start()

    assert "num.io.threads" in str(failed.value)


@pytest.mark.parametrize("engine", ["unix:///nowhere", "tcp://127.0.0.1:1", "nonsense"])
def test_an_engine_that_is_not_there_is_asked_for_in_passing(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client for it leaves its socket open, which would fail whatever test comes next."""
    monkeypatch.setenv("DOCKER_HOST", engine)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert not engine_answers.__wrapped__()
        gc.collect()

    assert [str(one.message) for one in said] == []


async def make_topic(bootstrap: str, name: str, more: dict[str, str] | None = None) -> None:
    """A topic of one partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        topic = NewTopic(name, num_partitions=1, replication_factor=1, topic_configs=more)
        await admin.create_topics([topic])
    finally:
        await admin.close()


async def send(bootstrap: str, topic: str, value: bytes, max_request_size: int = 1 << 20) -> None:
    """One record, acknowledged."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", max_request_size=max_request_size
    ) as producer:
        await producer.send_and_wait(topic, value)


async def values(
    bootstrap: str, topic: str, count: int, isolation_level: str = "read_uncommitted"
) -> list[bytes | None]:
    """The first records of the topic."""
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level=isolation_level
    ) as consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        async with asyncio.timeout(LIMIT_S):
            return [(await consumer.getone()).value for _ in range(count)]
