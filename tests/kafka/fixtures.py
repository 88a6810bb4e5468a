"""Fixtures: the broker all tests share, brokers of a test's own, and names that never meet."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from schemas.clock import new_id
from tests.kafka.broker import Broker
from tests.kafka.jars import java_is_here
from tests.kafka.shared import REMEDY, SharedBroker, shared_broker, some_broker_is_here

OWN_REMEDY = "install Java and Maven (Debian: apt-get install default-jre-headless maven)"


class MakeBroker(Protocol):
    """Makes a broker that belongs to one test, begun and ready."""

    def __call__(
        self,
        *,
        data: Path | None = None,
        properties: Mapping[str, str] | None = None,
        protocol: str = "PLAINTEXT",
        scram: Mapping[str, str] | None = None,
    ) -> Broker: ...


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[SharedBroker]:
    """A real Kafka broker, one for the whole run; use `kafka_prefix` before every name in it."""
    if not some_broker_is_here():
        pytest.fail(f"there is no Kafka broker: {REMEDY}; mark the test with needs_kafka")
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "kafka"
    with shared_broker(folder) as shared:
        yield shared


@pytest.fixture(scope="session")
def kafka(broker: SharedBroker) -> str:
    """Bootstrap servers of the broker that all tests share."""
    return broker.bootstrap


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[MakeBroker]:
    """Brokers of the test's own, to be killed and restarted; ended with the test."""
    if not java_is_here():
        pytest.fail(f"a broker cannot be made: {OWN_REMEDY}; mark the test with needs_own_kafka")
    with ExitStack() as ends:

        def make(
            *,
            data: Path | None = None,
            properties: Mapping[str, str] | None = None,
            protocol: str = "PLAINTEXT",
            scram: Mapping[str, str] | None = None,
        ) -> Broker:
            folder = tmp_path / f"kafka-{new_id()[:8]}"
            made = Broker(folder, data=data, properties=properties, protocol=protocol, scram=scram)
            return ends.enter_context(made)

        yield make


@pytest.fixture
def kafka_prefix(request: pytest.FixtureRequest) -> Iterator[str]:
    """What stands before the names of this test's topics, groups and transactions.

    The topics of the shared broker that begin with it are deleted afterwards: a thousand tests
    with ten topics each would be more than one small broker can carry.
    """
    prefix = f"t{new_id()[:8]}."
    yield prefix
    if "broker" in request.fixturenames:
        shared: SharedBroker = request.getfixturevalue("broker")
        asyncio.run(_delete(shared.bootstrap, lambda name: name.startswith(prefix)))


async def _delete(bootstrap: str, chosen: Callable[[str], bool]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if topics := [name for name in await admin.list_topics() if chosen(name)]:
            await admin.delete_topics(topics)
    finally:
        await admin.close()
